"""What only a person can move: environments whose start no time and no other environment will bring.

Waiting makes sense as long as something is in flight, a gate says when it can open, or a cluster may answer
again. Where none of that is so, whoever waits is told what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitrel.rollout.gates import may_start
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import IN_FLIGHT, WAITING, EnvironmentProgress, Rollout

PASSING = frozenset({"contact", "parallel"})
"""Gates that open without anybody doing anything."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """One environment that waits, the gate that is closed, why, and what a person can do about it."""

    environment: str
    gate: str
    because: str
    todo: str

    def __str__(self) -> str:
        return f"{self.environment} {self.because}" + (f": {self.todo}" if self.todo else "")


def stuck(spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], now: datetime) -> tuple[Stuck, ...]:
    """What waits for people, in wave order; empty while anything may still go on by itself.

    A gate `dependencies` counts as closed for good here: whether the other component goes on is known to
    the caller alone.
    """
    progresses = [rollout.environments[name] for name in spec.environments if name in rollout.environments]
    if rollout.status not in ("running", "paused") or any(one.phase in IN_FLIGHT for one in progresses):
        return ()
    found = []
    for progress in progresses:
        if progress.phase not in WAITING:
            continue
        if progress.environment not in seen:
            found.append(Stuck(progress.environment, "files", "waits for its files to be mended", VALIDATE))
            continue
        verdict = may_start(seen, progress, spec, rollout, now)
        if verdict.outcome != "closed" or verdict.due is not None or verdict.gate in PASSING:
            return ()
        todo = _todo(verdict.gate, rollout, progress)
        found.append(Stuck(progress.environment, verdict.gate, verdict.because, todo))
    return tuple(found)


VALIDATE = "`gitrel validate` tells the errors"


def _todo(gate: str, rollout: Rollout, progress: EnvironmentProgress) -> str:
    """What to do about a gate whose reason does not say it already."""
    component, version, environment = rollout.component, progress.target.version, progress.environment
    if gate == "pause":
        return f"`gitrel rollout resume {component}`"
    if gate == "dependencies":
        return "release that one there first, or take it out of dependsOn or of the set"
    if gate != "predecessors":
        return ""
    if progress.change != "version" or (environment in rollout.scope and version == rollout.version):
        return f"see `gitrel rollout why {component}`, then `retry`, `rollback` or release a fix"
    in_force = rollout.in_force.get(environment)
    back = f", or point {environment} back at {in_force.version}" if in_force else ""
    return f"`gitrel promote {component} {version}` takes it there wave by wave{back}"
