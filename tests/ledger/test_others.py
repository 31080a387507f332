"""Others who push: what they did is built upon, or the decision is made again."""

from __future__ import annotations

from collections.abc import Callable
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


@pytest.mark.parametrize("change", [unrelated, parameters_edited])
@pytest.mark.parametrize("where", ["local", "remote"])
def test_others_commits_are_built_upon(
    ledger: GitLedger,
    work: Path,
    remote: Path,
    cloned: GitRepository,
    tmp_path: Path,
    change: Callable[[Path], None],
    where: str,
) -> None:
    """What does not touch the decision is no conflict: their commit stays, ours comes after it."""
    used, truth = (ledger, work) if where == "local" else (GitLedger(cloned, "origin"), remote)
    head, _ = used.load()
    read = used.tip()
    theirs = clone(tmp_path / "theirs", truth) if where == "remote" else work
    change(theirs)
    their_commit = commit_all(theirs)
    if where == "remote":
        git(theirs, "push", "-q")
    used.save([entry(commit=read)], [CANARY, STAGING], head=head)
    assert git(truth, "rev-parse", "main~2") == their_commit
    assert git(truth, "cat-file", "blob", "main:apps/frontend/staging/templates") == "../v2"


@pytest.mark.parametrize("change", [same_pointer, same_pointer_same_way, version_edited])
@pytest.mark.parametrize("where", ["local", "remote"])
def test_others_changes_to_what_was_decided_on_conflict(
    ledger: GitLedger,
    work: Path,
    remote: Path,
    cloned: GitRepository,
    tmp_path: Path,
    change: Callable[[Path], None],
    where: str,
) -> None:
    """The pointer or the version itself changed after it was read: nothing is written, and it says who."""
    used, truth = (ledger, work) if where == "local" else (GitLedger(cloned, "origin"), remote)
    head, _ = used.load()
    read = used.tip()
    theirs = clone(tmp_path / "theirs", truth) if where == "remote" else work
    change(theirs)
    their_commit = commit_all(theirs)
    if where == "remote":
        git(theirs, "push", "-q")
    with pytest.raises(Conflict, match="was changed by Ada"):
        used.save([entry(commit=read)], [CANARY], head=head)
    assert git(truth, "rev-parse", "main") == their_commit
    assert used.load()[1] == {}


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
