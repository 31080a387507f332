"""The daemon's pulse: when its last pass began and ended, from which others see that it is not stuck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gitrel.clock import Clock, format_second


@dataclass
class Pulse:
    """When the daemon last began and ended a pass; `patience` is how long one may take to end."""

    clock: Clock
    patience: timedelta = timedelta(minutes=10)
    began: datetime | None = None
    ended: datetime | None = None
    heard: datetime | None = None
    """When the Git remote answered last; None where there is none, or it never did."""

    def begin(self) -> None:
        self.began = self.clock.now()

    def end(self) -> timedelta:
        """Gives how long the pass took."""
        self.ended = self.clock.now()
        return self.ended - (self.began or self.ended)

    def told(self) -> str:
        """The last pass, and how old what Git said is, in one line; empty before the first pass."""
        if self.ended is None:
            return ""
        heard = f"; the remote was last heard {format_second(self.heard)}" if self.heard else ""
        return f"last pass {format_second(self.ended)}{heard}"

    def is_alive(self) -> bool:
        """Not stuck: a pass that began has ended since, or has not been under way for too long."""
        if self.began is None or (self.ended is not None and self.ended >= self.began):
            return True
        return self.clock.now() - self.began < self.patience
