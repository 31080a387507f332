"""The verbs as people and scripts use them: tables, JSON, exit codes, and where a message goes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.support import gitrel
from tests.release.support import edit, fix_current, place, repository
from tests.repo_git.sandbox import commit_all, git


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = repository(tmp_path / "config")
    git(folder, "config", "user.name", "Bea")
    git(folder, "config", "user.email", "bea@example.com")
    return folder


def ok(root: Path, *arguments: str) -> str:
    ran = gitrel("--repo", str(root), "release", *arguments)
    assert ran.code == 0, ran.err
    return ran.out


def test_the_life_of_a_version(root: Path) -> None:
    """Recorded, cut, edited, found, carried, listed: each step says what it did, and validate agrees."""
    ok(root, "record", "web")
    assert ok(root, "cut", "web", "-o", "name") == "version/web/v3\n"
    edit(root, "v1", "replicas: 1", "replicas: 2")
    hot = commit_all(root, "Hot")
    checked = gitrel("--repo", str(root), "validate")
    assert checked.code == 3
    assert f"{place('v1')}: edited after v1 was cut" in checked.out
    states = {
        row["version"]: row["state"] for row in json.loads(ok(root, "list", "web", "-o", "json"))["items"]
    }
    assert states == {"current": None, "v3": "intact", "v2": "intact", "v1": "edited"}
    carried = json.loads(ok(root, "backport", "web", "--commit", hot, "-o", "json"))
    assert {row["version"]: row["outcome"] for row in carried["items"]} == {
        "current": "fixed",
        "v1": "renewed",
    }
    assert carried["commit"] == git(root, "rev-parse", "HEAD")
    assert gitrel("--repo", str(root), "validate", "--no-render").code == 0


def test_a_list_says_who_and_where(root: Path) -> None:
    """Newest first, with the person of the cut, its commit, the environments and the number of fixes."""
    before = git(root, "rev-parse", "HEAD")
    ok(root, "cut", "web", "--actor", "Cy <cy@example.com>")
    rows = {row["version"]: row for row in json.loads(ok(root, "list", "-o", "json"))["items"]}
    assert list(rows) == ["current", "v3", "v2", "v1"]
    assert (rows["v3"]["by"], rows["v3"]["from"]) == ("Cy <cy@example.com>", before)
    assert (rows["v1"]["by"], rows["v1"]["state"]) == ("Ada <ada@example.com>", "unrecorded")
    assert rows["v1"]["pointers"] == ["busy", "quiet"]
    table = ok(root, "list", "web", "-o", "wide").splitlines()
    assert table[0].split()[:3] == ["COMPONENT", "VERSION", "STATE"]
    assert [line.split()[1] for line in table[1:]] == ["current", "v3", "v2", "v1"]
    short = ok(root, "list", "web").splitlines()[0]
    assert short.endswith("IN FORCE IN"), "the last column is the one that wraps on a terminal"


def test_a_dry_run_shows_what_each_version_would_get(root: Path) -> None:
    """A diff per version on stdout, nothing in the repository."""
    fix = fix_current(root)
    shown = ok(root, "backport", "web", "--commit", fix, "--dry-run")
    assert f"+++ b/{place('v1')}" in shown
    assert "+  minReadySeconds: 9" in shown
    assert git(root, "rev-parse", "HEAD") == fix


def test_where_a_fix_does_not_apply(root: Path) -> None:
    """Exit code 3, each place on stderr as file:line, and nothing changed."""
    edit(root, "v1", "minReadySeconds: 5", "minReadySeconds: 7")
    commit_all(root)
    fix = fix_current(root)
    ran = gitrel("--repo", str(root), "release", "backport", "web", "--commit", fix)
    assert ran.code == 3
    assert f"{place('v1')}:6: the fix makes 'minReadySeconds: 5' into 'minReadySeconds: 9'" in ran.err
    assert "nothing was changed" in ran.err
    assert git(root, "rev-parse", "HEAD") == fix


def test_a_patch_from_standard_input(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git diff | gitrel release backport web --patch -`."""
    edit(root, "current", "replicas: 1", "replicas: 4")
    patch = (git(root, "diff") + "\n").encode()
    git(root, "checkout", "-q", ".")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(patch)))
    ok(root, "backport", "web", "--patch", "-", "--to", "current, v1")
    assert "replicas: 4" in (root / place("v1")).read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cut", "wbe"], "did you mean 'web'?"),
        (["backport", "web"], "--commit REV or with --patch FILE"),
        (["backport", "web", "--commit", "HEAD", "--patch", "x"], "one of them"),
        (["backport", "web", "--patch", "absent"], "--patch absent: cannot be read"),
        (["backport", "web", "--commit", "HEAD", "--to", " , "], "--to names no version"),
        (["backport", "web", "--commit", "HEAD", "--to", "v9"], "no version 'v9'"),
        (["cut", "web", "v1"], "has v1 already"),
        (["list", "nothing"], "there is no component 'nothing'"),
    ],
)
def test_what_is_asked_wrongly(root: Path, arguments: list[str], said: str) -> None:
    """Exit code 2 and a sentence."""
    ran = gitrel("--repo", str(root), "release", *arguments)
    assert (ran.code, said in ran.err) == (2, True), ran.err
