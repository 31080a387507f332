"""What is told of drift: that it was found and by whose hand, that it is gone, that a fight is given up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gitrel.events import Event
from gitrel.rollout.drifting import sentence
from gitrel.rollout.state import Drifting, Rollout


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
