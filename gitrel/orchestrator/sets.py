"""Components that are promoted as one set: they move in step, wave by wave.

An environment starts for a member when its own gates are open and every member has passed, with the set's
versions, each environment of the earlier waves that it is deployed to. So what reaches a wave was seen
working together in the wave before. A member that fails stops the others there; it is not rolled back for
them nor they for it, and `retry`, `rollback` or another promotion decides.
"""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.repo.model import Catalog, Component
from gitrel.rollout.state import WAITING, Phase, Rollout

ENDED_BADLY = frozenset({"failed", "rolled-back", "aborted"})
AT_REST = frozenset({Phase.PASSED, Phase.SUPERSEDED})


def waiting_for_set(
    catalog: Catalog, record: Rollout, records: Mapping[str, Rollout], environment: str
) -> str:
    """Which member the start of `environment` waits for, as a reason; empty where none is waited for."""
    progress = record.environments.get(environment)
    if not record.together or progress is None or progress.phase not in WAITING:
        return ""
    if progress.target.version != record.version or progress.rollout != record.number:
        return ""  # a change made by hand is no step of the set
    for member, version in sorted(record.together.items()):
        if member == record.component:
            continue
        theirs = records.get(member)
        if theirs is None or theirs.version != version or dict(theirs.together) != dict(record.together):
            return f"{member} is no longer promoted to {version} with it: promote the set anew, or this alone"
        if missing := _not_passed(catalog, theirs, version, environment):
            return f"{member} {missing}, and they are promoted together"
    return ""


def _not_passed(catalog: Catalog, theirs: Rollout, version: str, environment: str) -> str:
    """What a member has still to do before the wave of `environment`; empty where that is nothing."""
    for wave in catalog.pipeline.waves:
        if environment in wave.environments:
            return ""
        for name in wave.environments:
            if name in theirs.scope and not _runs_well(theirs, version, name):
                found = theirs.environments.get(name)
                return f"is {found.phase.value if found else 'not started'} in {name}"
    return ""


def lagging(catalog: Catalog, component: Component, record: Rollout, version: str, environment: str) -> str:
    """What a member has still to pass before the wave of `environment`, whoever moved it; or nothing."""
    for wave in catalog.pipeline.waves:
        if environment in wave.environments:
            return ""
        for name in wave.environments:
            if name in component.pointers and not _runs_well(record, version, name):
                found = record.environments.get(name)
                state = found.phase.value if found and found.target.version == version else "not started"
                return f"{component.name} {version}, which is {state} in {name}"
    return ""


def _runs_well(theirs: Rollout, version: str, environment: str) -> bool:
    in_force, progress = theirs.in_force.get(environment), theirs.environments.get(environment)
    if in_force is None or in_force.version != version:
        return False
    return progress is None or progress.phase in AT_REST


def is_freed(catalog: Catalog, before: Mapping[str, Rollout], decided: Mapping[str, Rollout]) -> bool:
    """Whether a pass did what a member waited for: it could not see that yet, so another is due at once."""
    after = {**before, **decided}
    return any(
        waiting_for_set(catalog, record, before, name) and not waiting_for_set(catalog, record, after, name)
        for record in decided.values()
        if record.together
        for name in record.environments
    )


def is_stuck(rollout: Rollout, rollouts: Mapping[str, Rollout]) -> bool:
    """Whether it only waits for a member that ended badly or left the set: no pass will change that."""
    others = (rollouts[member] for member in rollout.together if member in rollouts)
    lost = any(
        other.status in ENDED_BADLY or dict(other.together) != dict(rollout.together) for other in others
    )
    phases = (progress.phase for progress in rollout.environments.values())
    waits = any(progress.phase in WAITING for progress in rollout.environments.values())
    return lost and waits and all(phase in WAITING or phase in AT_REST for phase in phases)
