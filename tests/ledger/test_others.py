"""Others who push: what they did is built upon, or the decision is made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitrel.errors import Conflict
from gitrel.ledger.git import GitLedger
from gitrel.repo.git import GitRepository
from tests.ledger.samples import CANARY, STAGING, entry, save
from tests.repo_git.sandbox import clone, commit_all, git, point, write


def unrelated(folder: Path) -> None:
    write(folder, "apps/worker/v1/more.yaml", "kind: X\n")


def same_pointer(folder: Path) -> None:
    point(folder, "apps/frontend/canary", "current")


def same_pointer_same_way(folder: Path) -> None:
    point(folder, "apps/frontend/canary", "v2")


def version_edited(folder: Path) -> None:
    write(folder, "apps/frontend/v2/frontend-service.yaml", "edited\n")


def parameters_edited(folder: Path) -> None:
    write(folder, "apps/frontend/staging/staging-parameters.yaml", "replicas: 9\n")


Change = Callable[[Path], None]


@dataclass(frozen=True)
class Overtaking:
    """A ledger that has read, and the commit that somebody has made since, where `truth` is."""

    used: GitLedger
    truth: Path
    head: str
    read: str
    their_commit: str


Overtaken = Callable[[Change], Overtaking]


@pytest.fixture(params=["local", "remote"])
def overtaken(
    request: pytest.FixtureRequest,
    ledger: GitLedger,
    work: Path,
    remote: Path,
    cloned: GitRepository,
    tmp_path: Path,
) -> Overtaken:
    """Somebody else commits a change after the ledger has read: in the same folder, or to the remote."""
    is_remote = request.param == "remote"

    def overtake(change: Change) -> Overtaking:
        used, truth = (GitLedger(cloned, "origin"), remote) if is_remote else (ledger, work)
        head, _ = used.load()
        read = used.tip()
        theirs = clone(tmp_path / "theirs", truth) if is_remote else work
        change(theirs)
        their_commit = commit_all(theirs)
        if is_remote:
            git(theirs, "push", "-q")
        return Overtaking(used, truth, head, read, their_commit)

    return overtake


@pytest.mark.parametrize("change", [unrelated, parameters_edited])
def test_others_commits_are_built_upon(overtaken: Overtaken, change: Change) -> None:
    """What does not touch the decision is no conflict: their commit stays, ours comes after it."""
    by = overtaken(change)
    by.used.save([entry(commit=by.read)], [CANARY, STAGING], head=by.head)
    assert git(by.truth, "rev-parse", "main~2") == by.their_commit
    assert git(by.truth, "cat-file", "blob", "main:apps/frontend/staging/templates") == "../v2"


@pytest.mark.parametrize("change", [same_pointer, same_pointer_same_way, version_edited])
def test_others_changes_to_what_was_decided_on_conflict(overtaken: Overtaken, change: Change) -> None:
    """The pointer or the version itself changed after it was read: nothing is written, and it says who."""
    by = overtaken(change)
    with pytest.raises(Conflict, match="was changed by Ada"):
        by.used.save([entry(commit=by.read)], [CANARY], head=by.head)
    assert git(by.truth, "rev-parse", "main") == by.their_commit
    assert by.used.load()[1] == {}


def test_a_branch_that_keeps_moving_is_given_up(work: Path) -> None:
    """Somebody commits in the very instant of each attempt: bounded retries, then Conflict."""
    attempts = []

    def interfere(step: str) -> None:
        if step == "update-refs:before":
            attempts.append(commit_all(work))

    with GitRepository(work, durable=interfere) as repository:
        ledger = GitLedger(repository)
        with pytest.raises(Conflict, match="keeps moving"):
            save(ledger, 1, CANARY)
        assert len(attempts) == 5
        assert ledger.load() == ("", {})
