"""A forge on this machine, for each test its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.forge.recorded import Recorded, serving


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """It has no answers yet."""
    with serving(Recorded()) as server:
        yield server
