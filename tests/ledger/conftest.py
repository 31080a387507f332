"""A journal in a repository of its own, and one in a clone whose remote is the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitrel.ledger.git import GitLedger
from gitrel.repo.git import GitRepository
from tests.repo_git.sandbox import bare_remote, clone, config_repository


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return config_repository(tmp_path / "work")


@pytest.fixture
def remote(tmp_path: Path, work: Path) -> Path:
    return bare_remote(tmp_path / "remote.git", work)


@pytest.fixture
def repository(work: Path) -> Iterator[GitRepository]:
    with GitRepository(work) as opened:
        yield opened


@pytest.fixture
def ledger(repository: GitRepository) -> GitLedger:
    return GitLedger(repository)


@pytest.fixture
def cloned(tmp_path: Path, remote: Path) -> Iterator[GitRepository]:
    with GitRepository(clone(tmp_path / "clone", remote)) as opened:
        yield opened
