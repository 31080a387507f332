"""Which Event a new one is counted into: its equal, the one that gathers similar ones, or one of its own.

client-go's `EventCorrelator` (`tools/record/events_cache.go`) remembers in memory; here an Event's name says
where to look. Similar are events of one object with one source, type and reason. The first nine messages that
come with no more than ten minutes between any two have an Event each; what comes then goes into one that says
`(combined from similar events): ` and the newest message. client-go forgets at random one of the messages
it has seen; here an equal one is always counted up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from gitrel.clock import parse_instant
from gitrel.kube.identity import Object

SIMILAR_MAX = 9
_NUMBERS = tuple(f"{number:02x}" for number in range(SIMILAR_MAX))
INTERVAL = timedelta(minutes=10)
PREFIX = "(combined from similar events): "
MESSAGE_MAX = 1024
"""Characters of an event's message; the rest is cut (client-go `tools/record`)."""


class Place(NamedTuple):
    """Where an event is written: `known` is the Event that is counted up, None for a new one."""

    name: str
    message: str
    known: Object | None


def calculate_place(
    about: str, identity: tuple[str, ...], message: str, find: Callable[[str], Object | None], now: datetime
) -> Place:
    """`identity` is what similar events share; `find` gives the Event of a name in the right namespace."""
    message = message[:MESSAGE_MAX]
    base = f"{about}.{_digest(*identity)}"
    free = ""
    recent: list[datetime] = []
    for number in _NUMBERS:
        name = base + number
        found = find(name)
        if found is None:
            free = free or name
        elif found["message"] == message:
            return Place(name, message, found)
        else:
            recent.append(parse_instant(found["lastTimestamp"]))
    if free:
        return Place(free, message, None)
    combined = find(f"{base}ff")
    if combined is not None:
        recent.append(parse_instant(combined["lastTimestamp"]))
    if _run_length(recent, now) >= SIMILAR_MAX:
        return Place(f"{base}ff", (PREFIX + message)[:MESSAGE_MAX], combined)
    # The nine are of a time that is over, but still there: this one stands beside them.
    name = f"{about}.{_digest(*identity, message)}"
    return Place(name, message, find(name))


def _run_length(recent: list[datetime], now: datetime) -> int:
    """How many of them belong to what is still going on: no gap between two is too long."""
    length = 0
    for instant in sorted(recent, reverse=True):
        if now - instant > INTERVAL:
            break
        length, now = length + 1, instant
    return length


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=7).hexdigest()
