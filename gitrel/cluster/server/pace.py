"""How a served cluster's time passes: with the machine's clock, so many times as fast, or in jumps.

A pace says how far the cluster may be played now, and how long to wait for what comes next. It never reads
the machine's clock by itself: it is handed one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from gitrel.clock import Clock

JUMP = timedelta(minutes=10)
"""How far a jumping clock goes at most after each change from outside: enough for pods to start, be ready and
be replaced; too little for a nightly job to run a thousand nights while nobody looks."""


class Pace(Protocol):
    """Time of a cluster. Instants are the cluster's own."""

    flows: bool
    """Whether time passes by itself; else it stands still between two due instants."""
    movable: bool
    """Whether somebody outside may move time on: not that of the system."""

    def until(self, now: datetime) -> datetime:
        """How far the cluster may be played, `now` being where it stands."""
        ...

    def seconds_to(self, due: datetime) -> float | None:
        """How long to wait for `due`; None for as long as nothing is written."""
        ...

    def touched(self, now: datetime) -> None:
        """Somebody outside changed something at the cluster's instant `now`."""
        ...

    def move(self, now: datetime, by: timedelta) -> datetime:
        """Somebody outside moves time on from `now`; how far to play. Only if `movable`."""
        ...


class Flowing:
    """`speed` seconds of cluster time for each second of `clock`, from `start` on."""

    flows = True

    def __init__(self, clock: Clock, start: datetime, speed: float = 1.0, *, movable: bool = False) -> None:
        self.movable = movable
        self._clock = clock
        self._began = clock.now()
        self._start = start
        self._speed = speed

    def until(self, now: datetime) -> datetime:
        if self._speed == 1:
            return max(now, self._start + (self._clock.now() - self._began))
        return max(now, self._start + (self._clock.now() - self._began) * self._speed)

    def seconds_to(self, due: datetime) -> float | None:
        return max(0.0, (due - self.until(self._start)).total_seconds() / self._speed)

    def touched(self, now: datetime) -> None:
        """Makes no difference to time that passes by itself."""

    def move(self, now: datetime, by: timedelta) -> datetime:
        """It passes on from there."""
        self._start += by
        return self.until(now)


class Jumping:
    """Time goes to the next due instant at once, up to `JUMP` after the last change from outside."""

    flows = False
    movable = True

    def __init__(self, now: datetime) -> None:
        self._reach = now + JUMP

    def until(self, now: datetime) -> datetime:
        return max(now, self._reach)

    def seconds_to(self, due: datetime) -> float | None:
        return 0.0 if due <= self._reach else None

    def touched(self, now: datetime) -> None:
        self._reach = now + JUMP

    def move(self, now: datetime, by: timedelta) -> datetime:
        """Exactly there, and no further until something is changed again."""
        self._reach = now + by
        return self._reach
