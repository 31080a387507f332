"""Writing commits without an index or a work tree, and moving refs together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.errors import Conflict, UsageError
from gitrel.repo.edit import Delete, FileChange, PutFile, PutLink
from gitrel.repo.git import GitRepository, Locked, RefUpdate
from tests.ledger.samples import NOW
from tests.repo_git.sandbox import ME, commit_all, git, main


def test_a_commit_is_made_without_index_or_work_tree(repository: GitRepository, work: Path) -> None:
    """Git agrees with what was written, and nothing that is checked out has changed."""
    before = (work / ".git" / "index").read_bytes()
    parent = main(repository)
    changes: list[FileChange] = [
        PutLink("apps/frontend/canary", "v2"),
        PutFile("apps/new/a.sh", b"x", True),
        Delete("apps/worker"),
    ]
    new = repository.commit_tree(parent, changes, message="Möve\n", author=ME, at=NOW)
    assert git(work, "diff", "--name-status", parent, new).split("\n") == [
        "M\tapps/frontend/canary", "A\tapps/new/a.sh", "D\tapps/worker/canary",
        "D\tapps/worker/v1/worker-service.yaml", "D\tapps/worker/v2/worker-service.yaml",
    ]  # fmt: skip
    assert git(work, "log", "-1", "--format=%an|%ae|%cn|%aI|%s|%P", new) == (
        f"Grace|grace@example.com|Grace|2026-03-01T12:00:00+00:00|Möve|{parent}"
    )
    assert git(work, "fsck", "--strict", "--no-dangling") == ""
    assert (work / ".git" / "index").read_bytes() == before
    assert git(work, "status", "--short") == ""


def test_the_same_intent_gives_the_same_commit(repository: GitRepository) -> None:
    """Built twice, a commit has one id: a retry cannot make a twin."""
    made = {
        repository.commit_tree(main(repository), [PutLink("a", "b")], message="m", author=ME, at=NOW)
        for _ in range(2)
    }
    assert len(made) == 1


@pytest.mark.parametrize(
    "author", ["", "<>", "A\nparent 123 <x", "x <a@b> 1 +0000\ncommitter y", "\x1b[1m <\0>", "Ö"]
)
def test_no_author_can_break_out_of_its_line(repository: GitRepository, work: Path, author: str) -> None:
    """Whatever an actor is called, Git finds the commit sound."""
    new = repository.commit_tree(main(repository), [PutLink("a", "b")], message="m\0n", author=author, at=NOW)
    repository.update_refs([RefUpdate("refs/heads/new", new, "")])
    assert git(work, "fsck", "--strict") == ""
    assert repository.commits([new])[0].parents == (main(repository),)


def test_a_file_cannot_be_a_folder(repository: GitRepository) -> None:
    """A change below something that is no folder is refused, not guessed at."""
    with pytest.raises(UsageError, match="canary is no folder"):
        repository.commit_tree(
            main(repository), [PutFile("apps/frontend/canary/x", b"")], message="", author=ME, at=NOW
        )


NAMES = st.sampled_from(["a", "a.b", "a-b", "ab", "b", "é"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CHANGES = st.lists(
    st.builds(PutFile, PATHS, st.binary(max_size=3), st.booleans())
    | st.builds(PutLink, PATHS, st.sampled_from(["x", "../y"]))
    | st.builds(Delete, PATHS),
    max_size=8,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitRepository]:
    folder = tmp_path_factory.mktemp("empty")
    git(folder, "init", "-q")
    with GitRepository(folder) as opened:
        yield opened


def mode_of(change: FileChange) -> str:
    if isinstance(change, PutFile):
        return "100755" if change.executable else "100644"
    return "120000"


@settings(max_examples=60, deadline=None)
@given(first=CHANGES, second=CHANGES)
def test_edits_are_what_a_folder_would_hold(
    empty: GitRepository, first: list[FileChange], second: list[FileChange]
) -> None:
    """Two commits of random changes hold exactly the files of a plain model, in Git's own reading."""
    model: dict[str, FileChange] = {}
    parent = ""
    for changes in (first, second):
        fitting = []
        for change in changes:
            folders = ["/".join(change.path.split("/")[:n]) for n in range(1, change.path.count("/") + 1)]
            if any(folder in model for folder in folders):
                continue  # a file where a folder is needed is refused, which has a test of its own
            model = {
                p: c for p, c in model.items() if p != change.path and not p.startswith(change.path + "/")
            }
            if not isinstance(change, Delete):
                model[change.path] = change
            fitting.append(change)
        parent = empty.commit_tree(parent, fitting, message="m", author=ME, at=NOW)
    listed = git(empty.path, "ls-tree", "-r", "-z", parent).split("\0")[:-1]
    modes = {line.split("\t")[1]: line[:6] for line in listed}
    wanted = {path: mode_of(change) for path, change in model.items()}
    assert modes == wanted


def test_refs_move_together_or_not_at_all(repository: GitRepository, work: Path) -> None:
    """One stale value among three keeps all three where they are."""
    old, new = main(repository), commit_all(work)
    moves = [
        RefUpdate("refs/heads/a", new, ""),
        RefUpdate("refs/heads/b", new, ""),
        RefUpdate("refs/heads/main", old, old),
    ]
    with pytest.raises(Conflict, match="refs/heads/main is at"):
        repository.update_refs(moves)
    assert repository.commit_at("refs/heads/a") == repository.commit_at("refs/heads/b") == ""
    repository.update_refs(moves[:2])
    assert repository.commit_at("refs/heads/a") == repository.commit_at("refs/heads/b") == new
    with pytest.raises(Conflict):
        repository.update_refs([RefUpdate("refs/heads/a", old, "")])
    repository.update_refs([RefUpdate("refs/heads/a", "", new)])
    assert repository.commit_at("refs/heads/a") == ""


def test_a_lock_left_behind_is_named_and_left_alone(repository: GitRepository, work: Path) -> None:
    """A ref's lock may be alive: gitrel says which file it is and deletes nothing."""
    lock = work / ".git" / "refs" / "heads" / "main.lock"
    lock.touch()
    with pytest.raises(Locked, match=r"main\.lock exists"):
        repository.update_refs([RefUpdate("refs/heads/main", main(repository), main(repository))])
    assert lock.exists()


def test_durable_steps_are_announced(work: Path) -> None:
    """Objects are on disk before a ref names them, and each step is told before and after."""
    steps: list[str] = []
    with GitRepository(work, durable=steps.append) as repository:
        new = repository.commit_tree("", [PutLink("a", "b")], message="m", author=ME, at=NOW)
        assert steps == []
        repository.update_refs([RefUpdate("refs/heads/new", new, "")])
    assert steps == ["objects:before", "objects:after", "update-refs:before", "update-refs:after"]


def test_maintenance_packs_only_what_is_worth_it(repository: GitRepository, work: Path) -> None:
    """Below the threshold nothing happens; above it everything is packed, and the reader goes on."""
    assert not repository.maintain()
    before = repository.read_commit(main(repository))
    assert repository.maintain(loose_objects_max=5)
    assert git(work, "count-objects").startswith("0 objects")
    with GitRepository(work) as fresh:
        assert fresh.read_commit(main(repository)) == before
    assert repository.entry(main(repository), "apps/frontend/canary") is not None
