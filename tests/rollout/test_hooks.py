"""What hooks and waiting applies mean to the core: which failure counts, what is ordered and remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gitrel.rollout import wire
from gitrel.rollout.actions import Apply, RunHooks
from gitrel.rollout.decide import decide
from gitrel.rollout.explain import explain_one
from gitrel.rollout.facts import attempt_of
from gitrel.rollout.gates.applied import applied
from gitrel.rollout.gates.readiness import readiness
from gitrel.rollout.gates.verdict import Gate
from gitrel.rollout.seen import Health, HookFailure, Owed, Release, Seen
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout
from tests.rollout.world import START, a_spec

SPEC = a_spec("canary")
V1, V2 = Release("v1", "d1", "c"), Release("v2", "d2", "c")
NOW = START + timedelta(seconds=5)


def underway(phase: Phase, previous: Release | None = V1) -> Rollout:
    progress = EnvironmentProgress(
        "canary", V2, phase, START, previous, started=START, contact=START, rollout=1, pointer="v2"
    )
    if phase is not Phase.APPLYING:
        progress = replace(progress, applied=START)
    in_force = {"canary": previous if phase is Phase.ROLLED_BACK and previous else V2}
    return Rollout("frontend", 1, "v2", "running", ("canary",), {"canary": progress}, in_force)


def sight(
    applied: str | None, *, owes: tuple[Owed, ...] = (), failed: str | None = None, delivery: str = ""
) -> dict[str, Seen]:
    """`failed` is the attempt of which a hook failed."""
    failure = None if failed is None else HookFailure("the hook failed", failed)
    health = Health("current", since=START) if applied else None
    seen = Seen("canary", V2, V2, True, applied, health, owes=owes, hook_failed=failure, delivery=delivery)
    return {"canary": seen}


@pytest.mark.parametrize(
    ("gate", "phase", "there"), [(applied, Phase.APPLYING, "d1"), (readiness, Phase.SETTLING, "d2")]
)
def test_only_a_hook_of_this_start_fails_it(gate: Gate, phase: Phase, there: str) -> None:
    """A Job that failed before a retry says nothing about what was started since."""
    rollout = underway(phase)
    progress = rollout.environments["canary"]
    mine, older = attempt_of(progress), attempt_of(replace(progress, started=START - timedelta(hours=1)))
    verdict = gate(sight(there, failed=mine), progress, SPEC, rollout, NOW)
    assert (verdict.outcome, verdict.because) == ("failed", "the hook failed")
    assert gate(sight(there, failed=older), progress, SPEC, rollout, NOW).outcome != "failed"


def test_a_failed_hook_before_gives_up_at_once_and_applies_nothing() -> None:
    """Also where there is nothing to go back to: the release stays in force, and is not applied again."""
    rollout = underway(Phase.APPLYING, previous=None)
    mine = attempt_of(rollout.environments["canary"])
    decision = decide(SPEC, rollout, sight(None, failed=mine), NOW)
    assert decision.rollout.environments["canary"].phase is Phase.FAILED
    assert decision.actions == ()
    again = decide(SPEC, decision.rollout, sight(None, failed=mine), NOW)
    assert again.actions == ()


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.ROLLED_BACK])
def test_what_runs_at_a_failure_is_of_the_release_that_failed(phase: Phase) -> None:
    """Beside going back, which does not wait for it."""
    actions = decide(SPEC, underway(phase), sight("d2", owes=("on-failure",)), NOW).actions
    assert RunHooks("canary", V2, "on-failure") in actions
    assert any(isinstance(action, Apply) for action in actions) is (phase is Phase.ROLLED_BACK)
    assert decide(SPEC, underway(Phase.SETTLING), sight("d2", owes=("on-failure",)), NOW).actions == ()


def test_what_runs_after_is_ordered_where_the_release_is() -> None:
    """It is of the release in force, and never while another one is still there."""
    due = RunHooks("canary", V2, "after")
    assert decide(SPEC, underway(Phase.SETTLING), sight("d2", owes=("after",)), NOW).actions == (due,)
    other = decide(SPEC, underway(Phase.APPLYING), sight("d1", owes=("after",)), NOW).actions
    assert due not in other
    assert wire.action_to_json(due)["type"] == "RunHooks"


def test_what_an_apply_waits_for_is_told_and_remembered() -> None:
    """While nobody looks at the cluster too; and after the deadline it is the reason."""
    rollout = underway(Phase.APPLYING)
    first = decide(SPEC, rollout, sight("d1", delivery="the Job runs"), NOW).rollout
    assert first.environments["canary"].waits == "the Job runs"
    assert decide(SPEC, first, sight("d1", delivery="the Job runs"), NOW).rollout == first
    assert wire.rollout_from_json(wire.rollout_to_json(first)) == first
    told = explain_one(SPEC, first, sight("d2"), "canary", NOW)
    assert "is being applied: the Job runs" in told.sentence
    late = START + SPEC.progress_deadline
    lost = decide(SPEC, first, sight("d1", delivery="the Job runs"), late).rollout.environments["canary"]
    assert (lost.setbacks, lost.because) == (1, "could not be applied within 10m: the Job runs")
    well = decide(SPEC, first, sight("d2"), NOW).rollout.environments["canary"]
    assert (well.phase, well.waits) == (Phase.STEADYING, "")


def test_each_thing_that_is_waited_for_has_the_deadline_of_its_own() -> None:
    """Another stage starts the count again; only a look after the deadline gives the release up; and what is
    refused after a stage is counted from there."""
    deadline, second = SPEC.progress_deadline, timedelta(seconds=1)

    def waiting(rollout: Rollout, on: str, now: datetime, *, tried: bool = True) -> Rollout:
        seen = sight("d1", delivery=f"{on or 'denied'} told")["canary"]
        return decide(SPEC, rollout, {"canary": replace(seen, tried=tried, awaits=on)}, now).rollout

    one = waiting(underway(Phase.APPLYING), "stage 1 of 3", NOW)
    assert one.environments["canary"].awaited == NOW
    then = NOW + deadline - second
    assert waiting(one, "stage 1 of 3", then).environments["canary"].awaited == NOW
    two = waiting(one, "stage 2 of 3", then)
    assert two.environments["canary"].awaited == then
    late = then + deadline
    assert waiting(two, "stage 2 of 3", late - second).environments["canary"].phase is Phase.APPLYING
    unlooked = waiting(two, "", late, tried=False).environments["canary"]
    assert (unlooked.phase, unlooked.setbacks) == (Phase.APPLYING, 0)
    three = waiting(two, "stage 3 of 3", late).environments["canary"]
    assert (three.phase, three.setbacks, three.awaited) == (Phase.APPLYING, 0, late)
    given_up = waiting(two, "stage 2 of 3", late).environments["canary"]
    assert given_up.phase is Phase.FAILED
    assert given_up.because == "stage 2 of 3 did not end within 10m: stage 2 of 3 told"
    refused = waiting(two, "", late - second)
    assert refused.environments["canary"].awaited == late - second
    lost = waiting(refused, "", late - second + deadline).environments["canary"]
    assert (lost.phase, lost.setbacks, lost.awaited) == (Phase.APPLYING, 1, None)
