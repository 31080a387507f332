"""What is worked out once for a decision is what each environment would have worked out for itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.rollout.facts import earlier, has_passed, listing, promoted_release
from gitrel.rollout.gates.predecessors import turns
from gitrel.rollout.gates.verdict import OPEN
from gitrel.rollout.look import Look
from tests.rollout.world import World, a_spec, released

SPEC = a_spec("staging", "canary", "asia europe", "america")


def by_itself(world: World, look: Look, name: str) -> tuple[str, ...]:
    """As the rule says it, for one environment."""
    rollout = world.rollout
    return tuple(
        one
        for one in earlier(SPEC, name)
        if one in rollout.scope and not has_passed(rollout, one, promoted_release(rollout, look.get(one)))
    )


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=6))
def test_it_answers_for_the_record_that_it_is_asked_about(minutes: list[int]) -> None:
    """One look is asked about record after record, as within a decision: it never answers for an old one."""
    world = released(SPEC)
    look = Look(world.seen("v2"))
    world.promote("v2")
    for wait in minutes:
        world.advance(timedelta(minutes=wait))
        for name in SPEC.environments:
            turn = look.once(turns, SPEC, world.rollout, world.now).get(name, OPEN)
            missing = by_itself(world, look, name)
            assert (turn.outcome == "closed") == bool(missing)
            assert listing(missing) in turn.because
    fewer = replace(world.rollout, scope=("canary", "america"))
    assert "staging" not in look.once(turns, SPEC, fewer, world.now).get("america", OPEN).because


def test_a_look_is_made_once() -> None:
    """Whoever has one hands it on; a plain mapping becomes one."""
    look = Look({})
    assert Look.at(look) is look
    assert Look.at({}) is not look
