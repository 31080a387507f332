"""What something may cost, in processor time: a bad algorithm takes more of it, a busy machine does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(cpu_seconds: float) -> Iterator[None]:
    """Fails where the block takes this thread longer than that, not counting what it waits for."""
    begun = time.thread_time()
    yield
    spent = time.thread_time() - begun
    assert spent <= cpu_seconds, f"it took {spent:.2f} s of the processor, and {cpu_seconds:g} s are allowed"
