"""Cutting a release from real repositories: one commit, the work tree with it, and nothing twice."""

from __future__ import annotations

import multiprocessing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from gitrel.errors import InvalidRepository, UsageError
from gitrel.orchestrator.versions.cut import cut, record
from gitrel.repo.edit import parse_trailers
from tests.release.support import ACTOR, FILE, NOW, edit, fix_current, make, place, repository, workshop
from tests.repo_git.sandbox import bare_remote, clone, commit_all, git, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "config")


def test_a_cut_is_one_commit_that_says_everything(root: Path) -> None:
    """The next number, a copy of current/ with its record, the caller as author, trailers; all is clean."""
    (root / place("current", "run.sh")).write_text("# manifest: none\n")
    (root / place("current", "run.sh")).chmod(0o755)
    before = commit_all(root, "Add a script")
    made = make(root, reason="a release")
    assert (made.version, made.record.commit, made.record.at) == ("v3", before, NOW)
    assert git(root, "rev-list", "--count", f"{before}..HEAD") == "1"
    assert git(root, "log", "-1", "--format=%an <%ae>") == ACTOR
    assert parse_trailers(git(root, "log", "-1", "--format=%B")) == {
        "Gitrel-Component": "web",
        "Gitrel-Version": "v3",
        "Gitrel-From": before,
        "Gitrel-Digest": made.record.digest,
        "Gitrel-Reason": "a release",
    }
    assert git(root, "status", "--short") == ""
    for name in (FILE, "web-configmap.yaml", "run.sh"):
        assert (root / place("v3", name)).read_bytes() == (root / place("current", name)).read_bytes()
    assert (root / place("v3", "run.sh")).stat().st_mode & 0o111
    assert git(root, "diff", "--name-only", before, "HEAD").split() == sorted(
        place("v3", name) for name in (FILE, "web-configmap.yaml", "run.sh", ".gitrel-release.yaml")
    )


def test_nothing_is_cut_twice(root: Path) -> None:
    """current/ is what the newest version is: no commit, and the answer says which version that is."""
    make(root)
    head = git(root, "rev-parse", "HEAD")
    again = make(root)
    assert (again.version, again.commit) == ("v3", "")
    assert "nothing to cut" in again.because
    assert git(root, "rev-parse", "HEAD") == head
    assert make(root, "v3.1").commit  # a name that is asked for is given


def test_a_dry_run_changes_nothing(root: Path) -> None:
    """No commit on the branch, no file on disk; the answer is what would be."""
    head = git(root, "rev-parse", "HEAD")
    made = make(root, dry_run=True)
    assert (made.version, made.commit) == ("v3", "")
    assert (git(root, "rev-parse", "HEAD"), git(root, "status", "--short")) == (head, "")
    assert not (root / "apps/web/v3").exists()


@pytest.mark.parametrize("how", ["edited", "new", "staged", "deleted"])
def test_what_is_only_on_disk_is_not_left_out_in_silence(root: Path, how: str) -> None:
    """current/ with changes that no commit has is refused; naming a revision says they are not meant."""
    if how == "deleted":
        (root / place("current")).unlink()
    elif how == "new":
        write(root, place("current", "new.yaml"), "kind: New\n")
    else:
        edit(root, "current", "replicas: 1", "replicas: 2")
        if how == "staged":
            git(root, "add", "-A")
    with pytest.raises(UsageError, match="not committed"):
        make(root)
    made = make(root, revision="HEAD")
    assert made.version == "v3"
    assert git(root, "show", f"HEAD:{place('v3')}").count("replicas: 1") == 1


def test_ignored_files_and_changes_elsewhere_do_not_matter(root: Path) -> None:
    """An editor's swap file and somebody's work on another component stay where and as they are."""
    write(root, ".gitignore", "*.swp\n")
    commit_all(root)
    write(root, place("current", ".x.swp"), "")
    write(root, "README.md", "at work\n")
    edit(root, "v2", "replicas: 1", "replicas: 7")
    assert make(root).version == "v3"
    assert git(root, "status", "--short").split("\n") == ["M apps/web/v2/web-deployment.yaml", "?? README.md"]


@pytest.mark.parametrize(
    ("version", "said"),
    [("v2", "has v2 already"), ("2.0", "cannot name a new version"), ("v01", "cannot name")],
)
def test_names_that_cannot_be(root: Path, version: str, said: str) -> None:
    """A version that exists is never cut again, and a name that sorts nowhere is none."""
    with pytest.raises(UsageError, match=said):
        make(root, version)


def test_numbers_go_on_after_the_highest(root: Path) -> None:
    """After v2 and v10.3 comes v11, whatever was cut last."""
    make(root, "v10.3")
    fix_current(root)
    assert make(root).version == "v11"


def test_what_does_not_render_is_not_released(root: Path) -> None:
    """A release is for ever: a template with an error is refused with its line, and no commit is made."""
    edit(root, "current", "{{ environment.name }}", "{{ environment.nmae }}", "web-configmap.yaml")
    head = commit_all(root)
    with pytest.raises(InvalidRepository, match=r"apps/web/v3/web-configmap.yaml:4"):
        make(root)
    assert git(root, "rev-parse", "HEAD") == head


def test_an_older_commit_can_be_cut(root: Path) -> None:
    """--revision takes what current/ held then, and the record says from where."""
    before = git(root, "rev-parse", "HEAD")
    fix_current(root)
    made = make(root, revision=before)
    assert made.record.commit == before
    assert "minReadySeconds: 5" in (root / place("v3")).read_text()


def test_with_a_remote_its_branch_is_the_truth(root: Path, tmp_path: Path) -> None:
    """The commit arrives there; a clone that was behind is told to push first, and then follows by a pull."""
    remote = bare_remote(tmp_path / "remote.git", root)
    mine, theirs = clone(tmp_path / "mine", remote), clone(tmp_path / "theirs", remote)
    made = make(mine, remote="origin")
    assert git(remote, "rev-parse", "main") == made.commit == git(mine, "rev-parse", "HEAD")
    assert git(mine, "status", "--short") == ""
    fix_current(theirs)
    with pytest.raises(UsageError, match="push it"):
        make(theirs, remote="origin")
    git(theirs, "pull", "-q", "--rebase")
    git(theirs, "push", "-q")
    assert make(theirs, remote="origin").version == "v4"


def _race(root: Path, ready: Barrier, results: Queue[tuple[str, str]]) -> None:
    with workshop(root, "origin", actor=f"{root.name} <x@example.com>") as shop:
        ready.wait(60)
        made = cut(shop, "web")
    results.put((made.version, made.commit))


def test_two_who_cut_at_once_cut_once(root: Path, tmp_path: Path) -> None:
    """Two processes on two clones: one version, one commit; the other is told that it is there."""
    remote = bare_remote(tmp_path / "remote.git", root)
    places = [clone(tmp_path / name, remote) for name in ("one", "two")]
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(2)
    results: Queue[tuple[str, str]] = context.Queue()
    racers = [context.Process(target=_race, args=(place, ready, results)) for place in places]
    for racer in racers:
        racer.start()
    found = [results.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join(60)
    assert [version for version, _ in found] == ["v3", "v3"]
    assert sorted(bool(commit) for _, commit in found) == [False, True]
    assert git(remote, "rev-list", "--count", "main") == "2"


def test_versions_made_by_hand_are_recorded_as_git_knows_them(root: Path) -> None:
    """Who, when and from what come from the first commit; a recorded one is not declared anew."""
    first = git(root, "rev-parse", "HEAD")
    with workshop(root, actor="Bob <bob@example.com>") as shop:
        made = record(shop, "web")
        assert [(one.version, one.record.commit, one.record.by) for one in made] == [
            ("v2", first, "Ada <ada@example.com>"),
            ("v1", first, "Ada <ada@example.com>"),
        ]
        assert record(shop, "web") == ()
        with pytest.raises(UsageError, match="not declared anew"):
            record(shop, "web", ["v1"])
        with pytest.raises(UsageError, match="no released version 'current'"):
            record(shop, "web", ["current"])
    assert git(root, "log", "-1", "--format=%an") == "Bob"
    assert git(root, "status", "--short") == ""
