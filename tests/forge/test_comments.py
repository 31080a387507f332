"""The one comment of a pull request: written once, edited in place, marked when a later commit fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitrel.cli.markdown import MARKER
from gitrel.forge.comments import current, outdated
from gitrel.forge.gitlab import without_actions
from tests.cli.support import Ran, gitrel
from tests.forge.recorded import TOKEN, Recorded, serving
from tests.repo_git.sandbox import PEOPLE
from tests.sources.support import config

OLD, NEW = "a" * 40, "b" * 40
PULL = {"github": "/repos/acme/config/pulls/7", "gitlab": "/projects/acme%2Fconfig/merge_requests/7"}
COMMENTS = {
    "github": "/repos/acme/config/issues/7/comments",
    "gitlab": "/projects/acme%2Fconfig/merge_requests/7/notes",
}
EDIT = {
    "github": ("PATCH", "/repos/acme/config/issues/comments/41"),
    "gitlab": ("PUT", "/projects/acme%2Fconfig/merge_requests/7/notes/41"),
}
BOTH = pytest.mark.parametrize("kind", ["github", "gitlab"])


def written(kind: str, body: str, number: int = 41, who: int = 5, **more: Any) -> dict[str, Any]:
    """A comment as each API gives it (shortened), by the bot with the id 5 or by somebody else."""
    if kind == "github":
        user = {"login": "github-actions[bot]", "type": "Bot"} if who == 5 else {"login": "m", "type": "User"}
        return {"id": number, "body": body, "user": user, **more}
    return {"id": number, "body": body, "author": {"id": who, "username": "bot"}, "system": False, **more}


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    with serving(Recorded()) as server:
        server.play("GET", "/user", 200, {"id": 5, "login": "bot"})
        yield server


Say = Callable[..., Ran]


@pytest.fixture
def say(recorded: Recorded, tmp_path: Path) -> Say:
    def call(kind: str, *arguments: str) -> Ran:
        job = {
            "github": {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://git.example.com",
                       "GITHUB_REPOSITORY": "acme/config", "GITHUB_API_URL": recorded.url},
            "gitlab": {"GITLAB_CI": "true", "CI_PROJECT_URL": "https://git.example.com/acme/config",
                       "CI_API_V4_URL": recorded.url, "CI_PROJECT_DIR": str(tmp_path)},
        }[kind]  # fmt: skip
        env = {**PEOPLE, **job, "GITREL_TOKEN": TOKEN}
        return gitrel("comment", "7", *arguments, "-C", str(tmp_path), env=env)

    return call


@pytest.fixture(scope="module")
def diff(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `diff --save` keeps of a real change."""
    folder = tmp_path_factory.mktemp("diff")
    root = config(folder / "config")
    (root / "apps/web/asia").unlink()
    (root / "apps/web/asia").symlink_to("v2")
    saved = folder / "diff.json"
    ran = gitrel("diff", "--base", "HEAD", "--save", str(saved), "-C", str(root), env=PEOPLE)
    assert ran.code == 1, ran.err
    return saved


@BOTH
def test_the_first_time_it_is_written(recorded: Recorded, say: Say, diff: Path, kind: str) -> None:
    """With the marker first and the commit after it; what somebody else has marked is left alone."""
    strangers = [written(kind, f"{MARKER}\nlies", 40, who=6), written(kind, "Looks good", 39)]
    recorded.play("GET", PULL[kind], 200, {"head": {"sha": NEW}, "sha": NEW})
    recorded.play("GET", COMMENTS[kind], 200, strangers)
    recorded.play("POST", COMMENTS[kind], 201, {"id": 41})
    ran = say(kind, "--from", str(diff), "--commit", NEW)
    assert ran.code == 0, ran.err
    assert "wrote the comment" in ran.err
    body = recorded.asked[-1].body["body"]
    assert body.startswith(f"{MARKER}\n<!-- gitrel commit {NEW} -->\n")
    assert "ConfigMap" in body
    assert not any(line.lstrip().startswith("/") for line in body.splitlines())
    assert TOKEN not in body + ran.out + ran.err


@BOTH
def test_afterwards_it_is_edited_in_place(recorded: Recorded, say: Say, diff: Path, kind: str) -> None:
    """On the second page too; what it says already is not written again."""
    page = [written(kind, "Nice", number) for number in range(100, 200)]
    recorded.play("GET", PULL[kind], 200, {"head": {"sha": NEW}, "sha": NEW})
    recorded.play("GET", COMMENTS[kind], 200, page)
    recorded.play("GET", COMMENTS[kind], 200, [written(kind, current(MARKER, f"{MARKER}\nold\n", OLD))])
    recorded.play(*EDIT[kind], 200, {})
    ran = say(kind, "--from", str(diff), "--commit", NEW)
    assert ran.code == 0, ran.err
    assert (recorded.asked[-1].method, recorded.asked[-1].path) == EDIT[kind]
    body = recorded.asked[-1].body["body"]
    assert NEW in body
    assert "old" not in body
    recorded.answers = [one for one in recorded.answers if one[:2] != ("GET", COMMENTS[kind])]
    recorded.play("GET", COMMENTS[kind], 200, [written(kind, body)])
    before = len(recorded.asked)
    assert "says so already" in say(kind, "--from", str(diff), "--commit", NEW).err
    assert {one.method for one in recorded.asked[before:]} == {"GET"}


@BOTH
def test_a_later_commit_that_failed_marks_it(recorded: Recorded, say: Say, kind: str) -> None:
    """It keeps what it said of the earlier commit, says of which, and is marked once."""
    said = current(MARKER, f"{MARKER}\n1 configured\n", OLD)
    recorded.play("GET", PULL[kind], 200, {"head": {"sha": NEW}, "sha": NEW})
    recorded.play("GET", COMMENTS[kind], 200, [written(kind, said)])
    recorded.play(*EDIT[kind], 200, {})
    ran = say(kind, "--commit", NEW)
    assert ran.code == 0, ran.err
    assert "marked the comment as out of date" in ran.err
    body = recorded.asked[-1].body["body"]
    assert body.startswith(MARKER)
    assert f"**This is of an earlier commit, `{OLD[:12]}`.** The newest one, `{NEW[:12]}`," in body
    assert body.endswith("1 configured\n")
    recorded.answers = [one for one in recorded.answers if one[:2] != ("GET", COMMENTS[kind])]
    recorded.play("GET", COMMENTS[kind], 200, [written(kind, body)])
    assert "says so already" in say(kind, "--commit", NEW).err


@BOTH
def test_nothing_is_written_where_there_is_nothing_to_say(
    recorded: Recorded, say: Say, diff: Path, kind: str
) -> None:
    """No comment to mark; a commit that is not the newest any more; a commit that is no id."""
    recorded.play("GET", PULL[kind], 200, {"head": {"sha": NEW}, "sha": NEW})
    recorded.play("GET", COMMENTS[kind], 200, [])
    assert "no comment that could be out of date" in say(kind, "--commit", NEW).err
    assert "has moved on to bbbbbbbbbbbb" in say(kind, "--from", str(diff), "--commit", OLD).err
    assert say(kind, "--commit", "HEAD").code == 2
    assert {one.method for one in recorded.asked} == {"GET"}


@BOTH
def test_refusals_are_sentences(recorded: Recorded, say: Say, diff: Path, kind: str) -> None:
    """A token without the right, and a pull request that is not there."""
    recorded.play("GET", COMMENTS[kind], 200, [])
    recorded.play("POST", COMMENTS[kind], 403, {"message": "Resource not accessible"})
    ran = say(kind, "--from", str(diff))
    assert ran.code == 7
    assert "does not let this token do that" in ran.err
    assert say(kind, "--from", str(diff), "--commit", NEW).code == 4


def test_marking_twice_is_marking_once() -> None:
    """The newest commit that failed is named; what was said first stays, whatever it was."""
    said = current(MARKER, f"{MARKER}\nsome\n<!-- gitrel outdated -->\n", OLD)
    once = outdated(MARKER, said, NEW)
    assert outdated(MARKER, once, NEW) == once
    assert "`cccccccccccc`" in outdated(MARKER, once, "c" * 40)
    assert outdated(MARKER, f"{MARKER}\nby hand\n", "").count("of an earlier commit.") == 1


def test_no_line_is_a_quick_action() -> None:
    """GitLab would run /merge with the rights of the token."""
    assert without_actions("a\n/merge\n  /close\nb / c") == "a\n&#47;merge\n  &#47;close\nb / c"


def test_the_remote_tells_where_there_is_no_job(recorded: Recorded, tmp_path: Path) -> None:
    """By URL, and a folder without a remote is told what to do."""
    recorded.play("GET", COMMENTS["gitlab"], 200, [])
    more = ("--forge", "gitlab", "--forge-url", recorded.url, "-C", str(tmp_path))
    url = "git@gitlab.example.com:acme/config.git"
    ran = gitrel("comment", "7", "--remote", url, *more, env={**PEOPLE, "GITREL_TOKEN": TOKEN})
    assert ran.code == 0, ran.err
    root = config(tmp_path / "config")
    ran = gitrel("comment", "7", "-C", str(root), env={**PEOPLE, "GITREL_TOKEN": TOKEN})
    assert ran.code == 2
    assert "--remote URL" in ran.err
