"""The daemon's pulse: when its last pass began and ended, from which others see that it is not stuck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gitrel.clock import Clock


@dataclass
class Pulse:
    """When the daemon last began and ended a pass; `patience` is how long one may take to end."""

    clock: Clock
    patience: timedelta = timedelta(minutes=10)
    began: datetime | None = None
    ended: datetime | None = None

    def begin(self) -> None:
        self.began = self.clock.now()

    def end(self) -> timedelta:
        """Gives how long the pass took."""
        self.ended = self.clock.now()
        return self.ended - (self.began or self.ended)

    def is_alive(self) -> bool:
        """Not stuck: a pass that began has ended since, or has not been under way for too long."""
        if self.began is None or (self.ended is not None and self.ended >= self.began):
            return True
        return self.clock.now() - self.began < self.patience
