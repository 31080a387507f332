"""Playing passes on a fleet whose clock jumps: the rehearsal's way of waiting.

Everything else is the orchestrator's own code. A pass is made whenever a cluster changes, a timer of the core
falls due, or a fault begins or ends, as a daemon with watches would.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from gitrel.errors import NeedsPerson, TimedOut
from gitrel.orchestrator.wait import next_look, reconcile_until_done
from gitrel.orchestrator.world import PassReport, Scope, World
from gitrel.rehearsal.fleet import Fleet

PATIENCE = timedelta(days=90)
"""A rollout that has not ended after so long will not end: something waits for a person."""
IDLE = timedelta(hours=6)
"""How long nothing may happen before a pass is made all the same."""
LEAD = timedelta(minutes=15)
"""How long before a story begins the fleet is there, so that what runs today can be installed in it."""


def play(
    world: World,
    fleet: Fleet,
    scope: Scope | None = None,
    *,
    patience: timedelta = PATIENCE,
    on_report: Callable[[PassReport], None] = lambda report: None,
) -> PassReport:
    """Passes until everything in scope is settled or waits for a person, or until `patience` has passed on
    the fleet's clock. What a cluster refuses is played to its end: the deadline, and what follows."""
    latest: list[PassReport] = []

    def keep(report: PassReport) -> None:
        latest[:] = [report]
        on_report(report)

    def wait(report: PassReport) -> None:
        fleet.advance_to(min(next_look(report, world.clusters.connected(), IDLE), fleet.next_fault(IDLE)))

    try:
        return reconcile_until_done(world, scope, patience, wait, keep, refused_for=None)
    except (TimedOut, NeedsPerson):
        return latest[0]


def begin(fleet: Fleet, start: datetime) -> datetime:
    """Lets time pass until `start`, and from then on the faults count. Gives the instant at which the story
    begins: later than `start` where installing what runs today took longer than `LEAD`."""
    begins = max(start, fleet.clock.now())
    fleet.advance_to(begins)
    fleet.begin()
    return begins
