"""A release that falls ill after it passed: noted once, with since and why, and nothing is decided on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gitrel.rollout import wire
from gitrel.rollout.aftercare import WELL_AFTER
from gitrel.rollout.explain import explain_one
from gitrel.rollout.state import Phase
from gitrel.rollout.verify import verify
from tests.rollout.world import World, a_spec, released

SPEC = a_spec("canary", "asia", on_failure="rollback")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def world() -> World:
    """v2 has passed everywhere, a day ago."""
    world = released(SPEC)
    world.promote("v2")
    world.advance(2 * DAY)
    assert world.rollout.status == "passed"
    return world


def ill(world: World) -> dict[str, bool]:
    return {name: one.until is None for name, one in world.rollout.unwell.items()}


def test_pods_that_crash_after_the_soak_are_noted_and_nothing_is_reopened(world: World) -> None:
    """The release stays proven and in force; a second pass adds nothing; the reason is told."""
    world.clusters["asia"].broken = "pod web-1 is in CrashLoopBackOff"
    (decision,) = world.settle()
    assert decision.actions == ()
    assert ill(world) == {"asia": True}
    assert world.rollout.unwell["asia"].since == world.now
    assert (world.rollout.status, world.rollout.in_force["asia"].version) == ("passed", "v2")
    assert world.rollout.environments["asia"].phase is Phase.PASSED
    entries = len(world.journal)
    world.advance(DAY)
    assert len(world.journal) == entries
    told = explain_one(SPEC, world.rollout, world.seen(), "asia", world.now).sentence
    assert told.endswith("(pod web-1 is in CrashLoopBackOff)")
    assert "unwell since" in decision.because
    assert verify(world.journal) is None


def test_the_pause_between_two_crashes_is_no_recovery(world: World) -> None:
    """Well again only after ten minutes of being Current without a gap; then that is noted, once."""
    asia = world.clusters["asia"]
    asia.broken = "pods crash"
    world.settle()
    for _ in range(5):
        asia.broken, asia.since = "", world.now
        decisions = world.advance(5 * MINUTE)
        assert decisions[-1].wake_at == asia.since + WELL_AFTER
        asia.broken = "pods crash"
        world.advance(5 * MINUTE)
    assert ill(world) == {"asia": True}
    entries = len(world.journal)
    asia.broken, asia.since = "", world.now
    world.advance(DAY)
    assert ill(world) == {"asia": False}
    assert world.rollout.unwell["asia"].until == asia.since + WELL_AFTER
    assert len(world.journal) == entries + 1


def test_restarts_that_nobody_saw_count(world: World) -> None:
    """Current again at each look, and still restarted more often than is allowed."""
    asia = world.clusters["asia"]
    asia.restarts = SPEC.max_restarts
    assert not world.settle()[-1].rollout.unwell
    asia.restarts += 1
    world.settle()
    assert world.rollout.unwell["asia"].because == "2 container restarts since it was well"
    world.advance(DAY)
    assert ill(world) == {"asia": False}
    world.advance(DAY)
    assert ill(world) == {"asia": False}, "the same restarts are told twice"


def test_the_next_release_begins_with_a_clean_slate(world: World) -> None:
    """Once gates judge the environment the note goes; the old release does not hold the next one up."""
    world.clusters["canary"].broken = "pods crash"
    world.settle()
    world.promote("v3")
    world.clusters["canary"].broken = ""
    world.advance(MINUTE)
    assert ill(world) == {}
    world.advance(2 * DAY)
    assert world.rollout.status == "passed"
    assert verify(world.journal) is None


def test_a_journal_of_before_still_verifies(world: World) -> None:
    """A gitrel that did not note it wrote the same decisions: what is told is no breach, either way."""
    world.clusters["asia"].broken = "pods crash"
    world.settle()
    world.promote("v3")
    world.advance(DAY)
    assert any(step.after.unwell for step in world.journal)
    old = [replace(step, after=replace(step.after, unwell={})) for step in world.journal]
    assert verify(old) is None
    last = world.journal[-1].after
    assert wire.rollout_from_json(wire.rollout_to_json(last)) == last
