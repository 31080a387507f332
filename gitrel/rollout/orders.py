"""From a record and what was seen to what the shell has to do: Git and the clusters follow the record.

What is in force is to be applied wherever the cluster holds something else, for whatever reason; and Git's
pointer is to move only where the record moved it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from gitrel.rollout.actions import Action, Apply, MovePointer, RunHooks
from gitrel.rollout.drifting import to_mend
from gitrel.rollout.facts import hook_failure, owes_move, same
from gitrel.rollout.look import Look
from gitrel.rollout.parts import parts
from gitrel.rollout.seen import Release, Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Phase, Rollout


def orders(
    spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], now: datetime
) -> tuple[Action, ...]:
    """All actions, environments that go back first, then in wave order."""
    first: list[Action] = []
    then: list[Action] = []
    for name in Look.at(seen).once(parts, spec, rollout, now).restless:
        sight, release = seen.get(name), rollout.in_force.get(name)
        if sight is None or release is None:
            continue
        wanted = then if not _goes_back(rollout, name) else first
        if owes_move(rollout, sight):
            wanted.append(MovePointer(name, release.version, rollout.environments[name].because))
        first += _remedy(rollout, sight)
        if hook_failure(rollout.environments.get(name), sight, release) and sight.applied != release.digest:
            continue  # given up before anything of it was applied
        if sight.reachable and sight.applied == release.digest and sight.drift:
            if mend := to_mend(rollout, name, now):
                wanted.append(Apply(name, release, permit(rollout, name, release), "drift", mend))
        elif sight.reachable and (sight.applied != release.digest or sight.drifted):
            because = _apply_reason(rollout, sight, release, now)
            wanted.append(Apply(name, release, permit(rollout, name, release), because))
        elif sight.applied == release.digest and "after" in sight.owes:
            wanted.append(RunHooks(name, release, "after"))
    return (*first, *then)


def _remedy(rollout: Rollout, sight: Seen) -> list[Action]:
    """What is to run where a release has failed, beside going back: neither waits for the other."""
    progress = rollout.environments.get(sight.environment)
    if progress is None or progress.phase not in (Phase.FAILED, Phase.ROLLED_BACK):
        return []
    return [RunHooks(sight.environment, progress.target, "on-failure")] if "on-failure" in sight.owes else []


def permit(rollout: Rollout, environment: str, release: Release) -> str:
    """Names the decision that put `release` in force: `<component>/<environment>/<digest>/<rollout>`."""
    progress = rollout.environments.get(environment)
    number = progress.rollout if progress is not None else rollout.number
    return f"{rollout.component}/{environment}/{release.digest}/{number}"


def _goes_back(rollout: Rollout, environment: str) -> bool:
    progress = rollout.environments.get(environment)
    return progress is not None and progress.phase is Phase.ROLLED_BACK


def _apply_reason(
    rollout: Rollout, sight: Seen, release: Release, now: datetime
) -> Literal["rollout", "rollback", "drift", "retry"]:
    if sight.applied == release.digest:
        return "drift"
    progress = rollout.environments.get(sight.environment)
    if progress is None:
        return "drift"
    if progress.phase is Phase.ROLLED_BACK:
        return "rollback"
    if progress.phase is Phase.APPLYING and same(progress.target, release):
        return "rollout" if progress.started == now else "retry"
    return "drift"
