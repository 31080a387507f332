"""Proof by replay: a true journal is accepted, and whatever is changed in it is found at the first step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.rollout import wire
from gitrel.rollout.promises import broken_promise
from gitrel.rollout.state import Phase, Rollout
from gitrel.rollout.verify import Breach, Step, verify
from tests.rollout.world import World, a_spec, released

SPEC = a_spec("canary", "asia europe")


def a_journal() -> list[Step]:
    """A rollout with a pause, a failure, a retry and a rollback in it."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(timedelta(minutes=10))
    world.clusters["canary"].broken = "pods crash"
    world.settle()
    world.clusters["canary"].broken = ""
    world.retry("canary")
    world.advance(timedelta(minutes=5))
    world.command("pause")
    world.advance(timedelta(hours=1))
    world.command("resume")
    world.advance(timedelta(hours=2))
    world.rollback(environment="asia")
    world.settle()
    return world.journal


JOURNAL = a_journal()
"""Kept as a value: nothing in it is ever changed in place."""


def changed(place: int, **changes: Any) -> list[Step]:
    return [replace(step, **changes) if at == place else step for at, step in enumerate(JOURNAL)]


def place_of(test: Callable[[Step], bool]) -> int:
    return next(at for at, step in enumerate(JOURNAL) if test(step))


def breach_of(steps: list[Step]) -> Breach:
    breach = verify(steps)
    assert breach is not None
    return breach


def test_a_true_journal_is_accepted() -> None:
    """Also after it was written as JSON and read again."""
    assert verify(JOURNAL) is None
    read = [replace(s, after=wire.rollout_from_json(wire.rollout_to_json(s.after))) for s in JOURNAL]
    assert verify(read) is None


def test_components_are_replayed_side_by_side() -> None:
    """One journal holds all components; each has a record of its own."""
    other = replace(SPEC, component="worker")
    world = World(other, pointers=dict.fromkeys(other.environments, "v1"), rollout=Rollout("worker"))
    world.advance(timedelta(hours=1))
    steps = [replace(step, component="worker") for step in world.journal]
    mixed = sorted([*JOURNAL, *steps], key=lambda step: step.at)
    assert verify(mixed) is None


@pytest.mark.parametrize("kind", ["promote", "retry", "pause", "resume", "rollback"])
def test_a_command_left_out_is_found(kind: str) -> None:
    """Without what a person asked for, the next step is not what the schedule gives.

    A look that is left out may not show, since timers rest on facts and later looks come to the same; that
    an entry is missing there is for the ledger's chain to show.
    """
    place = place_of(lambda step: step.kind == kind)
    assert breach_of(JOURNAL[:place] + JOURNAL[place + 1 :]).place == place


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, len(JOURNAL) - 1), st.sampled_from(["status", "rejected", "number", "in_force", "phase"])
)
def test_a_record_that_was_changed_is_found_at_its_step(place: int, what: str) -> None:
    """Whatever field is touched, the breach names that entry."""
    after = JOURNAL[place].after
    name = next(iter(after.environments))
    fakes: dict[str, dict[str, Any]] = {
        "status": {"status": "aborted"},
        "rejected": {"rejected": {"digest": "slander"}},
        "number": {"number": 99},
        "in_force": {"in_force": {}},
        "phase": {"environments": {name: replace(after.environments[name], phase=Phase.HELD)}},
    }
    breach = breach_of(changed(place, after=replace(after, **fakes[what])))
    assert (breach.place, breach.promise) == (place, "replay")


def test_a_soak_that_was_cut_short_is_found() -> None:
    """Someone wrote that canary passed while it was still being watched."""
    place = place_of(lambda step: step.after.environments["canary"].phase is Phase.WATCHING)
    step = JOURNAL[place]
    progress = step.after.environments["canary"]
    passed = replace(progress, phase=Phase.PASSED, passed=step.at, since=step.at)
    after = replace(step.after, environments={**step.after.environments, "canary": passed})
    assert breach_of(changed(place, after=after)).place == place
    spec = wire.spec_from_json(step.spec_json)
    seen = {name: wire.seen_from_json(one) for name, one in step.inputs["seen"].items()}
    found = broken_promise(spec, JOURNAL[place - 1].after, after, seen, step.at)
    assert found is not None
    assert found[0] == "soak"


def test_a_schedule_that_was_shortened_afterwards_is_found() -> None:
    """The schedule in force is part of the entry: by another one canary would have passed there."""
    place = place_of(lambda step: step.after.environments["canary"].phase is Phase.WATCHING)
    spec = wire.spec_to_json(replace(SPEC, mean_time_to_smoke=timedelta()))
    breach = breach_of(changed(place, spec_json=spec))
    assert (breach.place, breach.promise) == (place, "replay")


def reworded(rollout: Rollout) -> Rollout:
    """The record as a gitrel would have written it that says everything in other words."""
    environments = {name: replace(p, because=f"[{p.because}]") for name, p in rollout.environments.items()}
    rejected = {digest: f"[{why}]" for digest, why in rollout.rejected.items()}
    return replace(rollout, because="[]", environments=environments, rejected=rejected)


def test_another_wording_breaks_no_journal() -> None:
    """Every sentence of every record and action may differ: codes and values are what counts."""
    steps = [
        replace(
            step,
            after=reworded(step.after),
            actions=tuple(
                {**action, "because": "[]"} if action["type"] == "MovePointer" else action
                for action in step.actions
            ),
        )
        for step in JOURNAL
    ]
    assert any(step.after.rejected for step in steps)
    assert any(action["type"] == "MovePointer" for step in steps for action in step.actions)
    assert verify(steps) is None


def test_the_code_of_an_apply_is_no_sentence() -> None:
    """Whoever writes `drift` where it was a rollout is found, and so is another reason of a command."""
    place = place_of(lambda step: any(action["type"] == "Apply" for action in step.actions))
    other = tuple({**a, "because": "drift"} if a["type"] == "Apply" else a for a in JOURNAL[place].actions)
    assert breach_of(changed(place, actions=other)).place == place
    place = place_of(lambda step: step.kind == "promote")
    after = replace(JOURNAL[place].after, reason="because I could")
    assert breach_of(changed(place, after=after)).place == place


def test_a_start_before_its_turn_is_found_by_the_promises_alone() -> None:
    """The check of the facts needs no replay to see that asia started before canary passed."""
    place = place_of(lambda step: step.after.environments["canary"].phase is Phase.SETTLING and
                     step.after.version == "v2")  # fmt: skip
    step = JOURNAL[place]
    asia = step.after.environments["asia"]
    started = replace(asia, phase=Phase.APPLYING, started=step.at)
    after = replace(step.after, environments={**step.after.environments, "asia": started})
    found = broken_promise(SPEC, JOURNAL[place - 1].after, after, {}, step.at)
    assert found == ("order", "asia started v2 before it passed in canary")


def test_one_version_too_many_is_found_by_the_promises_alone() -> None:
    """Counting what is in force needs no gate."""
    place = place_of(lambda step: step.after.environments["canary"].started == step.at and
                     step.after.version == "v2")  # fmt: skip
    step = JOURNAL[place]
    found = broken_promise(
        replace(SPEC, max_active_versions=1), JOURNAL[place - 1].after, step.after, {}, step.at
    )
    assert found is not None
    assert found[0] == "versions"


@pytest.mark.parametrize(
    ("changes", "promise", "because"),
    [
        ({"at": JOURNAL[0].at - timedelta(days=1)}, "time", "before the entry that precedes it"),
        ({"spec_json": {"component": "frontend"}}, "record", "cannot be read"),
        ({"actions": ()}, "replay", "other actions"),
    ],
    ids=["time runs backwards", "an unreadable schedule", "actions left out"],
)
def test_other_ways_to_be_untrue(changes: dict[str, Any], promise: str, because: str) -> None:
    """Time, schedule and actions are evidence as much as the record is."""
    place = place_of(lambda step: bool(step.actions) and step.at > JOURNAL[0].at)
    breach = breach_of(changed(place, **changes))
    assert (breach.place, breach.promise) == (place, promise)
    assert because in str(breach)


def test_a_command_that_should_have_been_refused_is_found() -> None:
    """Who wrote a promotion past a closed gate into the journal is told which gate it was."""
    place = place_of(lambda step: step.kind == "promote")
    step = JOURNAL[place]
    breach = breach_of(changed(place, inputs={**step.inputs, "to": "asia"}))
    assert "should have been refused: asia waits for v2 to pass canary" in breach.because
