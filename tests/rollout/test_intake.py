"""The repository's word: what counts as a change, what is explained by our own moves, what drops out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gitrel.rollout.decide import decide
from gitrel.rollout.state import Phase
from gitrel.rollout.verify import verify
from tests.rollout.world import World, a_spec, released

SPEC = a_spec("staging", "canary", "asia europe")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def phase(world: World, name: str) -> str:
    progress = world.rollout.environments.get(name)
    return progress.phase.value if progress else ""


def test_an_unrelated_commit_changes_nothing() -> None:
    """Releases are compared by digest: a soak is never reset by somebody else's merge."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(10 * MINUTE)
    world.commit()
    assert decide(SPEC, world.rollout, world.seen(), world.now).rollout == world.rollout


def test_a_pending_move_of_ours_is_not_a_change_by_hand() -> None:
    """Between decision and push the pointer is still the old one; the move is asked for again."""
    world = released(SPEC)
    world.promote("v2")
    seen = world.seen()
    decision = decide(SPEC, world.rollout, seen, world.now)
    later = decide(SPEC, decision.rollout, seen, world.now + MINUTE)
    assert [action.environment for action in later.actions] == ["staging", "staging"]
    assert later.rollout.in_force["staging"].version == "v2"


def test_a_pointer_moved_back_by_hand_is_not_moved_forward_again() -> None:
    """Once the pointer was seen where we moved it, another place is a person's word, and an undo."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(10 * MINUTE)
    world.pointers["staging"] = "v1"
    world.settle()
    assert world.pointers["staging"] == "v1"
    assert world.rollout.environments["staging"].change == "undo"
    assert world.rollout.in_force["staging"].version == "v1"


def test_a_held_change_that_disappears_drops_out() -> None:
    """The person took it back: nothing waits any more, and the rollout is over."""
    world = released(SPEC)
    world.pointers["asia"] = "v2"
    world.settle()
    assert phase(world, "asia") == "held"
    world.pointers["asia"] = "v1"
    world.settle()
    assert (phase(world, "asia"), world.rollout.status) == ("", "idle")


def test_while_held_the_release_in_force_is_healed() -> None:
    """A held environment keeps what it had, whoever meddles with it."""
    world = released(SPEC)
    world.pointers["asia"] = "v2"
    world.settle()
    world.clusters["asia"].applied = None
    world.settle()
    assert world.clusters["asia"].applied == world.release("v1", "asia").digest


def test_a_parameter_of_one_region_is_applied_at_once() -> None:
    """Nobody in an earlier wave has the same kind of change on its way."""
    world = released(SPEC)
    world.parameters["europe"] = 1
    world.settle()
    assert phase(world, "europe") == "settling"
    assert phase(world, "asia") == "passed"


def test_a_parameter_edited_while_queued_is_taken_silently() -> None:
    """The promotion takes the newest candidate; nobody has to ask again."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(10 * MINUTE)
    world.fixes["v2"] = 1
    world.settle()
    assert world.rollout.environments["asia"].target == world.release("v2", "asia")


def test_an_edit_of_what_is_watched_is_paced_again() -> None:
    """The soak belongs to a digest: another digest soaks anew, and the others keep theirs."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(50 * MINUTE)
    passed = world.rollout.environments["staging"]
    world.parameters["canary"] = 1
    world.settle()
    assert phase(world, "canary") == "settling"
    assert world.rollout.environments["staging"] == passed


def test_what_left_the_pipeline_is_not_waited_for() -> None:
    """A cluster that is taken out in the middle of a rollout does not block it."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(50 * MINUTE)
    world.clusters["canary"].broken, world.clusters["canary"].reachable = "gone", False
    world.spec = a_spec("staging", "asia europe")
    world.advance(3 * HOUR)
    assert world.rollout.status == "passed"
    assert "canary" not in world.rollout.scope


def test_what_joins_the_pipeline_is_a_first_release() -> None:
    """A new region takes what its pointer says, in wave order, beside whatever else is going on."""
    world = released(a_spec("staging", "canary", "asia"))
    world.spec = SPEC
    world.__post_init__()
    world.pointers["europe"] = "v1"
    world.settle()
    progress = world.rollout.environments["europe"]
    assert (progress.change, progress.phase) == ("first", Phase.SETTLING)


def test_a_pointer_that_is_gone_removes_nothing() -> None:
    """Deleting from clusters is never inferred from a missing file."""
    world = released(SPEC)
    del world.pointers["asia"]
    decision = world.step()
    assert decision.actions == ()
    assert world.rollout.in_force["asia"].version == "v1"


def test_rolling_back_a_configuration_keeps_it_out_until_it_is_fixed() -> None:
    """Git still asks for what failed; it is not tried again, and what was in force before is kept."""
    world = released(a_spec("canary", "asia", on_failure="rollback"))
    before = world.rollout.in_force["canary"]
    world.parameters["canary"] = 1
    world.advance(10 * MINUTE)
    world.clusters["canary"].broken = "bad flag"
    world.settle()
    world.clusters["canary"].broken = ""
    world.advance(3 * HOUR)
    assert world.rollout.in_force["canary"] == before
    assert phase(world, "canary") == "rolled-back"


@pytest.mark.parametrize("moved", ["before", "while", "after"])
def test_a_pointer_ahead_of_a_promotion_that_was_taken_back_is_held(moved: str) -> None:
    """Its turn will not come: nobody promotes that version any more. Whenever the pointer was moved."""
    world = released(replace(SPEC, on_failure="rollback"))
    world.promote("v2")
    world.advance(5 * MINUTE)
    if moved == "before":
        world.pointers["asia"] = "v2"
        world.advance(MINUTE)
        assert phase(world, "asia") == "queued"
    world.clusters["staging"].broken = "pods crash"
    if moved == "while":
        world.pointers["asia"] = "v2"
    world.advance(20 * MINUTE)
    if moved == "after":
        world.pointers["asia"] = "v2"
        world.advance(MINUTE)
    assert (phase(world, "staging"), phase(world, "asia")) == ("rolled-back", "held")
    assert world.rollout.in_force["asia"].version == "v1"
    assert verify(world.journal) is None
    world.pointers["asia"] = "v1"
    world.advance(MINUTE)
    assert phase(world, "asia") in ("", "passed")
