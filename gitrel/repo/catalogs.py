"""Commit → catalog: what a repository says at one commit, read from Git's objects and remembered.

A commit never changes, so neither does what it says; where versions are tags, what it says changes with them.
Asking again costs a dictionary look-up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from gitrel.errors import InvalidRepository, Problem
from gitrel.repo.check import check_repository
from gitrel.repo.git.repository import GitRepository
from gitrel.repo.git.tags import TagReader
from gitrel.repo.model import Catalog
from gitrel.repo.tagged import Tags, overlay, tagged_components
from gitrel.repo.tree import RawTree

Read = tuple[Catalog, tuple[Problem, ...]]
CATALOGS_MAX = 16
"""Catalogs kept: the commit of now, and those at which releases in force were decided."""


class CommitMissing(InvalidRepository):
    """A commit that something was decided on is nowhere to be had any more."""

    def __init__(self, place: str, commit: str) -> None:
        what = f"commit {commit[:12]}, on which something was decided, is not here, nor on the remote"
        super().__init__([Problem(place, 0, 0, what, "push it again, or promote anew from what is there")])


def _nowhere(commit: str) -> bool:
    return False


class TagSource(Protocol):
    """What is known of tags now. Both answers are the same until the truth is looked at again."""

    def tags(self) -> Mapping[str, str]:
        """Every tag as full ref → the object that it names."""
        ...

    def untagged(self) -> Mapping[str, Collection[str]]:
        """Component → versions named by their commit, at which something runs or ran by the journal."""
        ...

    def doubted(self, tags: Tags) -> Mapping[str, str]:
        """Full ref → why that tag is not believed, of those that something rests on."""
        ...


class CommitCatalogs:
    """Implements `orchestrator.world.Source`: `tip` says which commit is the truth now.

    `bring` fetches a commit that is not here and says whether it is here then.
    """

    def __init__(
        self,
        repository: GitRepository,
        tip: Callable[[], str],
        bring: Callable[[str], bool] = _nowhere,
        tags: TagSource | None = None,
    ) -> None:
        self._repository = repository
        self._tip = tip
        self._bring = bring
        self._tags = tags
        self._tag_reader = TagReader(repository)
        self._tagged: dict[str, Mapping[str, str]] = {}
        self._read: OrderedDict[tuple[str, frozenset[tuple[str, object]]], Read] = OrderedDict()

    def head(self) -> str:
        return self._tip()

    def catalog(self, commit: str) -> Read:
        prefixes = self._prefixes(commit)
        refs, further = self._refs(prefixes)
        tags = self._tag_reader.read(prefixes, refs, further)
        doubted = self._tags.doubted(tags) if self._tags is not None and tags else {}
        more = ((name, frozenset(further[name])) for name in further)
        key = commit, frozenset([*refs.items(), *more, ("doubted", frozenset(doubted.items()))])
        if key not in self._read:
            tree = overlay(self._tree(commit), tags, doubted)
            self._read[key] = check_repository(tree, commit)
            while len(self._read) > CATALOGS_MAX:
                self._read.popitem(last=False)
        self._read.move_to_end(key)
        return self._read[key]

    def _refs(self, prefixes: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, Collection[str]]]:
        if not prefixes:
            return {}, {}
        if self._tags is None:
            return self._repository.tags(), {}
        untagged = self._tags.untagged()
        return self._tags.tags(), {name: untagged[name] for name in prefixes if name in untagged}

    def _prefixes(self, commit: str) -> Mapping[str, str]:
        if commit not in self._tagged:
            self._tagged[commit] = tagged_components(self._tree(commit))
        return self._tagged[commit]

    def _tree(self, commit: str) -> RawTree:
        if commit and not self._repository.has(commit) and not self._bring(commit):
            raise CommitMissing(str(self._repository.path), commit)
        return self._repository.read_commit(commit)
