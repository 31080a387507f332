"""One warm pool of template processes for the whole folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitrel.render.template import Limits
from gitrel.render.worker import Workers


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    with Workers(Limits(seconds=1.0, memory_bytes=300 * 2**20, output_bytes=2**20)) as pool:
        yield pool
