"""What people ask: what each command changes, and what the schedule refuses with its reason and instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gitrel.rollout.commands import Refusal, promote
from gitrel.rollout.state import Phase
from tests.rollout.world import World, a_spec, released

HOUR = timedelta(hours=1)
SPEC = a_spec("canary", "asia europe")


def phases(world: World) -> dict[str, str]:
    return {name: progress.phase.value for name, progress in world.rollout.environments.items()}


def refused(world: World, kind: str, **arguments: object) -> Refusal:
    """The refusal of a command, which must leave the record as it was."""
    before = world.rollout
    with pytest.raises(Refusal) as caught:
        world.command(kind, **arguments)
    assert world.rollout == before
    return caught.value


def test_promoting_goes_through_every_environment_in_wave_order() -> None:
    """The record names version, scope, who and why; the first wave starts and the others are queued."""
    world = released(SPEC)
    world.promote("v2")
    assert (world.rollout.number, world.rollout.version) == (2, "v2")
    assert world.rollout.scope == ("canary", "asia", "europe")
    assert (world.rollout.requested_by, world.rollout.reason) == ("ana", "a reason")
    world.settle()
    assert phases(world) == {"canary": "settling", "asia": "queued", "europe": "queued"}
    assert world.pointers == {"canary": "v2", "asia": "v1", "europe": "v1"}


def test_promoting_again_changes_nothing() -> None:
    """A CI job that is run twice asks twice and gets one rollout; asking for what already runs gets none."""
    world = released(SPEC)
    world.promote("v2")
    world.settle()
    before = world.rollout
    world.promote("v2")
    assert world.rollout is before
    world.advance(3 * HOUR)
    before = world.rollout
    world.promote("v2")
    assert world.rollout is before


def test_promoting_one_environment_waits_for_nobody_behind_it() -> None:
    """`--to canary` reaches canary alone, and the rollout is over then."""
    world = released(SPEC)
    world.promote("v2", "canary")
    world.advance(HOUR)
    assert world.rollout.status == "passed"
    assert world.pointers == {"canary": "v2", "asia": "v1", "europe": "v1"}


def test_promoting_past_the_schedule_is_refused_with_the_instant() -> None:
    """`--to asia` is refused until canary has passed; while canary soaks, the refusal says until when."""
    world = released(SPEC)
    assert refused(world, "promote", version="v2", to="asia").gate == "predecessors"
    world.promote("v2", "canary")
    assert refused(world, "promote", version="v2", to="asia").due is None
    world.advance(timedelta(minutes=5))
    refusal = refused(world, "promote", version="v2", to="asia")
    progress = world.rollout.environments["canary"]
    assert progress.steady is not None
    assert refusal.due == progress.steady + SPEC.soak
    world.advance(HOUR)
    world.promote("v2", "asia")
    world.advance(HOUR)
    assert world.pointers["asia"] == "v2"


def test_promoting_what_was_not_rendered_is_refused() -> None:
    """Without knowing what a version is in an environment nothing can be decided about it there."""
    world = released(SPEC)
    seen = {name: replace(sight, candidate=None) for name, sight in world.seen("v2").items()}
    with pytest.raises(Refusal, match="v2 was not rendered for canary, asia, europe"):
        promote(SPEC, world.rollout, seen, "v2", None, "ana", "", world.now)


def test_promoting_somewhere_outside_the_pipeline_is_refused() -> None:
    """The component is not deployed there."""
    assert refused(released(SPEC), "promote", version="v2", to="mars").gate == "scope"


def test_promoting_while_paused_is_refused() -> None:
    """A pause is meant to last until somebody ends it."""
    world = released(SPEC)
    world.command("pause")
    assert refused(world, "promote", version="v2", to=None).gate == "pause"


def test_a_newer_promotion_does_not_touch_what_the_older_one_soaks_elsewhere() -> None:
    """`--to` supersedes the queue of the old rollout and leaves what it started in flight, to be judged."""
    world = released(a_spec("staging", "canary", "asia"))
    world.promote("v2")
    world.advance(HOUR)
    before = world.rollout.environments["canary"]
    assert before.phase is Phase.WATCHING
    world.promote("v3", "staging")
    world.settle()
    assert world.rollout.environments["canary"] == before
    world.advance(HOUR)
    assert world.rollout.environments["canary"].phase is Phase.PASSED
    assert world.pointers == {"staging": "v3", "canary": "v2", "asia": "v1"}


def test_widening_a_promotion_keeps_its_soak() -> None:
    """From `--to canary` to everywhere: canary's soak goes on where it was."""
    world = released(SPEC)
    world.promote("v2", "canary")
    world.advance(timedelta(minutes=20))
    steady = world.rollout.environments["canary"].steady
    world.promote("v2")
    world.advance(timedelta(minutes=21))
    progress = world.rollout.environments["canary"]
    assert (progress.phase, progress.steady) == (Phase.PASSED, steady)
    assert phases(world)["asia"] in ("applying", "settling")


def test_rolling_back_takes_back_what_the_rollout_started() -> None:
    """Only what the latest rollout started goes back, at once, and its release is rejected."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(timedelta(minutes=45))
    world.rollback()
    world.settle()
    assert set(world.pointers.values()) == {"v1"}
    assert world.rollout.status == "rolled-back"
    assert refused(world, "promote", version="v2", to=None).gate == "rejected"


def test_rolling_back_twice_does_not_come_forward_again() -> None:
    """The release that was left is not what the next rollback goes to."""
    world = released(SPEC)
    for version in ("v2", "v3"):
        world.promote(version)
        world.advance(3 * HOUR)
    world.rollback()
    world.settle()
    assert set(world.pointers.values()) == {"v2"}
    world.rollback(environment="asia")
    world.settle()
    assert world.pointers == {"canary": "v2", "asia": "v1", "europe": "v2"}


def test_rolling_back_to_what_never_passed_is_refused() -> None:
    """There must be something proven to go back to."""
    world = released(SPEC)
    assert refused(world, "rollback", to_version="v0", environment="asia").gate == "proven"
    assert refused(world, "rollback", to_version=None, environment="asia").gate == "proven"
    assert refused(world, "rollback", to_version=None, environment="mars").gate == "scope"
    assert "v1 runs everywhere" in refused(world, "rollback", to_version="v1", environment=None).because


def test_pausing_lets_nothing_start_and_resuming_goes_on() -> None:
    """What has started is watched on and passes; the next wave waits for the resume."""
    world = released(SPEC)
    world.promote("v2")
    world.command("pause")
    world.advance(HOUR)
    assert phases(world) == {"canary": "queued", "asia": "queued", "europe": "queued"}
    world.command("resume")
    world.settle()
    world.command("pause")
    world.advance(HOUR)
    assert phases(world) == {"canary": "passed", "asia": "queued", "europe": "queued"}
    world.command("resume")
    world.advance(HOUR)
    assert world.rollout.status == "passed"


def test_pausing_holds_changes_made_by_hand() -> None:
    """A freeze is a freeze: an edit in the repository waits too, and goes on afterwards."""
    world = released(SPEC)
    world.command("pause")
    world.parameters["canary"] = 1
    world.advance(HOUR)
    assert phases(world)["canary"] == "queued"
    world.command("resume")
    world.advance(HOUR)
    assert phases(world)["canary"] == "passed"


@pytest.mark.parametrize(
    ("status", "commands"),
    [("passed", ["resume", "abort"]), ("running", []), ("aborted", ["resume", "abort"])],
)
def test_commands_that_make_no_sense_are_refused(status: str, commands: list[str]) -> None:
    """Asking a rollout for what its state does not have is a refusal with the state in it."""
    world = released(SPEC)
    if status != "passed":
        world.promote("v2")
    if status == "aborted":
        world.command("abort")
    assert world.rollout.status == status
    for command in commands:
        assert status in refused(world, command).because


def test_aborting_leaves_everything_as_it_is() -> None:
    """What was started keeps running and is healed; what was not started is dropped."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(timedelta(minutes=10))
    world.command("abort")
    world.advance(HOUR)
    assert phases(world)["canary"] == "superseded"
    assert world.pointers == {"canary": "v2", "asia": "v1", "europe": "v1"}
    world.clusters["canary"].applied = None
    world.settle()
    assert world.clusters["canary"].applied == world.release("v2", "canary").digest


def test_an_aborted_change_by_hand_does_not_come_back_by_itself() -> None:
    """The repository still asks for it; only a person's new word starts it."""
    world = released(SPEC)
    world.pointers["asia"] = "v2"
    world.settle()
    assert phases(world)["asia"] == "held"
    world.command("abort")
    world.advance(HOUR)
    assert (phases(world)["asia"], world.rollout.status) == ("superseded", "aborted")


def test_retrying_goes_again_from_the_queue() -> None:
    """The failure is forgotten, deadlines and setbacks start anew, and the rest follows."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(timedelta(minutes=10))
    world.clusters["canary"].broken = "pods crash"
    world.settle()
    assert (phases(world)["canary"], world.rollout.status) == ("failed", "failed")
    world.clusters["canary"].broken = ""
    world.retry("canary")
    world.advance(3 * HOUR)
    assert world.rollout.status == "passed"
    assert set(world.pointers.values()) == {"v2"}
    assert world.rollout.rejected == {}


def test_retrying_where_nothing_failed_is_refused() -> None:
    """There is nothing to forget."""
    assert refused(released(SPEC), "retry", environment="asia").gate == "failed"
