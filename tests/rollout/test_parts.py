"""What is left out of a step because nothing is new about it would have stayed as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.rollout import parts as module
from gitrel.rollout.commands import Refusal
from gitrel.rollout.decide import Decision, decide
from gitrel.rollout.look import Look
from gitrel.rollout.parts import parts
from tests.rollout.world import World, a_spec, released

PLACES = st.sampled_from(("staging", "canary", "asia", "europe", "america"))
POLICIES: st.SearchStrategy[Literal["hold", "rollback"]] = st.sampled_from(("hold", "rollback"))
EVENTS = st.one_of(
    st.tuples(st.just("promote"), st.sampled_from(("v1", "v2", "v3"))),
    st.tuples(st.sampled_from(("rollback", "retry", "pause", "resume", "abort")), st.just("")),
    st.tuples(st.sampled_from(("edit", "drift", "wipe", "crash", "restart", "lose", "mend")), PLACES),
    st.tuples(st.sampled_from(("point v1", "point v2", "point v3")), PLACES),
    st.tuples(st.just("wait"), st.sampled_from(("10", "600", "2500", "9000"))),
)


def happen(world: World, event: tuple[str, str]) -> None:
    """One thing that people, clusters or time may do."""
    what, where = event
    if what == "promote":
        world.command("promote", version=where, to=None)
    elif what == "rollback":
        world.command("rollback", to_version=None, environment=None)
    elif what == "retry":
        world.command("retry", environment=None)
    elif what in ("pause", "resume", "abort"):
        world.command(what)
    elif what == "wait":
        world.now += timedelta(seconds=int(where))
    elif what == "edit":
        world.parameters[where] = world.parameters.get(where, 0) + 1
        world.commit()
    elif what.startswith("point"):
        world.pointers[where] = what.removeprefix("point ")
        world.commit()
    else:
        meddle(world, what, where)


def meddle(world: World, what: str, where: str) -> None:
    cluster = world.clusters[where]
    cluster.drifted = what == "drift" and cluster.applied is not None
    cluster.broken = "pods crash" if what == "crash" else ""
    cluster.reachable = what != "lose"
    cluster.restarts += what == "restart"
    if what == "wipe":
        cluster.applied = None


def slowly(world: World) -> Decision:
    """The decision of somebody who looks at every environment in every step."""
    with patch.object(module, "_holds", lambda *_: False):
        return decide(world.spec, world.rollout, world.seen(), world.now)


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=12), POLICIES)
def test_calm_environments_change_no_decision(
    events: list[tuple[str, str]], policy: Literal["hold", "rollback"]
) -> None:
    """In any history each decision is, to the letter, the one that looking at everything would have given."""
    world = released(replace(a_spec(), on_failure=policy))
    for event in events:
        try:
            happen(world, event)
        except Refusal:
            continue
        for _ in range(3):
            assert slowly(world) == decide(world.spec, world.rollout, world.seen(), world.now)
            world.step()


def test_most_of_a_rollout_is_calm() -> None:
    """While a release soaks in one place, that place alone is looked at: otherwise nothing would be saved."""
    world = released(a_spec())
    world.command("promote", version="v2", to=None)
    world.advance(timedelta(minutes=2))
    found = parts(Look(world.seen()), world.spec, world.rollout, world.now)
    assert found.restless == found.in_flight == ("staging",)
    assert found.patient == {"canary", "asia", "europe", "america"} == set(found.waiting)
