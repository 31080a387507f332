"""A checked-out branch that gitrel moves: clean links follow it, changed ones are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.errors import Conflict
from gitrel.repo.edit import PutLink
from gitrel.repo.git import GitRepository, RefUpdate
from gitrel.repo.git.worktree import NOTE, TEMPORARY, changed_paths
from tests.ledger.samples import NOW
from tests.repo_git.sandbox import git, point

CANARY = PutLink("apps/frontend/canary", "v2")
STAGING = PutLink("apps/frontend/staging/templates", "../v2")
NEW = PutLink("apps/frontend/westus", "v1")


def move(repository: GitRepository, *links: PutLink, stop_after_refs: bool = False) -> list[str]:
    """What the ledger does: note, move the branch, follow. Gives the warnings."""
    old = repository.commit_at("refs/heads/main")
    new = repository.commit_tree(old, links, message="m", author="G <g@example.com>", at=NOW)
    trees = repository.checked_out("refs/heads/main")
    for tree in trees:
        tree.promise(changed_paths(repository, old, new, links))
    repository.update_refs([RefUpdate("refs/heads/main", new, old)])
    return [] if stop_after_refs else [warning for tree in trees for warning in tree.keep()]


def links(work: Path) -> tuple[str, str]:
    return str((work / CANARY.path).readlink()), str((work / STAGING.path).readlink())


def test_clean_links_follow_the_branch(repository: GitRepository, work: Path) -> None:
    """Both forms and a new link: disk, index and commit agree, and unrelated changes stay as they are."""
    (work / "README.md").write_text("edited")
    assert move(repository, CANARY, STAGING, NEW) == []
    assert links(work) == ("v2", "../v2")
    assert git(work, "status", "--short") == "M README.md"
    assert not (work / ".git" / NOTE).exists()


@pytest.mark.parametrize("staged", [False, True])
def test_a_changed_link_is_left_alone_and_named(repository: GitRepository, work: Path, staged: bool) -> None:
    """Somebody is at work on the very link: theirs stays, the other follows, and a warning says so."""
    point(work, CANARY.path, "current")
    if staged:
        git(work, "add", CANARY.path)
    (warning,) = move(repository, CANARY, STAGING)
    assert "apps/frontend/canary has changes of its own" in warning
    assert links(work) == ("current", "../v2")


@pytest.mark.parametrize("what", ["missing", "a file", "a folder", "linked away"])
def test_whatever_stands_there_is_left_alone(
    repository: GitRepository, work: Path, tmp_path: Path, what: str
) -> None:
    """A deleted link, a file or a folder in its place, or a folder that leads out of the work tree."""
    place = work / CANARY.path
    if what == "linked away":
        (tmp_path / "outside").mkdir()
        (work / "apps/frontend").rename(work / "apps/kept")
        (work / "apps/frontend").symlink_to(tmp_path / "outside")
        (tmp_path / "outside" / "canary").symlink_to("v1")
    else:
        place.unlink()
        if what == "a file":
            place.write_text("v1")
        elif what == "a folder":
            place.mkdir()
    (warning,) = move(repository, CANARY)
    assert "left alone" in warning
    if what == "linked away":
        assert str((tmp_path / "outside" / "canary").readlink()) == "v1"
    else:
        assert not place.is_symlink()


def test_a_crash_after_the_branch_moved_is_made_good(repository: GitRepository, work: Path) -> None:
    """The note survives; the next start finishes what it says, and removes a half-made link."""
    move(repository, CANARY, stop_after_refs=True)
    (work / "apps/frontend" / f"{TEMPORARY}99").symlink_to("v2")
    assert links(work)[0] == "v1"
    (tree,) = repository.checked_out("refs/heads/main")
    assert tree.keep() == ()
    assert links(work)[0] == "v2"
    assert git(work, "status", "--short") == ""


def test_a_note_of_a_move_that_never_happened_is_dropped(repository: GitRepository, work: Path) -> None:
    """The transaction failed: the links stay where the branch is."""
    old = repository.commit_at("refs/heads/main")
    new = repository.commit_tree(old, [CANARY], message="m", author="G", at=NOW)
    (tree,) = repository.checked_out("refs/heads/main")
    tree.promise(changed_paths(repository, old, new, [CANARY]))
    with pytest.raises(Conflict):
        repository.update_refs([RefUpdate("refs/heads/main", new, new)])
    assert tree.keep() == ()
    assert links(work)[0] == "v1"
    assert not (work / ".git" / NOTE).exists()


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"ref": "refs/heads/main"}', '{"ref": "refs/heads/main", "moves": [{"x": 1}]}']
)
def test_a_damaged_note_promises_nothing(repository: GitRepository, work: Path, note: str) -> None:
    """Half a note, or somebody else's file: nothing is moved by guess."""
    (work / ".git" / NOTE).write_text(note)
    (tree,) = repository.checked_out("refs/heads/main")
    assert tree.keep() == ()


def test_a_locked_index_is_named(repository: GitRepository, work: Path) -> None:
    """A command is running in the work tree: the link follows, and the warning says what is left to do."""
    (work / ".git" / "index.lock").touch()
    (warning,) = move(repository, CANARY)
    assert "index.lock exists" in warning
    assert "git add apps/frontend/canary" in warning
    assert (work / ".git" / "index.lock").exists()
    assert links(work)[0] == "v2"


def test_linked_work_trees_follow_too(repository: GitRepository, work: Path, tmp_path: Path) -> None:
    """The branch is checked out beside the main folder; the main folder, on another branch, stays."""
    git(work, "checkout", "-q", "-b", "other")
    git(work, "worktree", "add", "-q", str(tmp_path / "side"), "main")
    assert move(repository, CANARY) == []
    assert str((tmp_path / "side" / CANARY.path).readlink()) == "v2"
    assert links(work)[0] == "v1"
    assert git(tmp_path / "side", "status", "--short") == git(work, "status", "--short") == ""
    with GitRepository(tmp_path / "side") as side:
        assert side.head().ref == "refs/heads/main"
        assert [tree.root for tree in side.checked_out("refs/heads/main")] == [tmp_path / "side"]


def test_a_bare_repository_has_no_work_tree(work: Path, tmp_path: Path) -> None:
    """Nothing follows where nothing is checked out."""
    git(tmp_path, "clone", "-q", "--bare", str(work), "bare.git")
    with GitRepository(tmp_path / "bare.git") as repository:
        assert repository.checked_out("refs/heads/main") == ()
        assert move(repository, CANARY) == []
