"""The repository that the modules of this folder begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.release.tags.support import repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """v1.0 in `quiet`, v2.0 in `busy`, which has parameters; HEAD is ahead of both."""
    return repository(tmp_path / "config")
