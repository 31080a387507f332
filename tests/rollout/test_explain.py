"""Why an environment is where it is: one sentence, the closed gate, and the instant it can change."""

from __future__ import annotations

from datetime import timedelta

from gitrel.rollout.explain import Explanation, explain, summary
from tests.rollout.world import World, a_spec, released

SPEC = a_spec("canary", "asia")
MINUTE = timedelta(minutes=1)


def why(world: World, name: str) -> Explanation:
    found = explain(world.spec, world.rollout, world.seen(), world.now)
    assert [one.environment for one in found] == ["canary", "asia"]
    return next(one for one in found if one.environment == name)


def a_soak() -> World:
    world = released(SPEC)
    world.promote("v2")
    world.advance(5 * MINUTE)
    return world


def test_at_rest_it_says_what_runs_and_since_when_it_has_passed() -> None:
    """Nothing is on its way, no gate is closed, and no instant is given."""
    one = why(released(SPEC), "canary")
    assert one.sentence == "canary runs v1, passed 2026-01-05T08:00:40Z"
    assert (one.version, one.target, one.gate, one.due) == ("v1", "", "", None)


def test_what_soaks_says_until_when() -> None:
    """The due instant is that of the soak."""
    world = a_soak()
    one = why(world, "canary")
    assert one.sentence == "canary has v2, which is watched: soaks for 40m until 2026-01-06T08:40:40Z"
    assert (one.version, one.target, one.gate) == ("v2", "v2", "soak")


def test_what_waits_names_whom_it_waits_for_and_the_earliest_instant() -> None:
    """The next wave knows when the one before can have passed."""
    world = a_soak()
    one = why(world, "asia")
    assert one.sentence.startswith("asia runs v1; v2 is queued: waits for v2 to pass canary, at the earliest")
    assert (one.gate, one.due) == ("predecessors", why(world, "canary").due)


def test_what_is_ahead_of_the_schedule_is_held() -> None:
    """A pointer that a person moved too early says what is missing."""
    world = released(SPEC)
    world.pointers["asia"] = "v2"
    world.settle()
    assert why(world, "asia").sentence == "asia runs v1; v2 is held: waits for v2 to pass canary"


def test_failures_say_why() -> None:
    """The reason of the cluster is passed on, in the environment's sentence and the rollout's."""
    world = a_soak()
    world.clusters["canary"].broken = "pods crash"
    world.settle()
    assert why(world, "canary").sentence == "canary has v2, which failed: pods crash while it was watched"
    sentence = summary(world.spec, world.rollout, world.seen(), world.now)
    assert sentence.startswith("rollout 2 of v2: v2 failed in canary: pods crash while it was watched")


def test_an_environment_without_anything_says_so() -> None:
    """A component that was never released is no special case."""
    world = World(SPEC)
    assert why(world, "canary").sentence == "canary has no release yet"
    assert summary(SPEC, world.rollout, {}, world.now) == "nothing has been released yet"


def test_the_summary_counts_what_has_passed() -> None:
    """One glance tells how far it is and what it is doing."""
    world = a_soak()
    world.advance(50 * MINUTE)
    assert world.decision is not None
    assert world.decision.because == "rollout 2 of v2: 1 of 2 passed; asia is watching v2"
