"""What to do next: from the schedule, the record, what was seen and the time, to one decision.

The record is moved until nothing moves any more; what the shell is to do follows from the record that
comes out and from what was seen, not from how it got there. So deciding again at the same instant gives
the same record and the same actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gitrel.rollout.actions import Action
from gitrel.rollout.aftercare import cared, has_news
from gitrel.rollout.drifting import mended
from gitrel.rollout.explain import summary
from gitrel.rollout.facts import has_passed, promoted_release
from gitrel.rollout.gates import may_go_on, may_start
from gitrel.rollout.gates.predecessors import turns
from gitrel.rollout.gates.verdict import Verdict
from gitrel.rollout.identities import is_news, noted
from gitrel.rollout.intake import take_in
from gitrel.rollout.look import Look
from gitrel.rollout.orders import orders
from gitrel.rollout.parts import parts
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import ACTIVE, IN_FLIGHT, Phase, Rollout
from gitrel.rollout.transitions import Step, move

_PASSED = Phase.PASSED
_AT_REST = frozenset({"passed", "idle", "aborted", "rolled-back"})


@dataclass(frozen=True, slots=True)
class Decision:
    """`wake_at` is when time alone can change the answer; None while only an observation can."""

    rollout: Rollout
    actions: tuple[Action, ...]
    wake_at: datetime | None
    because: str


def decide(spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], now: datetime) -> Decision:
    """The next step of one component. Pure: `now` is the only time it knows.

    Raises AssertionError where the rules contradict each other; that is a fault in gitrel.
    """
    if _is_quiet(spec, rollout, seen):
        return Decision(rollout, (), None, "every environment runs what the repository asks for")
    rollout, look = noted(rollout, seen, now), Look(seen)
    # An environment takes at most some ten moves at one instant, and waits for at most all others.
    for _ in range(12 * (len(spec.environments) + 1)):
        before = rollout
        rollout = take_in(spec, rollout, look, now)
        rollout, dues = _advance(spec, rollout, look, now)
        rollout, more = _start(spec, rollout, look, now)
        rollout = _finish(spec, rollout, look, now)
        if rollout is before or rollout == before:
            rollout, later = cared(spec, rollout, look, now)
            rollout, soon = mended(spec, rollout, look, now)
            wake_at = min(dues + more + later + soon, default=None)
            actions = orders(spec, rollout, look, now)
            return Decision(rollout, actions, wake_at, summary(spec, rollout, look, now))
    raise AssertionError(f"{spec.component}: the decision at {now} does not settle")


def _is_quiet(spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen]) -> bool:
    """Whether everything runs as asked and nothing is going on: the answer of nearly every pass."""
    if rollout.status not in _AT_REST:
        return False
    progresses, in_forces = rollout.environments, rollout.in_force
    for wave in spec.waves:
        for name in wave.environments:
            sight = seen.get(name)
            if sight is None:
                return False
            release, pointer = in_forces.get(name), sight.pointer
            if rollout.drift.get(name) or is_news(rollout, sight) or has_news(spec, rollout, sight):
                return False
            if release is None or pointer is None or sight.applied != release.digest or sight.drifted:
                return False
            if sight.owes:
                return False
            if pointer.digest != release.digest or pointer.version != release.version:
                return False
            progress = progresses.get(name)
            if progress is not None and (
                progress.phase is not _PASSED or progress.pointer != pointer.version
            ):
                return False
    return True


def _advance(
    spec: RolloutSpec, rollout: Rollout, look: Look, now: datetime
) -> tuple[Rollout, list[datetime]]:
    """Moves what is in flight by at most one phase each, and says when the rest can move."""
    dues = []
    for name in look.once(parts, spec, rollout, now).in_flight:
        progress = rollout.environments[name]
        if progress.phase in IN_FLIGHT:  # no longer, where another one that failed has taken it back
            verdict = may_go_on(look, progress, spec, rollout, now)
            rollout = move(Step(spec, rollout, look.get(name), now, verdict), progress)
            dues += _due(verdict)
    return rollout, dues


def _start(spec: RolloutSpec, rollout: Rollout, look: Look, now: datetime) -> tuple[Rollout, list[datetime]]:
    """Starts what may start, in wave order, each seeing what those before it have taken."""
    dues = []
    found = look.once(parts, spec, rollout, now)
    patient = found.patient
    known, turn_of = rollout, look.once(turns, spec, rollout, now) if patient else {}
    for name in found.waiting:
        if patient and rollout is not known:
            known, turn_of = rollout, look.once(turns, spec, rollout, now)
        progress = rollout.environments[name]
        turn = turn_of.get(name) if name in patient else None
        if turn is not None and turn.because == progress.because:
            if turn.due is not None:
                dues.append(turn.due)
            continue  # it waits, and has written down why
        verdict = may_start(look, progress, spec, rollout, now)
        rollout = move(Step(spec, rollout, look[name], now, verdict), progress)
        dues += _due(verdict)
    return rollout, dues


def _due(verdict: Verdict) -> list[datetime]:
    return [verdict.due] if verdict.outcome == "closed" and verdict.due is not None else []


def _finish(spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], now: datetime) -> Rollout:
    """A rollout has passed when nothing of it goes on and everything in its scope runs what was asked."""
    if rollout.status != "running" or any(_goes_on(rollout, name) for name in spec.environments):
        return rollout
    if rollout.version:
        for name in rollout.scope:
            if not has_passed(rollout, name, promoted_release(rollout, seen.get(name))):
                return rollout
    return replace(
        rollout, status="passed" if rollout.scope or rollout.version else "idle", because="", since=now
    )


def _goes_on(rollout: Rollout, environment: str) -> bool:
    progress = rollout.environments.get(environment)
    return progress is not None and progress.phase in ACTIVE and progress.rollout == rollout.number
