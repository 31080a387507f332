"""Carrying a fix into every version that somebody runs: all of them, or a reason and nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from gitrel.errors import InvalidRepository, UsageError
from gitrel.ledger.git import GitLedger
from gitrel.orchestrator.versions.backport import Backport, Source, backport
from gitrel.orchestrator.versions.cut import record
from gitrel.repo.check import check_repository
from gitrel.repo.edit import parse_trailers
from gitrel.repo.git import GitRepository
from gitrel.repo.source import read_worktree
from gitrel.rollout.seen import Release
from gitrel.rollout.state import Rollout
from tests.ledger.samples import entry
from tests.release.support import (
    FILE,
    carry,
    edit,
    fix_current,
    make,
    place,
    repository,
    somebody_is_faster,
    workshop,
)
from tests.repo_git.sandbox import bare_remote, clone, commit_all, git, point, write

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """v1 in `quiet`, v2 in `busy`, both recorded."""
    folder = repository(tmp_path / "config")
    point(folder, "apps/web/busy", "v2")
    commit_all(folder, "Go on")
    with workshop(folder) as shop:
        record(shop, "web")
    return folder


def outcomes(result: Backport) -> dict[str, str]:
    return {part.version: part.outcome for part in result.parts}


def errors(root: Path) -> list[str]:
    return [str(problem) for problem in check_repository(read_worktree(root))[1]]


def holds(root: Path, version: str, text: str) -> bool:
    return text in (root / place(version)).read_text()


def test_a_fix_reaches_every_active_version_in_one_commit(root: Path) -> None:
    """current/ has it already; v1 and v2 get it and nothing else, with records that say so; all is clean."""
    fix = fix_current(root)
    result = carry(root, Source(fix))
    assert outcomes(result) == {"current": "has it", "v2": "fixed", "v1": "fixed"}
    assert git(root, "rev-list", "--count", f"{fix}..HEAD") == "1"
    for version in ("v1", "v2"):
        text = (root / place(version)).read_text()
        assert "minReadySeconds: 9" in text
        assert f"example.com/web:{version}" in text
    assert errors(root) == []
    assert git(root, "status", "--short") == ""
    assert parse_trailers(git(root, "log", "-1", "--format=%B")) == {
        "Gitrel-Component": "web",
        "Gitrel-Versions": "v2, v1",
        "Gitrel-Backport": f"commit {fix}",
    }
    fixed = check_repository(read_worktree(root))[0].components["web"].versions["v1"]
    assert fixed.record is not None
    assert [one.source for one in fixed.record.fixes] == [f"commit {fix}"]
    assert outcomes(carry(root, Source(fix))) == {"current": "has it", "v2": "has it", "v1": "has it"}


def test_where_it_does_not_apply_nothing_is_changed(root: Path) -> None:
    """v1 has another value at the very line: file and line are told, and v2 does not get it either."""
    with workshop(root) as shop:
        edit(root, "v1", "minReadySeconds: 5", "minReadySeconds: 7")
        hot = commit_all(root, "Hot")
        backport(shop, "web", Source(hot), to=["v1"])
    fix = fix_current(root)
    result = carry(root, Source(fix))
    assert outcomes(result) == {"current": "has it", "v2": "fixed", "v1": "refused"}
    (problem,) = result.problems
    assert (problem.file, problem.line) == (place("v1"), 6)
    assert "minReadySeconds: 7" in problem.what
    assert git(root, "rev-parse", "HEAD") == fix
    assert outcomes(carry(root, Source(fix), to=["current", "v2"])) == {"current": "has it", "v2": "fixed"}


def test_a_hot_edit_is_carried_from_where_it_was_made(root: Path) -> None:
    """Somebody fixed v1 itself: the others get it, and v1 is renewed, for the fix explains the edit."""
    edit(root, "v1", "progressDeadlineSeconds: 60", "progressDeadlineSeconds: 120")
    hot = commit_all(root, "Wait longer")
    assert len(errors(root)) == 1
    result = carry(root, Source(hot))
    assert outcomes(result) == {"current": "fixed", "v2": "fixed", "v1": "renewed"}
    assert errors(root) == []
    assert all(holds(root, version, "Seconds: 120") for version in ("current", "v1", "v2"))


def test_an_edit_that_the_fix_does_not_explain_is_not_blessed(root: Path) -> None:
    """v1 was edited somewhere else as well: the fix would give that edit a valid digest, so it is refused."""
    edit(root, "v1", "GracePeriodSeconds: 10", "GracePeriodSeconds: 0")
    commit_all(root, "Nobody saw this")
    fix = fix_current(root)
    result = carry(root, Source(fix))
    assert outcomes(result)["v1"] == "refused"
    (problem,) = result.problems
    assert problem.file == place("v1")
    assert "this fix is not the reason" in problem.what
    assert git(root, "rev-parse", "HEAD") == fix


def test_files_come_and_go_with_a_fix(root: Path) -> None:
    """A fix may add and remove files; where a file that it removes differs, it does not apply."""
    write(
        root, place("current", "web-extra.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"
    )
    (root / place("current", "web-configmap.yaml")).unlink()
    fix = commit_all(root, "Exchange")
    result = carry(root, Source(fix))
    assert [(p.version, p.problems[0].what) for p in result.parts if p.problems] == [
        ("v2", "the fix removes this file, and it is another one here"),
        ("v1", "the fix removes this file, and it is another one here"),
    ]
    for version in ("v1", "v2"):
        write(
            root,
            place(version, "web-configmap.yaml"),
            git(root, "show", f"{fix}~:{place('current', 'web-configmap.yaml')}") + "\n",
        )
        (root / place(version, ".gitrel-release.yaml")).unlink()
    commit_all(root, "Make them alike")
    assert outcomes(carry(root, Source(fix))) == {"current": "has it", "v2": "fixed", "v1": "fixed"}
    assert sorted(path.name for path in (root / "apps/web/v1").iterdir()) == [FILE, "web-extra.yaml"]
    assert git(root, "status", "--short") == ""


def test_a_patch_is_as_good_as_a_commit(root: Path) -> None:
    """From a file, before it is in current/: everybody gets it; a second time nobody needs it."""
    edit(root, "current", "minReadySeconds: 5", "minReadySeconds: 9")
    patch = (git(root, "diff") + "\n").encode()
    git(root, "checkout", "-q", "--", ".")
    result = carry(root, Source(patch=patch, name="fix.patch"))
    assert outcomes(result) == {"current": "fixed", "v2": "fixed", "v1": "fixed"}
    assert result.source.startswith("patch sha256:")
    assert set(outcomes(carry(root, Source(patch=patch, name="fix.patch"))).values()) == {"has it"}
    assert errors(root) == []


def test_a_patch_that_fits_nowhere_says_where_it_was_tried(root: Path) -> None:
    """No version has the lines: each is named with the reason."""
    patch = f"--- a/{place('current')}\n+++ b/{place('current')}\n@@ -1,1 +1,1 @@\n-nothing like it\n+x\n"
    with pytest.raises(UsageError, match=r"applies nowhere: current/web-deployment.yaml: .*; v2/.*; v1/"):
        carry(root, Source(patch=patch.encode(), name="fix.patch"))


def test_what_runs_by_the_journal_counts_as_active(root: Path) -> None:
    """No pointer names v1 any more, but it is in force in `quiet`: it gets the fix."""
    point(root, "apps/web/quiet", "v2")
    commit_all(root)
    with GitRepository(root) as opened:
        after = Rollout("web", in_force=MappingProxyType({"quiet": Release("v1", "sha256:x", "c" * 40)}))
        GitLedger(opened).save([entry("web", after=after)], (), head="")
    result = carry(root, Source(fix_current(root)))
    assert {part.version: part.environments for part in result.parts} == {
        "current": (),
        "v2": ("busy", "quiet"),
        "v1": ("quiet",),
    }


def test_who_does_without_is_told(root: Path) -> None:
    """A version left out although it runs, a newest version that waits, and current/ itself."""
    make(root)
    write(root, "apps/web/component.yaml", (root / "apps/web/component.yaml").read_text() + "# seen\n")
    fix = fix_current(root)
    result = carry(root, Source(fix), to=["v2"])
    assert result.notes == (
        "not carried, for it is no part of a version: apps/web/component.yaml",
        "current does not get it, and neither will the next version",
        "v1 runs in quiet and does not get it",
        "v3 is the newest version, runs nowhere yet and does not get it: name it with --to",
    )


def test_a_newest_version_that_has_the_fix_is_not_said_to_lack_it(root: Path) -> None:
    """Cut after the fix was made: promoting it brings no fault back."""
    fix = fix_current(root)
    make(root)
    assert carry(root, Source(fix)).notes == ()


def test_a_fix_that_breaks_a_template_is_refused(root: Path) -> None:
    """It applies, and what comes out does not render: no version gets it."""
    head = fix_current(root, "replicas: 1", "replicas: {{ nothing }}")
    with pytest.raises(InvalidRepository, match="nothing"):
        carry(root, Source(head))
    assert git(root, "rev-parse", "HEAD") == head


def test_commits_that_are_no_fix_are_refused(root: Path) -> None:
    """Nothing of the component, two released versions at once, or no commit at all."""
    write(root, "README.md", "x\n")
    commit_all(root)
    with pytest.raises(UsageError, match="changes no file of a version of web"):
        carry(root, Source("HEAD"))
    for version in ("v1", "v2"):
        edit(root, version, "replicas: 1", "replicas: 2")
    commit_all(root)
    with pytest.raises(UsageError, match="changes v1, v2 and not current"):
        carry(root, Source("HEAD"))
    with pytest.raises(UsageError, match="names no commit"):
        carry(root, Source("nowhere"))
    with pytest.raises(UsageError, match="no version 'v9'"):
        carry(root, Source("HEAD"), to=["v9"])


def test_a_merge_counts_as_what_it_brought(root: Path) -> None:
    """A pull request's merge commit is one fix, whatever its branch was made of."""
    git(root, "checkout", "-q", "-b", "topic")
    fix_current(root)
    edit(root, "current", "replicas: 1", "replicas: 3")
    commit_all(root, "More")
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
    carry(root, Source("HEAD"))
    assert holds(root, "v1", "replicas: 3")
    assert holds(root, "v1", "minReadySeconds: 9")


def test_somebody_else_pushes_while_a_fix_is_made(root: Path, tmp_path: Path) -> None:
    """The push is refused once; the fix is made again on what is there now, and nothing of theirs is lost."""
    remote = bare_remote(tmp_path / "remote.git", root)
    mine, theirs = clone(tmp_path / "mine", remote), clone(tmp_path / "theirs", remote)
    fix = fix_current(mine)
    git(mine, "push", "-q")

    def push() -> None:
        git(theirs, "pull", "-q")
        write(theirs, "README.md", "theirs\n")
        commit_all(theirs)
        git(theirs, "push", "-q")

    with somebody_is_faster(push):
        result = carry(mine, Source(fix), remote="origin")
    assert git(remote, "rev-parse", "main") == result.commit
    assert git(remote, "show", "main:README.md") == "theirs"
    assert "minReadySeconds: 9" in git(remote, "show", f"main:{place('v1')}")
