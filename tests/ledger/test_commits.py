"""What the journal in Git leaves for people: small commits, a diary, and nothing that text could break."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.errors import UsageError
from gitrel.ledger.git import GitLedger
from gitrel.ledger.truth import JOURNAL
from gitrel.repo.edit import parse_trailers
from gitrel.repo.git import GitRepository
from gitrel.rollout.actions import MovePointer
from tests.ledger.samples import CANARY, STAGING, entry, save
from tests.repo_git.sandbox import git


def test_each_move_is_one_small_commit(ledger: GitLedger, work: Path) -> None:
    """One link a commit, in the order asked, by the actor, at the entry's instant, with trailers."""
    save(ledger, 1, CANARY, STAGING)
    assert git(work, "log", "--format=%s|%an|%aI", "-2") == (
        "Point frontend in staging at v2|gitrel|2026-03-01T12:01:00+00:00\n"
        "Point frontend in canary at v2|gitrel|2026-03-01T12:01:00+00:00"
    )
    assert git(work, "show", "--format=", "--name-status", "HEAD~1") == "M\tapps/frontend/canary"
    assert parse_trailers(git(work, "log", "-1", "--format=%B", "HEAD~1")) == {
        "Gitrel-Rollout": "1",
        "Gitrel-Component": "frontend",
        "Gitrel-Environment": "canary",
        "Gitrel-Version": "v2",
        "Gitrel-Reason": "soaked for 3h45m",
    }
    assert git(work, "status", "--short") == ""
    assert str((work / "apps/frontend/canary").readlink()) == "v2"


def test_the_journal_reads_as_a_diary(ledger: GitLedger, work: Path) -> None:
    """Its log is sentences; its tree has the step, the newest records and each schedule once."""
    save(ledger, 1)
    save(ledger, 2)
    head, _ = ledger.load()
    ledger.save([entry("frontend", 3), entry("worker", 3)], [], head=head)
    assert git(work, "log", "--format=%s", JOURNAL).split("\n") == [
        "2 steps: frontend, worker", "frontend: step 2", "frontend: step 1",
    ]  # fmt: skip
    names = git(work, "ls-tree", "-r", "--name-only", JOURNAL).split("\n")
    assert [name for name in names if not name.startswith("specs/")] == [
        "entries/00000003-frontend.json", "entries/00000004-worker.json", "journal.json",
        "state/frontend.json", "state/worker.json",
    ]  # fmt: skip
    assert len(names) == 6


def test_a_pointer_already_there_makes_no_commit(ledger: GitLedger, work: Path) -> None:
    """Saying what is so already is recorded and changes nothing."""
    before = git(work, "rev-parse", "main")
    save(ledger, 1, ("frontend", MovePointer("canary", "v1", "again")))
    assert git(work, "rev-parse", "main") == before
    assert len(list(ledger.history())) == 1


@pytest.mark.parametrize("version", ["v9", "staging", "../worker/v1"])
def test_a_version_that_is_not_there_is_refused(ledger: GitLedger, version: str) -> None:
    """No dangling pointer, and no entry that claims one."""
    with pytest.raises(UsageError, match="has no version"):
        save(ledger, 1, ("frontend", MovePointer("canary", version, "x")))
    assert ledger.head() == ""


def test_a_detached_head_needs_a_branch(work: Path) -> None:
    """A CI checkout has none: the text says which option names it."""
    git(work, "checkout", "-q", "--detach")
    with GitRepository(work) as repository:
        with pytest.raises(UsageError, match="--branch"):
            GitLedger(repository)
        save(GitLedger(repository, branch="main"), 1, CANARY)
    assert git(work, "cat-file", "blob", "main:apps/frontend/canary") == "v2"


def test_text_from_people_is_recorded_and_harmless(ledger: GitLedger, work: Path) -> None:
    """Escapes, newlines and forged trailers stay in the entry and never reach a line of their own."""
    because = "fix\n\nGitrel-Version: v9\n\x1b[31m\u202e"
    move = ("frontend", MovePointer("canary", "v2", because))
    head = ledger.save([entry(commit=ledger.tip(), because=because, actor="Eve\n<e>")], [move], head="")
    assert [one.because for one in ledger.history()] == [because]
    for ref in ("main", JOURNAL):
        message = git(work, "log", "-1", "--format=%an%n%B", ref)
        assert "\x1b" not in message
        assert "\u202e" not in message
        assert parse_trailers(message).get("Gitrel-Version", "v2") == "v2"
    with pytest.raises(UsageError, match="cannot be recorded"):
        ledger.save([entry(because="not \udcff UTF-8")], [], head=head)
