"""Instants as seconds since 1970 for arithmetic, and as the whole-second stamps that objects carry.

A settling cluster reads and writes the same few stamps over and over, so both directions are remembered.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from gitrel.clock import format_instant, parse_instant


@lru_cache(maxsize=65536)
def read(stamp: str) -> float:
    """`2026-01-31T12:00:00Z` → seconds. Raises ValueError for anything that is no instant."""
    return parse_instant(stamp).timestamp()


@lru_cache(maxsize=4096)
def stamp(seconds: int) -> str:
    return format_instant(datetime.fromtimestamp(seconds, UTC))


def instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
