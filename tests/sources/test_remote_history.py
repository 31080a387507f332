"""Since when a value stands, asked of a remote: on the branch that was asked for, with its whole past."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import gitrel
from tests.repo_git.sandbox import PEOPLE, commit_all, git, write
from tests.sources.conftest import Run
from tests.sources.support import ENVIRONMENT, GitServer

ASIA = "environments/asia.yaml"


def environment(fast: bool) -> str:
    text = ENVIRONMENT.replace("NAME", "asia")
    return text.replace("spec: {", f"spec: {{flags: {{fast: {str(fast).lower()}}}, ")


@pytest.fixture
def branches(work: Path, remote: Path) -> None:
    """`main` has the flag off since one commit, `next` has it on since another, and newer commits above."""
    write(work, ASIA, environment(False))
    commit_all(work, "Leave it off")
    write(work, "README.md", "x\n")
    commit_all(work, "Say hello")
    git(work, "checkout", "-q", "-b", "next", "HEAD~2")
    write(work, ASIA, environment(True))
    commit_all(work, "Turn it on")
    write(work, "README.md", "y\n")
    commit_all(work, "Say goodbye")
    git(work, "push", "-q", str(remote), "main", "next")


def flag(out: str) -> tuple[bool, str]:
    (item,) = [one for one in json.loads(out)["items"] if one["component"] == "web"]
    return item["value"], item["since"].get("subject", item["since"]["state"])


@pytest.mark.usefixtures("branches")
@pytest.mark.parametrize("first", [(), ("--branch", "next")])
def test_flags_follow_the_branch(run: Run, server: GitServer, first: tuple[str, ...]) -> None:
    """Whichever branch was read before: the one that is named counts, else the default; also when the remote
    does not answer any more, and with a revision."""
    assert run("flags", *first).code == 0
    for more, told in (
        ((), (False, "Leave it off")),
        (("--branch", "next"), (True, "Turn it on")),
        (("--revision", "next"), (True, "Turn it on")),
    ):
        ran = run("flags", "-o", "json", *more)
        assert ran.code == 0, ran.err
        assert flag(ran.out) == told
    server.token = "another"
    ran = run("flags", "-o", "json")
    assert flag(ran.out) == (False, "Leave it off"), ran.err


@pytest.mark.usefixtures("branches")
def test_a_cut_off_history_claims_nothing(remote: Path, tmp_path: Path) -> None:
    """In a shallow clone the oldest commit seems to have made everything: it is called long ago instead."""
    folder = tmp_path / "shallow"
    git(remote, "clone", "-q", "--depth", "1", f"file://{remote}", str(folder))
    ran = gitrel("flags", "-o", "json", "-C", str(folder), env=PEOPLE)
    assert flag(ran.out) == (False, "older")
    assert "long ago" in gitrel("flags", "-C", str(folder), env=PEOPLE).out
