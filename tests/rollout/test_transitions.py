"""The table of moves: every phase and outcome is either a named move or an impossible one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from gitrel.rollout.gates import PROGRESS_GATES
from gitrel.rollout.gates.verdict import Outcome, Verdict
from gitrel.rollout.seen import Health, Release, Seen
from gitrel.rollout.state import IN_FLIGHT, WAITING, EnvironmentProgress, Phase, Rollout
from gitrel.rollout.transitions import TABLE, ImpossibleMove, Step, fallback, move
from tests.rollout.world import START, a_spec

NOW = START + timedelta(hours=1)
V1, V2 = Release("v1", "d1", "c"), Release("v2", "d2", "c")
SIGHT = Seen("canary", V1, V2, applied="d2", health=Health("current", since=START, restarts=4))
MOVES = [
    (Phase.QUEUED, "open", Phase.APPLYING),
    (Phase.QUEUED, "closed", Phase.QUEUED),
    (Phase.HELD, "open", Phase.APPLYING),
    (Phase.APPLYING, "open", Phase.SETTLING),
    (Phase.APPLYING, "closed", Phase.APPLYING),
    (Phase.APPLYING, "lost", Phase.APPLYING),
    (Phase.SETTLING, "open", Phase.STEADYING),
    (Phase.SETTLING, "closed", Phase.SETTLING),
    (Phase.SETTLING, "failed", Phase.FAILED),
    (Phase.SETTLING, "undone", Phase.APPLYING),
    (Phase.STEADYING, "open", Phase.WATCHING),
    (Phase.STEADYING, "lost", Phase.SETTLING),
    (Phase.STEADYING, "failed", Phase.FAILED),
    (Phase.STEADYING, "undone", Phase.APPLYING),
    (Phase.WATCHING, "open", Phase.PASSED),
    (Phase.WATCHING, "lost", Phase.SETTLING),
    (Phase.WATCHING, "failed", Phase.FAILED),
    (Phase.WATCHING, "undone", Phase.APPLYING),
]


def a_progress(phase: Phase, **facts: Any) -> EnvironmentProgress:
    base = EnvironmentProgress("canary", V2, phase, START, previous=V1, rollout=1, pointer="v1")
    if phase in IN_FLIGHT:
        base = replace(base, started=START, applied=START, ready=START, steady=START)
    return replace(base, **facts)


def a_record(*progresses: EnvironmentProgress, **changes: Any) -> Rollout:
    base = Rollout("frontend", 1, "v2", "running", ("canary", "asia"), {p.environment: p for p in progresses})
    flying = {p.environment: p.target if p.started else V1 for p in progresses}
    return replace(base, in_force=flying, **changes)


def moved(
    progress: EnvironmentProgress, outcome: Any, rollout: Rollout | None = None, **spec: Any
) -> Rollout:
    record = rollout or a_record(progress)
    verdict = Verdict(outcome, "the reason", gate="a gate")
    return move(Step(a_spec("canary", "asia", **spec), record, SIGHT, NOW, verdict), progress)


@pytest.mark.parametrize(("phase", "outcome", "becomes"), MOVES, ids=lambda value: str(value))
def test_moves(phase: Phase, outcome: str, becomes: Phase) -> None:
    """Each verdict leads to the phase that the story tells."""
    after = moved(a_progress(phase), outcome).environments["canary"]
    assert after.phase is becomes
    assert after.since == (NOW if becomes is not phase or outcome == "lost" else START)


def test_every_other_move_is_impossible() -> None:
    """A verdict that has no place in a phase is a fault, and is not swallowed."""
    for phase in Phase:
        for outcome in get_args(Outcome):
            if (phase, outcome) not in TABLE:
                with pytest.raises(ImpossibleMove):
                    moved(a_progress(phase), outcome)


def test_every_phase_that_goes_on_has_a_gate_and_a_way_out() -> None:
    """No phase is a trap: whatever is waiting or in flight can be left by an open gate."""
    assert set(PROGRESS_GATES) == IN_FLIGHT
    for phase in IN_FLIGHT | WAITING:
        assert (phase, "open") in TABLE


def test_starting_puts_the_target_in_force() -> None:
    """From the start on the cluster is to hold the target, and drift is healed towards it."""
    after = moved(a_progress(Phase.QUEUED), "open")
    assert after.in_force["canary"] == V2
    assert after.environments["canary"].started == NOW
    assert after.environments["canary"].pointer == "v1"


def test_ready_never_reaches_back_before_the_release_was_there() -> None:
    """Objects that were Current all along do not lend the release the time before it was applied."""
    settling = a_progress(Phase.SETTLING, applied=START + timedelta(minutes=5), ready=None, steady=None)
    after = moved(settling, "open").environments["canary"]
    assert after.ready == START + timedelta(minutes=5)
    assert after.restarts == 4


def test_the_soak_starts_when_the_steady_time_was_over_not_when_it_was_seen() -> None:
    """A late look costs no time that the cluster vouches for."""
    after = moved(a_progress(Phase.STEADYING, steady=None), "open").environments["canary"]
    assert after.steady == START + timedelta(seconds=10)


def test_losing_readiness_clears_what_rested_on_it() -> None:
    """The soak starts from nothing, and a setback is counted."""
    after = moved(a_progress(Phase.WATCHING), "lost").environments["canary"]
    assert (after.ready, after.steady, after.setbacks) == (None, None, 1)


def test_one_setback_too_many_fails() -> None:
    """Flapping is a failure in its own right, and says how often it was."""
    after = moved(a_progress(Phase.WATCHING, setbacks=2), "lost")
    assert after.environments["canary"].phase is Phase.FAILED
    assert "3 setbacks, 2 allowed" in after.environments["canary"].because


def test_applies_that_did_not_work_do_not_count_as_lost_readiness() -> None:
    """A cluster that refused for a while gives the release its full number of setbacks afterwards."""
    after = moved(a_progress(Phase.APPLYING, applied=None, setbacks=2), "open").environments["canary"]
    assert after.setbacks == 0


def test_passing_is_remembered_to_go_back_to() -> None:
    """A release that passed is proven there, newest first, and no longer rejected."""
    record = a_record(
        a_progress(Phase.WATCHING), proven={"canary": (V1,)}, rejected={"d2": "once", "d9": "x"}
    )
    after = moved(a_progress(Phase.WATCHING), "open", record)
    assert after.proven["canary"] == (V2, V1)
    assert after.rejected == {"d9": "x"}


def test_failure_holds_by_default() -> None:
    """Everything stays as it is; the rollout stops and says what can be done."""
    after = moved(a_progress(Phase.WATCHING), "failed")
    assert (after.status, after.in_force["canary"]) == ("failed", V2)
    assert after.rejected == {"d2": "canary: the reason"}
    for word in ("v2 failed in canary", "the reason", "retry", "rollback", "fix"):
        assert word in after.because


ASIA = a_progress(Phase.SETTLING, environment="asia")


def test_failure_takes_back_what_has_not_passed() -> None:
    """By policy the failing environment and its siblings in flight go back to what was proven."""
    record = a_record(a_progress(Phase.WATCHING), ASIA)
    after = moved(a_progress(Phase.WATCHING), "failed", record, on_failure="rollback")
    assert after.status == "rolled-back"
    assert after.in_force == {"canary": V1, "asia": V1}
    assert {p.phase for p in after.environments.values()} == {Phase.ROLLED_BACK}
    assert "canary, asia went back" in after.because


def test_failure_leaves_what_has_passed_and_says_so() -> None:
    """Whether to undo a passed environment is for people to say."""
    record = a_record(a_progress(Phase.WATCHING), replace(ASIA, phase=Phase.PASSED))
    after = moved(a_progress(Phase.WATCHING), "failed", record, on_failure="rollback")
    assert after.in_force == {"canary": V1, "asia": V2}
    assert "asia passed and kept it" in after.because


def test_failure_without_anything_to_go_back_to_holds() -> None:
    """A first release that fails stays where it is, whatever the policy."""
    progress = a_progress(Phase.SETTLING, previous=None)
    after = moved(progress, "failed", a_record(progress), on_failure="rollback")
    assert (after.status, after.environments["canary"].phase) == ("failed", Phase.FAILED)


def test_failure_of_an_earlier_rollout_does_not_stop_the_running_one() -> None:
    """What a superseded rollout left in flight is judged alone."""
    record = a_record(a_progress(Phase.WATCHING), number=2, version="v3")
    after = moved(a_progress(Phase.WATCHING), "failed", record)
    assert (after.status, after.environments["canary"].phase) == ("running", Phase.FAILED)


FALLBACKS = [
    ("nothing was ever in force", None, None, None),
    ("nothing known but what is in force", V1, None, V1),
    ("what is in force passed", V2, a_progress(Phase.PASSED), V2),
    ("what is in force is on trial", V2, a_progress(Phase.WATCHING), V1),
    ("what is in force failed", V2, a_progress(Phase.FAILED), V1),
    ("what is in force was given up on, unjudged", V2, a_progress(Phase.SUPERSEDED), V2),
    ("it went back before", V1, a_progress(Phase.ROLLED_BACK), V1),
]


@pytest.mark.parametrize(("name", "in_force", "progress", "expected"), FALLBACKS, ids=lambda v: str(v)[:40])
def test_what_to_go_back_to(name: str, in_force: Any, progress: Any, expected: Any) -> None:
    """A release in doubt is nothing to go back to."""
    record = a_record(*([progress] if progress else []))
    record = replace(record, in_force={"canary": in_force} if in_force else {})
    assert fallback(record, "canary") == expected
