"""A journal whose truth is on a remote: shared by clones, and sure of itself when an answer is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.errors import Conflict, Unreachable, UsageError
from gitrel.ledger.git import GitLedger
from gitrel.ledger.truth import JOURNAL
from gitrel.repo.git import GitRepository
from tests.ledger.samples import CANARY, STAGING, entry, record, save
from tests.repo_git.sandbox import commit_all, git


def test_two_clones_share_one_memory(remote: Path, cloned: GitRepository, tmp_path: Path) -> None:
    """What a CI job saved, a daemon's bare clone reads, and continues."""
    job = GitLedger(cloned, "origin")
    save(job, 1, CANARY)
    git(tmp_path, "clone", "-q", "--bare", str(remote), "daemon.git")
    with GitRepository(tmp_path / "daemon.git") as bare:
        daemon = GitLedger(bare, "origin", "main")
        assert daemon.load() == (job.head(), {"frontend": record()})
        save(daemon, 2, STAGING)
        assert bare.commit_at("refs/heads/main") == daemon.tip() == git(remote, "rev-parse", "main")
    assert job.load()[1] == {"frontend": record(number=2)}
    assert [one.after.number for one in job.history()] == [1, 2]


def test_a_persons_branch_follows_only_our_commits(remote: Path, cloned: GitRepository) -> None:
    """A clean work tree at the tip comes along; one with commits of its own is left to its owner."""
    ledger = GitLedger(cloned, "origin")
    save(ledger, 1, CANARY)
    assert git(cloned.path, "rev-parse", "main") == git(remote, "rev-parse", "main")
    assert git(cloned.path, "status", "--short") == ""
    own = commit_all(cloned.path)
    save(ledger, 2, STAGING)
    assert git(cloned.path, "rev-parse", "main") == own
    assert git(remote, "cat-file", "blob", "main:apps/frontend/staging/templates") == "../v2"
    assert ledger.tip() == git(remote, "rev-parse", "main")


def test_entries_made_before_there_was_a_remote_are_kept(remote: Path, cloned: GitRepository) -> None:
    """A journal that began locally is pushed with the first save that has a remote."""
    save(GitLedger(cloned), 1)
    ledger = GitLedger(cloned, "origin")
    save(ledger, 2)
    assert git(remote, "rev-list", "--count", JOURNAL) == "2"


def test_a_branch_that_the_remote_lacks_is_named(cloned: GitRepository) -> None:
    """Not an empty catalog, but a sentence."""
    with pytest.raises(UsageError, match="has no branch release"):
        GitLedger(cloned, "origin", "release").load()


def test_a_push_whose_answer_was_lost_is_found(remote: Path, cloned: GitRepository) -> None:
    """It arrived, and only the answer did not: the save succeeds and happened once."""

    def lose(step: str) -> None:
        if step == "push:after":
            raise Unreachable("the connection broke")

    with GitRepository(cloned.path, durable=lose) as unlucky:
        ledger = GitLedger(unlucky, "origin")
        head = save(ledger, 1, CANARY)
        assert ledger.head() == head
    assert git(remote, "rev-list", "--count", JOURNAL) == "1"
    assert git(remote, "rev-list", "--count", "main") == "2"


def test_a_save_that_may_have_happened_is_not_doubled(remote: Path, cloned: GitRepository) -> None:
    """The remote was gone even for the question: saving the same again finds the first by its id."""
    away = remote.with_name("away.git")
    broken: list[str] = []

    def cut(step: str) -> None:
        if step == "push:after" and not broken:
            broken.append(step)
            remote.rename(away)
            raise Unreachable("the connection broke")

    with GitRepository(cloned.path, durable=cut) as unlucky:
        ledger = GitLedger(unlucky, "origin")
        head, _ = ledger.load()
        step = entry(commit=ledger.tip())
        with pytest.raises(Unreachable, match="shows at the next reading"):
            ledger.save([step], [CANARY], head=head)
        away.rename(remote)
        again = ledger.save([step], [CANARY], head=head)
        assert ledger.load() == (again, {"frontend": record()})
        assert ledger.save([step], [CANARY], head=head) == again
        with pytest.raises(Conflict):
            ledger.save([entry(number=7, commit=ledger.tip())], [], head=head)
    assert git(remote, "rev-list", "--count", JOURNAL) == "1"
    assert git(remote, "rev-list", "--count", "main") == "2"


def test_a_push_that_did_not_happen_says_so(remote: Path, cloned: GitRepository) -> None:
    """Unreachable, nothing recorded anywhere, and the same save works later."""
    ledger = GitLedger(cloned, "origin")
    head, _ = ledger.load()
    step = entry(commit=ledger.tip())
    away = remote.with_name("away.git")
    remote.rename(away)
    with pytest.raises(Unreachable):
        ledger.save([step], [CANARY], head=head)
    away.rename(remote)
    assert ledger.head() == ""
    ledger.save([step], [CANARY], head=head)
    assert git(remote, "cat-file", "blob", "main:apps/frontend/canary") == "v2"


def test_an_answer_is_not_taken_for_granted(remote: Path, cloned: GitRepository) -> None:
    """The connection broke before anything was sent, and the remote says so: nothing counts as recorded."""

    def refuse(step: str) -> None:
        if step == "push:before":
            raise Unreachable("the connection broke")

    with GitRepository(cloned.path, durable=refuse) as unlucky:
        ledger = GitLedger(unlucky, "origin")
        with pytest.raises(Unreachable, match="the connection broke"):
            save(ledger, 1, CANARY)
        assert ledger.head() == ""
    assert git(remote, "for-each-ref", JOURNAL) == ""
