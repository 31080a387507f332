"""How far the cluster's clock is from this machine's, by the Date of its answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

STEADY = timedelta(seconds=2.5)
"""Dates have whole seconds, and an answer is on its way for a moment: less is no news."""
QUICK = timedelta(seconds=1)
"""An answer that took longer says too little about now."""


class Skew:
    """`value` is what to add to an instant of this machine to get the cluster's. It stays until it is wrong,
    so that instants which are translated by it do not move from one look to the next."""

    def __init__(self) -> None:
        self.value = timedelta()

    def learn(self, date: str, sent: datetime, received: datetime) -> None:
        """`date` is the header as it came; from none, or one that cannot be read, nothing is learnt."""
        if not date or not timedelta() <= received - sent <= QUICK:
            return
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return
        if told.tzinfo is None:
            told = told.replace(tzinfo=UTC)
        found = told - sent
        if abs(found) <= STEADY:
            found = timedelta()
        if abs(found - self.value) > STEADY:
            self.value = found
