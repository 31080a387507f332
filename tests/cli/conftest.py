"""A config repository of one's own for each test: the example, committed in a fresh Git repository."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gitrel.repo.layout import RELEASE_FILE
from tests.cli.support import ROOT

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder: Path, message: str = "Change") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """The example repository of this project, with one commit.

    Without the records of what was released: most tests edit released versions in place.
    """
    folder = tmp_path / "config"
    folder.mkdir()
    for name in ("apps", "environments"):
        records = shutil.ignore_patterns(RELEASE_FILE)
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=records)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Test")
    git(folder, "config", "user.email", "test@example.com")
    commit(folder, "Begin")
    return folder
