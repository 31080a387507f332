"""A small config repository, opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitrel.repo.git import GitRepository
from tests.repo_git.sandbox import config_repository


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return config_repository(tmp_path / "work")


@pytest.fixture
def repository(work: Path) -> Iterator[GitRepository]:
    with GitRepository(work) as opened:
        yield opened
