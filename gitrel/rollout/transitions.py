"""The table (phase, outcome) → the function that enters the next phase; what it does not hold is a fault.

Each `enter_…` function writes the facts of its phase and nothing else. Failing is the one move that touches
other environments: by policy it stops the rollout, or takes back whatever has not passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from gitrel.rollout.facts import PROMOTING, count_of, is_proven, listing, same, with_progress
from gitrel.rollout.gates.verdict import Verdict
from gitrel.rollout.seen import Release, Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import (
    IN_FLIGHT,
    PROVEN_MAX,
    WAITING,
    Change,
    EnvironmentProgress,
    Phase,
    Rollout,
    Status,
)


class ImpossibleMove(AssertionError):
    """A verdict came up in a phase that has no place for it: a fault in gitrel."""


class Step(NamedTuple):
    """What a transition may look at."""

    spec: RolloutSpec
    rollout: Rollout
    sight: Seen | None
    now: datetime
    verdict: Verdict


Enter = Callable[[Step, EnvironmentProgress], Rollout]


def move(step: Step, progress: EnvironmentProgress) -> Rollout:
    """The record after the verdict; the same object where the environment stays where it is."""
    enter = TABLE.get((progress.phase, step.verdict.outcome))
    if enter is None:
        raise ImpossibleMove(f"{progress.environment}: {step.verdict.outcome} in {progress.phase}")
    return enter(step, progress)


def queued(
    rollout: Rollout, sight: Seen, release: Release, now: datetime, *, promoted: bool, because: str = ""
) -> Rollout:
    """The record with `release` waiting for its turn in the environment."""
    name = sight.environment
    progress = EnvironmentProgress(
        environment=name,
        target=release,
        phase=Phase.QUEUED,
        since=now,
        previous=fallback(rollout, name),
        because=because,
        rollout=rollout.number,
        change=kind_of(rollout, name, release, promoted=promoted),
        pointer=sight.pointer.version if sight.pointer else "",
    )
    return with_progress(rollout, progress)


def kind_of(rollout: Rollout, environment: str, release: Release, *, promoted: bool) -> Change:
    """What putting `release` in force would change. Only a person's own move can be an undo."""
    in_force = rollout.in_force.get(environment)
    if in_force is None:
        return "first"
    if not promoted and is_proven(rollout, environment, release):
        return "undo"
    return "configuration" if release.version == in_force.version else "version"


def fallback(rollout: Rollout, environment: str) -> Release | None:
    """What to go back to if the next release fails: the last one in force that is not itself in doubt."""
    in_force = rollout.in_force.get(environment)
    progress = rollout.environments.get(environment)
    if in_force is None or progress is None:
        return in_force
    on_trial = progress.phase in IN_FLIGHT or progress.phase is Phase.FAILED or progress.phase in WAITING
    if same(progress.target, in_force) and on_trial:
        return progress.previous
    if progress.phase in WAITING and not is_proven(rollout, environment, in_force):
        return progress.previous
    return in_force


def stay(step: Step, progress: EnvironmentProgress) -> Rollout:
    return step.rollout


def enter_waiting(step: Step, progress: EnvironmentProgress) -> Rollout:
    """Held where the repository is ahead of the schedule, queued where only the turn has not come."""
    ahead = progress.change == "version" and progress.target.version != _promotion(step.rollout, progress)
    phase = Phase.HELD if ahead and step.verdict.gate in ("predecessors", "rejected") else Phase.QUEUED
    if phase is progress.phase and step.verdict.because == progress.because:
        return step.rollout
    since = progress.since if phase is progress.phase else step.now
    waiting = replace(progress, phase=phase, since=since, because=step.verdict.because)
    return with_progress(step.rollout, waiting)


def _promotion(rollout: Rollout, progress: EnvironmentProgress) -> str:
    """The version whose turn comes by itself; none once the promotion is over, as after a rollback."""
    goes_on = rollout.status in PROMOTING and progress.environment in rollout.scope
    return rollout.version if goes_on else ""


def enter_applying(step: Step, progress: EnvironmentProgress) -> Rollout:
    """From here on the target is what is in force: Git's pointer and the cluster follow."""
    name = progress.environment
    sight = step.sight
    started = replace(
        progress,
        phase=Phase.APPLYING,
        since=step.now,
        started=step.now,
        contact=step.now if sight and sight.reachable else None,
        pointer=sight.pointer.version if sight and sight.pointer else "",
        because=_start_reason(step.rollout, progress),
    )
    return with_progress(step.rollout, started, in_force={**step.rollout.in_force, name: progress.target})


def _start_reason(rollout: Rollout, progress: EnvironmentProgress) -> str:
    reasons = {
        "first": f"first release in {progress.environment}",
        "undo": "the repository goes back to what ran here before",
        "configuration": f"{progress.target.version} changed for {progress.environment} in the repository",
        "version": f"{progress.target.version} is due in {progress.environment}",
    }
    return f"rollout {rollout.number}: {reasons[progress.change]}"


def enter_applying_again(step: Step, progress: EnvironmentProgress) -> Rollout:
    """The apply did not work for a whole deadline, or what it did was undone: once more, as a setback."""
    setbacks = progress.setbacks + 1
    again = replace(
        progress,
        phase=Phase.APPLYING,
        since=step.now,
        ready=None,
        steady=None,
        setbacks=setbacks,
        because=step.verdict.because,
        awaits="",
        awaited=None,
    )
    return _unless_too_often(step, progress, again)


def enter_applying_still(step: Step, progress: EnvironmentProgress) -> Rollout:
    """Writes down what is waited for, so that it can be told while nobody looks at the cluster; and since
    when, where it is another thing than before."""
    sight = step.sight
    if sight is None or not sight.delivery:
        return step.rollout
    still = replace(progress, waits=sight.delivery)
    if sight.tried and sight.awaits != progress.awaits:
        still = replace(still, awaits=sight.awaits, awaited=step.now)
    return with_progress(step.rollout, still)


def enter_settling(step: Step, progress: EnvironmentProgress) -> Rollout:
    # Failed attempts to apply say nothing about readiness, which is what setbacks count from here on.
    setbacks = progress.setbacks if progress.applied else 0
    settling = replace(
        progress,
        phase=Phase.SETTLING,
        since=step.now,
        applied=step.now,
        setbacks=setbacks,
        because="",
        waits="",
        awaits="",
        awaited=None,
    )
    return with_progress(step.rollout, settling)


def enter_settling_again(step: Step, progress: EnvironmentProgress) -> Rollout:
    """Readiness was lost: what rested on it is cleared."""
    again = replace(
        progress,
        phase=Phase.SETTLING,
        since=step.now,
        ready=None,
        steady=None,
        setbacks=progress.setbacks + 1,
        because=f"readiness was lost: {step.verdict.because}",
    )
    return _unless_too_often(step, progress, again)


def _unless_too_often(step: Step, progress: EnvironmentProgress, again: EnvironmentProgress) -> Rollout:
    if again.setbacks <= step.spec.max_setbacks:
        return with_progress(step.rollout, again)
    many = count_of(again.setbacks, "setback")
    because = f"{many}, {step.spec.max_setbacks} allowed: {step.verdict.because}"
    return enter_failed(step._replace(verdict=step.verdict._replace(because=because)), progress)


def enter_steadying(step: Step, progress: EnvironmentProgress) -> Rollout:
    """Ready since the cluster says so, but never before the release was seen there."""
    assert step.sight is not None and step.sight.health is not None and progress.applied is not None
    health = step.sight.health
    ready = max(health.since or step.now, progress.applied)
    steadying = replace(
        progress, phase=Phase.STEADYING, since=step.now, ready=ready, restarts=health.restarts, because=""
    )
    return with_progress(step.rollout, steadying)


def enter_watching(step: Step, progress: EnvironmentProgress) -> Rollout:
    """The soak starts when the steady time was over, which may be before anybody looked."""
    assert progress.ready is not None
    steady = progress.ready + step.spec.min_ready
    return with_progress(
        step.rollout, replace(progress, phase=Phase.WATCHING, since=step.now, steady=steady, because="")
    )


def enter_passed(step: Step, progress: EnvironmentProgress) -> Rollout:
    name, target = progress.environment, progress.target
    proven = (target, *(one for one in step.rollout.proven.get(name, ()) if not same(one, target)))
    return with_progress(
        step.rollout,
        replace(progress, phase=Phase.PASSED, since=step.now, passed=step.now, because=""),
        proven={**step.rollout.proven, name: proven[:PROVEN_MAX]},
        rejected={digest: why for digest, why in step.rollout.rejected.items() if digest != target.digest},
    )


def enter_failed(step: Step, progress: EnvironmentProgress) -> Rollout:
    """Stops the rollout, or takes back what has not passed, by the policy of the component."""
    why = step.verdict.because
    rollout = reject(step.rollout, progress.environment, progress.target, f"{progress.environment}: {why}")
    failing = replace(progress, phase=Phase.FAILED, since=step.now, because=why)
    rollout = with_progress(rollout, failing)
    if step.spec.on_failure == "rollback" and failing.previous is not None:
        return _roll_back_all(rollout, step, failing)
    if failing.rollout != rollout.number:
        return rollout
    return _stopped(
        rollout, "failed", f"{_failure(failing)}: `retry`, `rollback`, or release a fix", step.now
    )


def _roll_back_all(rollout: Rollout, step: Step, failing: EnvironmentProgress) -> Rollout:
    """The failing environment goes back, and with it all of its rollout that have started and not passed."""
    back = [failing.environment]
    rollout = enter_rolled_back(rollout, failing, failing.previous, failing.because, step.now)
    for progress in sorted(rollout.environments.values(), key=lambda one: one.environment):
        if progress.phase in IN_FLIGHT and progress.rollout == failing.rollout and progress.previous:
            because = f"{failing.target.version} failed in {failing.environment}"
            rollout = enter_rolled_back(rollout, progress, progress.previous, because, step.now)
            back.append(progress.environment)
    if failing.rollout != rollout.number:
        return rollout
    because = f"{_failure(failing)}: {listing(back)} went back{_kept(rollout, failing)}"
    return _stopped(rollout, "rolled-back", because, step.now)


def _failure(failing: EnvironmentProgress) -> str:
    return f"{failing.target.version} failed in {failing.environment}: {failing.because}"


def _kept(rollout: Rollout, failing: EnvironmentProgress) -> str:
    """Environments that had passed keep the release: whether to undo it there is for people to say."""
    kept = sorted(
        name
        for name, progress in rollout.environments.items()
        if progress.phase is Phase.PASSED and progress.target.version == failing.target.version
    )
    return f", {listing(kept)} passed and kept it" if kept else ""


def enter_rolled_back(
    rollout: Rollout, progress: EnvironmentProgress, release: Release | None, because: str, now: datetime
) -> Rollout:
    """`release` is in force again; Git's pointer and the cluster follow."""
    assert release is not None
    back = replace(progress, phase=Phase.ROLLED_BACK, since=now, previous=release, because=because)
    return with_progress(rollout, back, in_force={**rollout.in_force, progress.environment: release})


def reject(rollout: Rollout, environment: str, release: Release, why: str) -> Rollout:
    """Remembers that `release` is bad: it is not started again by itself, and is nothing to go back to."""
    left = tuple(one for one in rollout.proven.get(environment, ()) if not same(one, release))
    return replace(
        rollout,
        rejected={**rollout.rejected, release.digest: why},
        proven={**rollout.proven, environment: left},
    )


def _stopped(rollout: Rollout, status: Status, because: str, now: datetime) -> Rollout:
    """The first failure is the one that is told; a rollback after a hold still counts as failed."""
    if rollout.status in ("failed", "rolled-back"):
        return rollout
    return replace(rollout, status=status, because=because, since=now)


TABLE: Mapping[tuple[Phase, str], Enter] = {
    (Phase.QUEUED, "open"): enter_applying,
    (Phase.QUEUED, "closed"): enter_waiting,
    (Phase.HELD, "open"): enter_applying,
    (Phase.HELD, "closed"): enter_waiting,
    (Phase.APPLYING, "open"): enter_settling,
    (Phase.APPLYING, "closed"): enter_applying_still,
    (Phase.APPLYING, "failed"): enter_failed,
    (Phase.APPLYING, "lost"): enter_applying_again,
    (Phase.SETTLING, "open"): enter_steadying,
    (Phase.SETTLING, "closed"): stay,
    (Phase.SETTLING, "undone"): enter_applying_again,
    (Phase.SETTLING, "failed"): enter_failed,
    (Phase.STEADYING, "open"): enter_watching,
    (Phase.STEADYING, "closed"): stay,
    (Phase.STEADYING, "lost"): enter_settling_again,
    (Phase.STEADYING, "undone"): enter_applying_again,
    (Phase.STEADYING, "failed"): enter_failed,
    (Phase.WATCHING, "open"): enter_passed,
    (Phase.WATCHING, "closed"): stay,
    (Phase.WATCHING, "lost"): enter_settling_again,
    (Phase.WATCHING, "undone"): enter_applying_again,
    (Phase.WATCHING, "failed"): enter_failed,
}
