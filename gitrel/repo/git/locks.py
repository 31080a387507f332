"""Locks between gitrel processes: held by the kernel, so that one that dies holds nothing."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitrel.repo.git.failures import Locked

AGAIN_SECONDS = 0.02


@contextmanager
def alone(path: Path, seconds: float) -> Iterator[None]:
    """Holds the lock file for as long as the block runs. Raises Locked where it is not to be had in time."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(descriptor, path, seconds)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Locked(
                    f"{path} was held by another gitrel for more than {seconds:g} s: see what it is doing",
                    str(path),
                ) from None
            time.sleep(AGAIN_SECONDS)
