"""A branch that a release moves under a work tree: files follow, and what is somebody's stays theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitrel.repo.edit import Delete, FileChange, PutFile
from gitrel.repo.git import GitRepository, RefUpdate
from gitrel.repo.git.worktree import NOTE, TEMPORARY, changed_paths
from tests.release.support import ACTOR, NOW, edit, place, repository
from tests.repo_git.sandbox import git, write

EDITED = PutFile(place("v1"), b"new\n")
MADE = PutFile("apps/web/v9/deep/script.sh", b"#!/bin/sh\n", executable=True)
GONE = Delete(place("v2", "web-configmap.yaml"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "config")


@pytest.fixture
def opened(root: Path) -> Iterator[GitRepository]:
    with GitRepository(root) as found:
        yield found


def move(opened: GitRepository, *changes: FileChange, stop_after_refs: bool = False) -> list[str]:
    old = opened.head().commit
    new = opened.commit_tree(old, changes, message="m", author=ACTOR, at=NOW)
    trees = opened.checked_out("refs/heads/main")
    for tree in trees:
        tree.promise(changed_paths(opened, old, new, changes))
    opened.update_refs([RefUpdate("refs/heads/main", new, old)])
    return [] if stop_after_refs else [warning for tree in trees for warning in tree.keep()]


def test_files_are_written_made_and_removed(opened: GitRepository, root: Path) -> None:
    """Disk, index and commit agree: a new folder, an executable file, a file that is gone."""
    assert move(opened, EDITED, MADE, GONE) == []
    assert git(root, "status", "--short") == ""
    assert (root / MADE.path).stat().st_mode & 0o111
    assert not (root / GONE.path).exists()


def test_a_folder_goes_with_its_last_file(opened: GitRepository, root: Path) -> None:
    """As Git does it, so that no empty version is left behind."""
    move(opened, Delete(place("v2")), GONE)
    assert not (root / "apps/web/v2").exists()
    assert git(root, "status", "--short") == ""


@pytest.mark.parametrize("how", ["edited", "staged", "deleted", "mode", "in the way"])
def test_what_somebody_changed_is_left_alone(opened: GitRepository, root: Path, how: str) -> None:
    """Their file stays as it is and is named; the others follow."""
    path = root / EDITED.path
    if how == "deleted":
        path.unlink()
    elif how == "mode":
        path.chmod(0o755)
    elif how == "in the way":
        write(root, MADE.path, "mine\n")
    else:
        edit(root, "v1", "replicas: 1", "replicas: 2")
        if how == "staged":
            git(root, "add", "-A")
    before = path.read_bytes() if path.exists() else None
    (warning,) = move(opened, EDITED, MADE, GONE)
    assert "has changes of its own and was left alone" in warning
    if how == "in the way":
        assert (root / MADE.path).read_text() == "mine\n"
    else:
        assert (path.read_bytes() if path.exists() else None) == before
    assert not (root / GONE.path).exists()


def test_a_crash_is_made_good_at_the_next_start(opened: GitRepository, root: Path) -> None:
    """The note survives; half-made files are removed, and everything is put in place."""
    move(opened, EDITED, MADE, GONE, stop_after_refs=True)
    (root / "apps/web/v1" / f"{TEMPORARY}99").write_text("half")
    assert git(root, "status", "--short") != ""
    (tree,) = opened.checked_out("refs/heads/main")
    assert tree.keep() == ()
    assert git(root, "status", "--short") == ""
    assert not (root / ".git" / NOTE).exists()


def test_nothing_is_written_through_a_link(opened: GitRepository, root: Path, tmp_path: Path) -> None:
    """A folder that leads out of the work tree is somebody's change, and nothing outside is touched."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "apps/web/v9").symlink_to(outside)
    (warning,) = move(opened, MADE)
    assert "left alone" in warning
    assert list(outside.iterdir()) == []
