"""A past that somebody rewrote, or half a step of it, stops the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.ledger.git import GitLedger
from gitrel.ledger.truth import JOURNAL
from gitrel.repo.git import GitRepository, HistoryRewritten
from tests.ledger.samples import CANARY, STAGING, record, save
from tests.repo_git.sandbox import git


@pytest.mark.parametrize("where", ["local", "remote"])
def test_a_rewritten_branch_stops_the_next_move(
    ledger: GitLedger, work: Path, remote: Path, cloned: GitRepository, where: str
) -> None:
    """Force-pushed while a rollout runs: observing goes on, moving does not, until a person decides."""
    used, truth, repository = (ledger, work, ledger._repository)
    if where == "remote":
        used, truth, repository = GitLedger(cloned, "origin"), remote, cloned
    save(used, 1, CANARY)
    rewritten = git(truth, "commit-tree", "main~1^{tree}", "-m", "rewritten")
    git(truth, "update-ref", "refs/heads/main", rewritten)
    save(used, 2)
    with pytest.raises(HistoryRewritten, match="history of main was rewritten") as caught:
        save(used, 3, STAGING)
    assert caught.value.exit_code == 4
    assert git(truth, "rev-parse", "main") == rewritten
    decided = GitLedger(repository, "origin" if where == "remote" else None, "main", accept_rewritten=True)
    save(decided, 3, STAGING)
    assert git(truth, "rev-parse", "main~1") == rewritten
    used.load()
    save(used, 4, CANARY)
    assert [one.after.number for one in used.history()] == [1, 2, 3, 4]


def test_half_a_transaction_is_noticed(ledger: GitLedger, work: Path) -> None:
    """Git itself was killed between two renames, journal first: the next move stops and says so."""
    before = git(work, "rev-parse", "main")
    save(ledger, 1, CANARY)
    git(work, "update-ref", "refs/heads/main", before)
    with pytest.raises(HistoryRewritten):
        save(ledger, 2, STAGING)


@pytest.mark.parametrize("how", ["deleted", "rewound", "replaced"])
def test_a_rewritten_journal_is_noticed(remote: Path, cloned: GitRepository, how: str) -> None:
    """A journal on the remote that is not the one that is here is not taken for it.

    Where it was only rewound, nothing contradicts what is here: the lost entries go back with the next save.
    """
    ledger = GitLedger(cloned, "origin")
    save(ledger, 1)
    save(ledger, 2)
    if how == "deleted":
        git(remote, "update-ref", "-d", JOURNAL)
    elif how == "replaced":
        git(remote, "update-ref", JOURNAL, git(remote, "commit-tree", f"{JOURNAL}^{{tree}}", "-m", "x"))
    else:
        git(remote, "update-ref", JOURNAL, f"{JOURNAL}~1")
    if how != "rewound":
        with pytest.raises(HistoryRewritten, match="the journal on origin"):
            ledger.load()
        return
    assert ledger.load()[1] == {"frontend": record(number=2)}
    save(ledger, 3)
    assert [one.after.number for one in ledger.history()] == [1, 2, 3]
    assert git(remote, "rev-list", "--count", JOURNAL) == "3"
