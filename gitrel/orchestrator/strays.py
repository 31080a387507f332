"""What is told of clusters that stray: of drift, by whose hand and whether it is gone, and of clocks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gitrel.clock import format_duration
from gitrel.events import Event
from gitrel.rollout.drifting import sentence
from gitrel.rollout.state import Drifting, Rollout


def clock_event(environment: str, skew: timedelta, now: datetime) -> Event:
    """`skew` is by how much the cluster's clock is ahead of this machine's; negative where it is behind."""
    seconds = round(skew.total_seconds())
    if seconds:
        way = "ahead of" if seconds > 0 else "behind"
        span = format_duration(timedelta(seconds=abs(seconds)))
        told = f"the cluster's clock is {span} {way} this machine's: what it says is judged by its own"
    else:
        told = "the cluster's clock and this machine's agree again"
    return Event(now, "cluster.clock", "", environment, told, {"seconds": seconds})


def drift_events(before: Rollout, after: Rollout, now: datetime) -> Iterator[Event]:
    """Between two records of one component, by environment and object."""
    for environment in sorted({*before.drift, *after.drift}):
        old = {one.object: one for one in before.drift.get(environment, ())}
        new = {one.object: one for one in after.drift.get(environment, ())}
        for name in sorted({*old, *new}):
            kind, one = _news(old.get(name), new.get(name))
            if kind and one is not None:
                data = {
                    "object": one.object,
                    "fields": list(one.fields),
                    "managers": list(one.managers),
                    "mended": len(one.mended),
                }
                yield Event(now, kind, after.component, environment, sentence(one), data)


def _news(old: Drifting | None, new: Drifting | None) -> tuple[str, Drifting | None]:
    """(kind of event, the object); an empty kind where nothing is new."""
    drifted = old is not None and old.until is None
    drifts = new is not None and new.until is None
    if drifts and not drifted:
        return "drift.found", new
    if drifted and not drifts:
        return "drift.gone", old
    if drifts and new is not None and old is not None and new.fought and not old.fought:
        return "drift.fought", new
    return "", None
