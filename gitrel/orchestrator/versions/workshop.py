"""Where versions are made: the repository, its truth, and one way to turn changes into a commit on it.

A commit is built from what the branch holds now, judged as a whole before anybody can see it, and then made
the truth by compare-and-swap. Where somebody else was first, everything is read and decided again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from gitrel.clock import Clock
from gitrel.errors import InvalidRepository, Problem, UsageError
from gitrel.ledger.git import GitLedger
from gitrel.orchestrator.contention import anew_on_conflict
from gitrel.orchestrator.world import Renderer, World
from gitrel.repo import layout
from gitrel.repo.check import blocking, check_repository
from gitrel.repo.edit import FileChange
from gitrel.repo.git import GitRepository, RefUpdate
from gitrel.repo.git.tags import TagReader
from gitrel.repo.model import Catalog, Component
from gitrel.repo.resolve import resolve
from gitrel.repo.suggest import did_you_mean, have, visible
from gitrel.repo.tagged import Tags, doubt, overlay, tagged_components
from gitrel.repo.tree import RawTree
from gitrel.rollout.state import Rollout

ATTEMPTS = 5
"""How often something is decided again because the branch moved meanwhile."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Workshop:
    """Everything that making versions may touch. `actor` is `Name <email>`, the author of its commits."""

    repository: GitRepository
    ledger: GitLedger
    render: Renderer
    clock: Clock
    actor: str


def workshop_of(world: World) -> Workshop:
    """The workshop beside a world, on the same repository and the same truth."""
    if not isinstance(world.ledger, GitLedger):
        raise TypeError("versions are made in Git, and this world's ledger is kept elsewhere")
    return Workshop(world.ledger.repository, world.ledger, world.render, world.clock, world.actor)


@dataclass(frozen=True)
class Bench:
    """What one attempt works on: the branch's tip, what it says, and what the journal knows.

    `tree` holds versions that are tags as directories (see `repo.tagged`), `tags` as they are.
    """

    shop: Workshop
    now: datetime
    tip: str
    tree: RawTree
    tags: Tags
    catalog: Catalog
    problems: tuple[Problem, ...]
    records: Mapping[str, Rollout]

    def component(self, name: str) -> Component:
        """One component as it is written, edited releases included. Raises what stands in the way."""
        if everywhere := blocking(self.problems):
            raise InvalidRepository(everywhere)
        if name in self.catalog.broken:
            raise InvalidRepository(self.catalog.broken[name])
        known = self.catalog.components
        if name not in known:
            near = did_you_mean(name, known)
            raise UsageError(f"there is no component {visible(name)}{near} {have(sorted(known))}")
        if name in self.tags:
            mine = {
                tag.ref: tag
                for tag in (*self.tags[name].versions.values(), *self.tags[name].pointers.values())
            }
            doubted = self.shop.ledger.doubted({name: self.tags[name]})
            if doubted:
                raise InvalidRepository([doubt(name, mine[ref], why) for ref, why in doubted.items()])
        return known[name]

    def build(self, changes: Iterable[FileChange], message: str, *, on: str = "") -> str:
        """A commit with these changes on the tip, or `on` another commit; nothing refers to it yet."""
        return self.shop.repository.commit_tree(
            on or self.tip, changes, message=message, author=self.shop.actor, at=self.now
        )

    def tag(self, ref: str, commit: str, message: str) -> RefUpdate:
        """The move that puts an annotated tag at `commit`, from where the tag was when it was read."""
        made = self.shop.repository.tag_object(
            commit, ref.removeprefix("refs/tags/"), message=message, author=self.shop.actor, at=self.now
        )
        return RefUpdate(ref, made, self.shop.ledger.tags().get(ref, ""))

    def judge(
        self, commit: str, component: str, versions: Iterable[str], moves: Iterable[RefUpdate] = ()
    ) -> None:
        """Raises InvalidRepository for every error that `commit` and the `moves` of tags bring.

        `versions` are rendered in every environment that the component is deployed to.
        """
        shop = self.shop
        before = set(check_repository(self.tree, self.tip)[1])
        moved = {move.ref: move.new for move in moves}
        refs = {**shop.ledger.tags(), **moved} if moved else None
        tree, _ = _laid_over(shop, shop.repository.read_commit(commit), refs)
        catalog, problems = check_repository(tree, commit)
        new = [p for p in problems if p.severity == "error" and p not in before]
        if new:
            raise InvalidRepository(new)
        found = catalog.components.get(component)
        for version in versions if found else ():
            for environment in sorted(found.pointers) if found else ():
                problems = shop.render(catalog, component, version, environment).problems
                new += [p for p in problems if p.severity == "error"]
        if new:
            raise InvalidRepository(new)


def at_bench(shop: Workshop, work: Callable[[Bench], _Result]) -> _Result:
    """Does `work` on what is the truth now, and again where it ends in a Conflict."""
    return anew_on_conflict(lambda: work(_bench(shop)), ATTEMPTS)


def _bench(shop: Workshop) -> Bench:
    now = shop.clock.now().replace(microsecond=0)  # as exact as a commit is
    _, records = shop.ledger.load()
    tip = shop.ledger.tip()
    tree, tags = _laid_over(shop, shop.repository.read_commit(tip), None)
    catalog, problems = resolve(tree, tip)
    return Bench(shop, now, tip, tree, tags, catalog, problems, records)


def _laid_over(shop: Workshop, tree: RawTree, refs: Mapping[str, str] | None) -> tuple[RawTree, Tags]:
    """The tree with the versions that are tags; without any, no tag is looked at."""
    prefixes = tagged_components(tree)
    if not prefixes:
        return tree, {}
    known = shop.ledger.tags() if refs is None else refs
    tags = TagReader(shop.repository).read(prefixes, known, shop.ledger.untagged())
    return overlay(tree, tags, shop.ledger.doubted(tags)), tags


def sorted_versions(names: Iterable[str]) -> list[str]:
    """Newest first, and `current` before all of them."""
    return sorted(names, key=layout.version_key, reverse=True)
