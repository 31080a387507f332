"""Time as a value: who may read it, how it is written, and a clock that moves only when told.

A pass reads its clock once and hands `now` down. Durations are written as `1h30m` (Go's form, plus
`d` for days), instants as RFC 3339 in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+\Z", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])", re.ASCII)
DURATION_MAX = timedelta(days=3650)
"""Ten years: anything longer is a typing mistake, and sums with it could leave the calendar."""


class Clock(Protocol):
    """Anything that knows the time. Consumers that wait take a richer type of their own."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands still until it is moved, and never goes back."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance_to(self, instant: datetime) -> None:
        """Moves to `instant`; an instant already passed leaves the clock where it is."""
        self._now = max(self._now, instant)

    def advance(self, by: timedelta) -> None:
        self.advance_to(self._now + by)


def parse_duration(text: str) -> timedelta:
    """`1h30m`, `45s`, `4h`, `2d`, `0s` → timedelta.

    Raises ValueError with a sentence for people: a bare number has no unit, a sign has no meaning.
    """
    if text == "0":
        return timedelta()
    if not _DURATION.match(text):
        raise ValueError(f"{text!r} is not a duration: write it as 90s, 45m, 1h30m or 2d")
    # Summed in floating seconds first: timedelta itself overflows on absurd inputs.
    seconds = sum(float(number) * _UNITS[unit].total_seconds() for number, unit in _PART.findall(text))
    if seconds > DURATION_MAX.total_seconds():
        raise ValueError(f"{text!r} is longer than ten years")
    return timedelta(seconds=seconds)


@lru_cache(maxsize=1024)
def format_duration(duration: timedelta) -> str:
    """The shortest exact form that `parse_duration` reads back; sub-millisecond parts are cut."""
    milliseconds = int(duration.total_seconds() * 1000)
    sign, milliseconds = ("-", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + ("".join(parts) or "0s")


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC: whole seconds where that is exact, microseconds otherwise."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds' if utc.microsecond else 'seconds')}Z"


def format_second(instant: datetime) -> str:
    """For people: RFC 3339 in whole seconds, rounded up, so that "not before" is never said too early."""
    return format_instant(instant + timedelta(microseconds=-instant.microsecond % 1_000_000))


def parse_instant(text: str) -> datetime:
    """Reads back what `format_instant` wrote, and any RFC 3339 instant with a zone."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write it as 2026-01-31T12:00:00Z")
    return instant.astimezone(UTC)
