"""The journal as evidence: no entry, order, summary or schedule can be bent unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.errors import InvalidRepository
from gitrel.ledger.codec import JournalDamaged
from gitrel.ledger.git import GitLedger
from gitrel.ledger.truth import JOURNAL
from gitrel.repo.edit import Delete, FileChange, PutFile
from gitrel.repo.git import GitRepository, RefUpdate
from tests.ledger.samples import NOW, entry, save
from tests.repo_git.sandbox import git


def rewrite(repository: GitRepository, parent: str, changes: list[FileChange]) -> None:
    """What somebody with a clone and bad intentions would do: a sound commit with an unsound content."""
    forged = repository.commit_tree(parent, changes, message="x", author="Eve", at=NOW)
    repository.update_refs([RefUpdate(JOURNAL, forged, repository.commit_at(JOURNAL))])


def text(repository: GitRepository, path: str) -> bytes:
    found = repository.entry(repository.commit_at(JOURNAL), path)
    assert found
    return repository.blobs([found.id])[0]


def forge(repository: GitRepository, path: str, old: bytes, new: bytes) -> None:
    data = text(repository, path)
    assert old in data
    rewrite(
        repository, repository.commit_at(JOURNAL), [Delete("entries"), PutFile(path, data.replace(old, new))]
    )


def test_a_changed_entry_is_found(repository: GitRepository, ledger: GitLedger) -> None:
    """An entry that is written again in other words breaks the chain after it."""
    save(ledger, 1)
    save(ledger, 2)
    data = text(repository, "entries/00000002-frontend.json").replace(b"step 2", b"step X")
    parent = git(repository.path, "rev-parse", f"{JOURNAL}~1")
    changes: list[FileChange] = [Delete("entries"), PutFile("entries/00000002-frontend.json", data)]
    rewrite(repository, parent, [*changes, PutFile("journal.json", text(repository, "journal.json"))])
    with pytest.raises(JournalDamaged, match="not the one it names"):
        list(ledger.history())


def test_a_missing_step_is_found(repository: GitRepository, ledger: GitLedger, work: Path) -> None:
    """Cutting a commit out of the middle shows as a gap."""
    for number in (1, 2, 3):
        save(ledger, number)
    forged = git(work, "commit-tree", f"{JOURNAL}^{{tree}}", "-p", f"{JOURNAL}~2", "-m", "x")
    git(work, "update-ref", JOURNAL, forged)
    read = ledger.history()
    assert next(read).sequence == 1
    with pytest.raises(JournalDamaged, match="entry 3 does not follow entry 1"):
        next(read)


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        ("state/frontend.json", b'"number": 1', b'"number": 9', "its last entry says otherwise"),
        ("journal.json", b'"sequence": 1', b'"sequence": 2', "not the one it names"),
        ("journal.json", b'"tip"', b'"top"', "other fields"),
        ("state/frontend.json", b'"running"', b'"flying"', "none of idle"),
        ("state/frontend.json", b"{", b"[", "no JSON"),
    ],
)
def test_a_forged_summary_is_found(
    repository: GitRepository, ledger: GitLedger, path: str, old: bytes, new: bytes, words: str
) -> None:
    """The newest record must be what the last entry says; broken files are named with their place."""
    save(ledger, 1)
    forge(repository, path, old, new)
    with pytest.raises(JournalDamaged, match=words) as caught:
        list(GitLedger(repository).history())
    assert path in str(caught.value)


def test_a_forged_schedule_is_found(repository: GitRepository, ledger: GitLedger) -> None:
    """An entry is judged by the schedule of its digest, or not at all."""
    save(ledger, 1)
    (spec,) = repository.folder(repository.commit_at(JOURNAL), "specs")
    path = f"specs/{spec.name.decode()}"
    data = text(repository, path).replace(b"1h30m", b"1s")
    tip = repository.commit_at(JOURNAL)
    rewrite(repository, "", [PutFile(path, data), *copied(repository, tip, "entries", "state"),
                             PutFile("journal.json", text(repository, "journal.json"))])  # fmt: skip
    with pytest.raises(JournalDamaged, match="schedule beside it"):
        list(ledger.history())


def copied(repository: GitRepository, commit: str, *folders: str) -> list[PutFile]:
    return [
        PutFile(f"{folder}/{file.name.decode()}", repository.blobs([file.id])[0])
        for folder in folders
        for file in repository.folder(commit, folder)
    ]


def test_a_later_format_is_refused(repository: GitRepository, ledger: GitLedger) -> None:
    """An older gitrel does not guess at what a newer one wrote."""
    save(ledger, 1)
    forge(repository, "journal.json", b'"format": 1', b'"format": 2')
    with pytest.raises(InvalidRepository, match="written by a later gitrel"):
        GitLedger(repository).load()


def test_what_is_no_journal_is_named(repository: GitRepository, work: Path) -> None:
    """The ref points at something else: no empty journal is made of it."""
    git(work, "update-ref", JOURNAL, "main")
    with pytest.raises(JournalDamaged, match=r"has no journal\.json"):
        GitLedger(repository).load()


def test_the_spec_must_be_the_one_that_is_digested(ledger: GitLedger) -> None:
    """An entry whose digest is not its schedule's would be no evidence: it is never written."""
    with pytest.raises(ValueError, match="not the digest"):
        ledger.save([entry(spec="sha256:00")], [], head="")
    assert ledger.head() == ""
