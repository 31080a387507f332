"""`release list`: every version with who cut it, when, from what, where it runs, and whether it is as it was.

Read from one commit and from the journal; the history of a folder is asked only where it has no record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from gitrel.errors import Problem
from gitrel.orchestrator.versions.workshop import Bench, Workshop, at_bench, sorted_versions
from gitrel.repo import layout
from gitrel.repo.model import Component, Fix, Version
from gitrel.repo.record import Differences, State, differences, state_of
from gitrel.rollout.state import ACTIVE, Rollout


@dataclass(frozen=True, slots=True)
class Listed:
    """One version of one component.

    `at`, `by` and `commit` are of its cut; for a folder without a record, of the commit that made it.
    `pointers` are the environments whose pointer names it, `in_force` those where it runs by the journal,
    `arriving` those that it is on its way to. `current` has no state.
    """

    component: str
    version: str
    at: datetime | None
    by: str
    commit: str
    digest: str
    state: State | None
    pointers: tuple[str, ...]
    in_force: tuple[str, ...]
    arriving: tuple[str, ...]
    fixes: tuple[Fix, ...] = ()
    edited: Differences = field(default_factory=Differences)


@dataclass(frozen=True, slots=True)
class Listing:
    """Versions newest first within each component; `problems` of components that could not be read."""

    commit: str
    versions: tuple[Listed, ...]
    problems: tuple[Problem, ...] = ()


def list_versions(shop: Workshop, component: str | None = None) -> Listing:
    """All versions, or those of one component. Raises UsageError for a component that does not exist."""

    def work(bench: Bench) -> Listing:
        catalog = bench.catalog
        chosen = [bench.component(component)] if component else list(catalog.components.values())
        problems = () if component else tuple(p for errors in catalog.broken.values() for p in errors)
        rows = tuple(row for one in chosen for row in _rows(bench, one))
        return Listing(bench.tip, rows, problems)

    return at_bench(shop, work)


def _rows(bench: Bench, component: Component) -> Iterable[Listed]:
    record = bench.records.get(component.name)
    for name in sorted_versions(component.versions):
        yield _listed(bench, component, component.versions[name], record)


def _listed(bench: Bench, component: Component, version: Version, rollout: Rollout | None) -> Listed:
    at, by, commit = _made(bench, version)
    pointers = (env for env, pointer in component.pointers.items() if pointer.version == version.name)
    in_force = rollout.in_force if rollout else {}
    return Listed(
        component=component.name,
        version=version.name,
        at=at,
        by=by,
        commit=commit,
        digest=version.source_digest,
        state=state_of(version) if layout.is_released(version.name) else None,
        pointers=tuple(sorted(pointers)),
        in_force=tuple(sorted(env for env, it in in_force.items() if it.version == version.name)),
        arriving=tuple(sorted(_arriving(version.name, rollout))),
        fixes=version.record.fixes if version.record else (),
        edited=differences(version),
    )


def _arriving(version: str, rollout: Rollout | None) -> Iterable[str]:
    for environment, progress in rollout.environments.items() if rollout else ():
        if progress.phase in ACTIVE and progress.target.version == version:
            yield environment


def _made(bench: Bench, version: Version) -> tuple[datetime | None, str, str]:
    """When a version was made, by whom and from which commit; for `current`, its newest change."""
    if version.record is not None:
        return version.record.at, version.record.by, version.record.commit
    tags = bench.tags.get(version.component)
    if tags and (tag := tags.versions.get(version.name)):
        return tag.at, tag.by, tag.commit
    newest = version.name == layout.CURRENT
    if tags and not newest:
        chain = [tags.commit_of(version.name)]
    else:
        chain = bench.shop.repository.chain(bench.tip, path=version.origin.file, limit=1 if newest else 0)
    if not chain:
        return None, "", ""
    (commit,) = bench.shop.repository.commits([chain[0 if newest else -1]])
    return commit.at, str(commit.author), commit.id
