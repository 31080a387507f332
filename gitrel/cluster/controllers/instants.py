"""Instants as objects carry them: whole seconds of RFC 3339, read often and written often.

The same few stamps are read again and again while a cluster settles, so both directions remember them.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from gitrel.clock import format_instant, parse_instant


@lru_cache(maxsize=65536)
def read(stamp: str) -> datetime:
    """`2026-01-31T12:00:00Z` → an aware datetime in UTC. Raises ValueError for anything else."""
    return parse_instant(stamp)


@lru_cache(maxsize=1024)
def stamp(instant: datetime) -> str:
    """metav1.Time: the instant cut to whole seconds."""
    return format_instant(instant.replace(microsecond=0))
