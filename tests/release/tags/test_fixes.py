"""A fix where versions are tags: a branch for each active line, and either all of them get it or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.app import read_catalog
from gitrel.errors import UsageError
from gitrel.orchestrator.versions.backport import Backport, Source
from gitrel.repo.edit import parse_trailers
from tests.release.support import carry, make, somebody_is_faster
from tests.release.tags.support import PLACE, at, edit, has
from tests.repo_git.sandbox import bare_remote, clone, git


def outcomes(result: Backport) -> list[tuple[str, str, str]]:
    return [(part.version, part.outcome, part.becomes) for part in result.parts]


def test_a_fix_goes_onto_every_active_line(root: Path) -> None:
    """Both lines get a branch at their tag, one commit and a point release; main has the fix already."""
    fix = edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")
    result = carry(root, Source(fix))
    assert outcomes(result) == [
        ("current", "has it", ""),
        ("v2.0", "fixed", "v2.1"),
        ("v1.0", "fixed", "v1.1"),
    ]
    assert at(root, "HEAD") == fix
    for line in ("1", "2"):
        assert at(root, f"refs/heads/web/v{line}") == at(root, f"web/v{line}.1")
        assert at(root, f"web/v{line}.1~1") == at(root, f"web/v{line}.0")
        assert has(root, f"web/v{line}.1", "revisionHistoryLimit: 5")
        assert has(root, f"web/v{line}.1", f"example.com/web:v{line}.0")
    shown = git(root, "log", "-1", "--format=%an%n%B", "refs/heads/web/v1")
    assert shown.startswith("Ada Example\nCarry a fix into web v1.1")
    assert parse_trailers(shown)["Gitrel-Backport"] == f"commit {fix}"
    catalog, problems = read_catalog(root)
    assert problems == ()
    assert catalog.components["web"].pointers["quiet"].version == "v1.0"  # promoting it is a step of its own
    again = carry(root, Source(fix))
    assert {outcome for _, outcome, _ in outcomes(again)} == {"has it"}


def test_a_version_tagged_after_the_fix_is_not_said_to_lack_it(root: Path) -> None:
    """The newest tag holds the fix, so that promoting it brings no fault back."""
    fix = edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")
    newest = make(root).version
    assert not [note for note in carry(root, Source(fix)).notes if newest in note]


def test_the_next_fix_goes_on_from_the_branch(root: Path) -> None:
    """v1.2 follows v1.1 on the branch; commits that somebody made there are told to be released along."""
    carry(
        root, Source(edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")), to=["current", "v1.0"]
    )
    git(root, "checkout", "-q", "web/v1")
    edit(root, "terminationGracePeriodSeconds: 10", "terminationGracePeriodSeconds: 20", "By hand")
    git(root, "checkout", "-q", "main")
    fix = edit(root, "replicas: 1", "replicas: 2")
    result = carry(root, Source(fix), to=["current", "v1.0"])
    assert outcomes(result)[1] == ("v1.1", "fixed", "v1.2")
    assert "web/v1 has commits since v1.1: they are released with the fix" in result.notes
    assert any("v2.0 runs in busy and does not get it" in note for note in result.notes)
    assert has(root, "web/v1.2", "terminationGracePeriodSeconds: 20")


def test_one_line_that_clashes_stops_them_all(root: Path) -> None:
    """No branch, no tag, no commit: nothing is half done."""
    git(root, "checkout", "-q", "-b", "web/v1", "web/v1.0")
    edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 9", "By hand")
    git(root, "checkout", "-q", "main")
    fix = edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")
    before = git(root, "for-each-ref")
    result = carry(root, Source(fix))
    assert [outcome for _, outcome, _ in outcomes(result)] == ["has it", "fixed", "refused"]
    assert [(problem.file, problem.line) for problem in result.problems] == [(f"{PLACE}@web/v1", 7)]
    assert git(root, "for-each-ref") == before


def test_a_patch_reaches_main_and_the_lines_on_the_remote(root: Path, tmp_path: Path) -> None:
    """All refs arrive in one push; a release branch that moved meanwhile is read again."""
    remote = bare_remote(tmp_path / "remote.git", root)
    mine = clone(tmp_path / "mine", remote)
    text = (mine / PLACE).read_text()
    (mine / PLACE).write_text(text.replace("replicas: 1", "replicas: 4"))
    patch = (git(mine, "diff") + "\n").encode()
    git(mine, "checkout", "-q", "--", ".")
    result = carry(mine, Source(patch=patch, name="fix.patch"), remote="origin")
    assert outcomes(result) == [
        ("current", "fixed", ""),
        ("v2.0", "fixed", "v2.1"),
        ("v1.0", "fixed", "v1.1"),
    ]
    assert at(remote, "main") == result.commit == at(mine, "HEAD")
    assert all(has(remote, revision, "replicas: 4") for revision in ("main", "web/v1.1", "web/v2.1"))
    assert git(mine, "status", "--short") == ""

    def push() -> None:
        git(root, "fetch", "-q", str(remote), "refs/heads/web/v1:refs/heads/web/v1", "main")
        git(root, "checkout", "-q", "web/v1")
        edit(root, "GracePeriodSeconds: 10", "GracePeriodSeconds: 90", "Theirs")
        git(root, "push", "-q", str(remote), "refs/heads/web/v1")

    fix = edit(mine, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")
    git(mine, "push", "-q")
    with somebody_is_faster(push):
        carry(mine, Source(fix), remote="origin")
    assert has(remote, "web/v1.2", "GracePeriodSeconds: 90")
    assert has(remote, "web/v1.2", "revisionHistoryLimit: 5")


def test_a_branch_that_is_checked_out_does_not_move_under_anybody(root: Path) -> None:
    """Its work tree would show the fix undone; it is named, and nothing is changed."""
    fix = edit(root, "replicas: 1", "replicas: 2")
    git(root, "branch", "web/v1", "web/v1.0")
    git(root, "worktree", "add", "-q", str(root.parent / "side"), "web/v1")
    before = git(root, "for-each-ref")
    with pytest.raises(UsageError, match="has web/v1 checked out"):
        carry(root, Source(fix))
    assert git(root, "for-each-ref") == before
