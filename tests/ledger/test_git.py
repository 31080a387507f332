"""The journal in Git: commits for people, a fence against others, and evidence that cannot be bent unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitrel.errors import Conflict, InvalidRepository, Unreachable, UsageError
from gitrel.ledger.codec import JournalDamaged
from gitrel.ledger.git import GitLedger
from gitrel.ledger.truth import JOURNAL
from gitrel.repo.edit import Delete, FileChange, PutFile, parse_trailers
from gitrel.repo.git import GitRepository, HistoryRewritten, RefUpdate
from gitrel.rollout.actions import MovePointer
from tests.ledger.samples import NOW, entry, record
from tests.repo_git.sandbox import bare_remote, clone, commit_all, config_repository, git, point, write

CANARY = ("frontend", MovePointer("canary", "v2", "soaked for 3h45m"))
STAGING = ("frontend", MovePointer("staging", "v2", "its turn"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return config_repository(tmp_path / "work")


@pytest.fixture
def remote(tmp_path: Path, work: Path) -> Path:
    return bare_remote(tmp_path / "remote.git", work)


@pytest.fixture
def repository(work: Path) -> Iterator[GitRepository]:
    with GitRepository(work) as opened:
        yield opened


@pytest.fixture
def ledger(repository: GitRepository) -> GitLedger:
    return GitLedger(repository)


@pytest.fixture
def cloned(tmp_path: Path, remote: Path) -> Iterator[GitRepository]:
    with GitRepository(clone(tmp_path / "clone", remote)) as opened:
        yield opened


def save(ledger: GitLedger, number: int, *moves: tuple[str, MovePointer], commit: str = "") -> str:
    head, _ = ledger.load()
    return ledger.save([entry(number=number, commit=commit or ledger.tip())], moves, head=head)


# ── What people see ─────────────────────────────────────────────────────────────────────────────────────


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


# ── Others who push ─────────────────────────────────────────────────────────────────────────────────────


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


# ── Lost answers ────────────────────────────────────────────────────────────────────────────────────────


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


# ── Remotes ─────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Rewritten history ───────────────────────────────────────────────────────────────────────────────────


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


# ── Evidence ────────────────────────────────────────────────────────────────────────────────────────────


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
