"""What goes on while the files of a component have errors: nothing new starts, what has started is watched.

A release that crashes does not wait until somebody has mended a file. So environments in flight are judged
on, and taken back, by the last good schedule: that of the commit which the newest of them was taken from.
Git's pointers and whatever else the bad files say are not looked at; environments that only wait, and those
that passed, stay out of sight and so exactly as they are.
"""

from __future__ import annotations

from datetime import datetime

from gitrel.errors import GitrelError
from gitrel.orchestrator.observe import Sight, see
from gitrel.orchestrator.specs import spec_of
from gitrel.orchestrator.step import Step
from gitrel.orchestrator.world import World
from gitrel.repo.model import Catalog
from gitrel.rollout.decide import decide
from gitrel.rollout.seen import Release, Seen
from gitrel.rollout.state import IN_FLIGHT, EnvironmentProgress, Phase, Rollout

WATCHED_PHASES = IN_FLIGHT | {Phase.ROLLED_BACK}
"""What started and is not decided, and what went back and may still be on its way there."""
WATCHED = "its files have errors, so nothing new starts; what has started is watched on"


def is_watched(record: Rollout) -> bool:
    return any(progress.phase in WATCHED_PHASES for progress in record.environments.values())


def watch(world: World, record: Rollout, commit: str, now: datetime) -> Step | None:
    """The component's part of a pass at `commit`, where its files have errors.

    None where nothing is to be watched, or where no commit of what is in flight can be read any more.
    """
    if not is_watched(record):
        return None
    catalog = last_good(world, record)
    if catalog is None:
        return None
    component = catalog.components[record.component]
    spec = spec_of(catalog, component)
    seen: dict[str, Seen] = {}
    unreachable: dict[str, str] = {}
    for name in spec.environments:
        progress = record.environments.get(name)
        if progress is None or progress.phase not in WATCHED_PHASES:
            continue
        pointer = _pointer(record, progress)
        seen[name], because = see(world, catalog, component, record, name, (pointer, None), now)
        if because:
            unreachable[name] = because
    sight = Sight(commit, seen, unreachable)
    decision = decide(spec, record, seen, now)
    return Step(catalog, component, spec, record, sight, decision, now, watched=True)


def last_good(world: World, record: Rollout) -> Catalog | None:
    """The catalog of the commit that the newest release in flight, or else in force, was taken from."""
    newest = sorted(
        (one for one in record.environments.values() if one.phase in WATCHED_PHASES and one.started),
        key=lambda one: (one.started, one.environment),
        reverse=True,
    )
    releases = [*(one.target for one in newest), *record.in_force.values()]
    for commit in dict.fromkeys(release.commit for release in releases if release.commit):
        try:
            catalog, _ = world.source.catalog(commit)
        except GitrelError:
            continue
        if record.component in catalog.components:
            return catalog
    return None


def _pointer(record: Rollout, progress: EnvironmentProgress) -> Release | None:
    """Where our own move put the pointer; unknown after a rollback, whose move the bad files may prevent."""
    if progress.phase is Phase.ROLLED_BACK:
        return None
    return record.in_force.get(progress.environment)
