"""Pulling the plug at every durable step, and two processes at once: both refs move or none, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitrel.ledger.git import GitLedger
from gitrel.repo.git import GitRepository
from tests.ledger.samples import record
from tests.ledger.victim import save_once
from tests.repo_git.sandbox import bare_remote, clone, config_repository, git

LOCAL_STEPS = [
    "objects:before", "objects:after", "update-refs:before", "update-refs:after",
    "work-tree:before", "work-tree:after", "index:after",
]  # fmt: skip
REMOTE_STEPS = ["push:before", "push:after", *LOCAL_STEPS]
MOVES = {"apps/frontend/canary": "v2", "apps/frontend/staging/templates": "../v2"}


def victim(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.ledger.victim", *arguments]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], text=True, stdout=subprocess.PIPE)


def state(folder: Path) -> tuple[int, dict[str, str]]:
    """How many journal commits there are, and where the pointers stand on the branch."""
    found = git(folder, "for-each-ref", "refs/gitrel/journal")
    count = int(git(folder, "rev-list", "--count", "refs/gitrel/journal")) if found else 0
    return count, {path: git(folder, "cat-file", "blob", f"main:{path}") for path in MOVES}


@pytest.mark.parametrize(
    ("remote", "step"), [("", s) for s in LOCAL_STEPS] + [("origin", s) for s in REMOTE_STEPS]
)
def test_killed_at_any_step_nothing_is_half_done(tmp_path: Path, remote: str, step: str) -> None:
    """The truth holds both refs' moves or neither; the next start finishes the rest without doubling it."""
    work = config_repository(tmp_path / "work")
    truth = work
    if remote:
        truth = bare_remote(tmp_path / "remote.git", work)
        work = clone(tmp_path / "clone", truth)
    process = victim("die", str(work), remote, step)
    process.communicate(timeout=60)
    assert process.returncode == -9

    nothing = 0, {path: target.replace("2", "1") for path, target in MOVES.items()}
    assert state(truth) in (nothing, (1, MOVES))
    if step in ("objects:before", "objects:after", "update-refs:before", "push:before") and not remote:
        assert state(truth) == nothing

    with GitRepository(work) as repository:
        ledger = GitLedger(repository, remote or None, "main")
        _, records = ledger.load()
        if not records:
            save_once(repository, remote)
        assert ledger.load()[1] == {"frontend": record()}
        assert [entry.sequence for entry in ledger.history()] == [1]
    assert state(truth) == (1, MOVES)
    if git(work, "rev-parse", "main") == git(truth, "rev-parse", "main"):
        assert git(work, "status", "--short") == ""
        assert {path: str((work / path).readlink()) for path in MOVES} == MOVES


@pytest.mark.parametrize("mode", ["one repository", "two clones of a remote"])
def test_two_processes_at_once_lose_nothing(tmp_path: Path, mode: str) -> None:
    """Each of two writers gets all its entries in, once; the chain is whole and so is the branch."""
    work = config_repository(tmp_path / "work")
    truth, folders, remote = work, [work, work], ""
    if mode != "one repository":
        truth = bare_remote(tmp_path / "remote.git", work)
        folders = [clone(tmp_path / name, truth) for name in ("a", "b")]
        remote = "origin"
    each = 8
    writers = [victim("race", str(f), remote, name, str(each)) for f, name in zip(folders, "AB", strict=True)]
    for writer in writers:
        writer.communicate(timeout=100)
        assert writer.returncode == 0
    with GitRepository(folders[0]) as repository:
        ledger = GitLedger(repository, remote or None, "main")
        ledger.load()
        history = list(ledger.history())
    assert [entry.sequence for entry in history] == list(range(1, 2 * each + 1))
    assert [entry.after.number for entry in history] == list(range(1, 2 * each + 1))
    assert sorted(entry.actor for entry in history) == ["A"] * each + ["B"] * each
    assert git(truth, "rev-list", "--count", "main") == str(1 + 2 * each)
    assert git(truth, "fsck", "--strict", "--no-dangling") == ""
