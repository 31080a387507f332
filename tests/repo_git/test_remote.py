"""Fetching and pushing: one transaction, a fence, a deadline, and no secret in what is said."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitrel.errors import Conflict, Unreachable, UsageError
from gitrel.repo.edit import PutLink
from gitrel.repo.git import GitFailed, GitRepository, RefUpdate
from tests.ledger.samples import NOW
from tests.repo_git.sandbox import bare_remote, clone, commit_all, config_repository, git

MAIN = "refs/heads/main"
JOURNAL = "refs/gitrel/journal"


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return bare_remote(tmp_path / "remote.git", config_repository(tmp_path / "start"))


@pytest.fixture
def repository(tmp_path: Path, remote: Path) -> Iterator[GitRepository]:
    with GitRepository(clone(tmp_path / "clone", remote), remote_timeout_seconds=20) as opened:
        yield opened


def made(repository: GitRepository, target: str = "v2") -> tuple[str, str]:
    """The branch's tip and a commit on it."""
    old = repository.commit_at(MAIN)
    link = PutLink("apps/frontend/canary", target)
    return old, repository.commit_tree(old, [link], message="m", author="G", at=NOW)


def refs(remote: Path) -> dict[str, str]:
    lines = git(remote, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ") for line in lines)


def test_a_push_moves_all_refs(repository: GitRepository, remote: Path) -> None:
    """A branch and a new ref arrive together, by id, without a local ref."""
    old, new = made(repository)
    repository.push("origin", [RefUpdate(MAIN, new, old), RefUpdate(JOURNAL, new, "")])
    assert refs(remote) == {MAIN: new, JOURNAL: new}
    assert repository.remote_refs("origin", [MAIN, JOURNAL, "refs/heads/none"]) == {MAIN: new, JOURNAL: new}
    assert repository.commit_at(MAIN) == old


def test_a_push_from_a_stale_value_moves_nothing(
    repository: GitRepository, remote: Path, tmp_path: Path
) -> None:
    """Somebody pushed meanwhile: Conflict, and the other ref of the same push stays too."""
    old, new = made(repository)
    other = clone(tmp_path / "other", remote)
    theirs = commit_all(other)
    git(other, "push", "-q")
    with pytest.raises(Conflict):
        repository.push("origin", [RefUpdate(JOURNAL, new, ""), RefUpdate(MAIN, new, old)])
    assert refs(remote) == {MAIN: theirs}
    git(remote, "update-ref", JOURNAL, theirs)
    with pytest.raises(Conflict):
        repository.push("origin", [RefUpdate(JOURNAL, new, "")])


def test_fetch_brings_refs_into_our_own(repository: GitRepository, remote: Path, tmp_path: Path) -> None:
    """Rewound or not, ours becomes theirs; nothing else of the clone is touched."""
    before = git(repository.path, "for-each-ref")
    other = clone(tmp_path / "other", remote)
    theirs = commit_all(other)
    git(other, "push", "-q")
    git(other, "push", "-q", "origin", "HEAD:refs/tags/noise")
    for commit in (theirs, git(other, "rev-parse", "HEAD~1")):
        git(remote, "update-ref", MAIN, commit)
        repository.fetch("origin", [(MAIN, "refs/gitrel/upstream/heads/main")])
        assert repository.commit_at("refs/gitrel/upstream/heads/main") == commit
        git(repository.path, "update-ref", "-d", "refs/gitrel/keep")
    after = [line for line in git(repository.path, "for-each-ref").splitlines() if "refs/gitrel/" not in line]
    assert after == before.splitlines()
    assert not (repository.git_dir / "FETCH_HEAD").exists()


def test_a_refusal_of_the_remote_is_told(repository: GitRepository, remote: Path) -> None:
    """A protected branch is no conflict and no outage: the text has the remote's words, made harmless."""
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\nprintf "main is \\033[31mprotected\\033[0m\\n" >&2\nexit 1\n')
    hook.chmod(0o755)
    old, new = made(repository)
    with pytest.raises(GitFailed, match="refuses the push") as caught:
        repository.push("origin", [RefUpdate(MAIN, new, old)])
    assert "protected" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert refs(remote)[MAIN] == old


@pytest.mark.parametrize("verb", ["look", "fetch", "push"])
def test_a_remote_that_hangs_runs_into_the_deadline(
    tmp_path: Path, repository: GitRepository, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """The whole family of processes ends, within the deadline, and the text says how long it was."""
    monkeypatch.setenv("GIT_SSH_COMMAND", "exec sleep 60 #")
    old, new = made(repository)
    start = time.monotonic()
    with (
        GitRepository(repository.path, remote_timeout_seconds=0.3) as hasty,
        pytest.raises(Unreachable, match=r"did not answer within 0\.3 s"),
    ):
        if verb == "look":
            hasty.remote_refs("ssh://host.invalid/x", [MAIN])
        elif verb == "fetch":
            hasty.fetch("ssh://host.invalid/x", [(MAIN, "refs/gitrel/x")])
        else:
            hasty.push("ssh://host.invalid/x", [RefUpdate(MAIN, new, old)])
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cr3t@127.0.0.1:9/x.git",
        "https://s3cr3t@127.0.0.1:9/x.git",
        "https://127.0.0.1:9/x?token=s3cr3t",
    ],
)
def test_no_credential_of_a_url_is_shown(repository: GitRepository, url: str) -> None:
    """Unreachable names the remote and not the secret, whichever way it was given."""
    with pytest.raises(Unreachable) as caught:
        repository.remote_refs(url, [MAIN])
    assert "127.0.0.1:9" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_configured_url_is_held_to_the_same_rules(repository: GitRepository, tmp_path: Path) -> None:
    """A remote's name may hide `ext::`, and so may a rewriting rule: Git is told to refuse both."""
    alarm = tmp_path / "alarm"
    git(repository.path, "remote", "add", "evil", f"ext::sh -c touch% {alarm}")
    git(repository.path, "config", f"url.ext::sh -c touch% {alarm}.insteadOf", "https://evil.invalid/")
    git(repository.path, "config", "protocol.ext.allow", "always")
    git(repository.path, "config", "remote.odd.url", str(tmp_path / "remote.git"))
    git(repository.path, "config", "remote.odd.uploadpack", f"touch {alarm}; git-upload-pack")
    git(repository.path, "config", "remote.odd.receivepack", f"touch {alarm}; git-receive-pack")
    for name in ("evil", "https://evil.invalid/"):
        with pytest.raises(UsageError, match="can run programs"):
            repository.remote_refs(name, [MAIN])
        with pytest.raises(UsageError, match="can run programs"):
            repository.fetch(name, [(MAIN, "refs/gitrel/x")])
    repository.remote_refs("odd", [MAIN])
    old, new = made(repository)
    repository.fetch("odd", [(MAIN, "refs/gitrel/x")])
    repository.push("odd", [RefUpdate(MAIN, new, old)])
    assert not alarm.exists()


def test_our_hooks_stay_quiet(repository: GitRepository, tmp_path: Path) -> None:
    """Neither pre-push nor a transaction hook of the clone runs."""
    alarm = tmp_path / "alarm"
    for name in ("pre-push", "reference-transaction", "post-merge"):
        hook = repository.git_dir / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {alarm}\n")
        hook.chmod(0o755)
    old, new = made(repository)
    repository.push("origin", [RefUpdate(MAIN, new, old)])
    repository.fetch("origin", [(MAIN, "refs/gitrel/x")])
    assert not alarm.exists()


def test_an_unknown_remote_is_named(repository: GitRepository, tmp_path: Path) -> None:
    """A name that is not configured, and a path where no repository is."""
    for remote in ("upstream", str(tmp_path / "nowhere")):
        with pytest.raises(Unreachable, match="is not a Git repository"):
            repository.remote_refs(remote, [MAIN])


def test_a_relative_remote_is_counted_from_the_work_tree(repository: GitRepository, remote: Path) -> None:
    """As `git fetch` has it, wherever gitrel itself stands."""
    git(repository.path, "remote", "set-url", "origin", os.path.relpath(remote, repository.path))
    assert repository.remote_refs("origin", [MAIN]) == {MAIN: repository.commit_at(MAIN)}
    old, new = made(repository)
    repository.push("origin", [RefUpdate(MAIN, new, old)])
    repository.fetch("origin", [(MAIN, "refs/remotes/origin/main")])
    assert repository.commit_at("refs/remotes/origin/main") == new
