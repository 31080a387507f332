"""One warm pool of template processes for the whole folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitrel.render import worker
from gitrel.render.template import Limits
from gitrel.render.worker import Workers

TOLD = Limits(seconds=1.0, memory_bytes=300 * 2**20, output_bytes=2**20)


class _Patient(Workers):
    """Waits for a child as long as a busy machine may take; the child itself counts its own CPU time."""

    def _take(self) -> worker._Process:
        self.limits = TOLD
        process = super()._take()
        self.limits = replace(TOLD, seconds=20.0)
        return process


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    with _Patient(TOLD) as pool:
        yield pool
