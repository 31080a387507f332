"""Waiting for another side that is a real thread or process: until it holds, never for a guessed time.

What ticks on a virtual clock needs none of this. Where the other side can say that it is ready (an event, a
line of output, a join), wait for that; this is for what can only be looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SECONDS = 60.0
"""Long enough for a machine that is busy with other things; who waits that long has found a fault."""
PAUSE_SECONDS = 0.01

Found = TypeVar("Found")


def until(
    holds: Callable[[], Found],
    what: str,
    seconds: float = PATIENCE_SECONDS,
    *,
    pause_seconds: float = PAUSE_SECONDS,
) -> Found:
    """What `holds` gives as soon as that is true. Raises AssertionError, naming `what`, after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(pause_seconds)
    return found
