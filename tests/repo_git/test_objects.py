"""Reading trees through objects alone: what was recorded, within limits, and damage by its name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitrel.errors import InvalidRepository
from gitrel.repo.git import GitRepository, RepositoryDamaged
from gitrel.repo.source import Limits
from gitrel.repo.tree import File, Link, Other
from tests.repo_git.sandbox import FILES, LINKS, commit_all, git, main, point, write


def test_a_commit_is_read_as_it_is_recorded(repository: GitRepository) -> None:
    """Links by their mode, files by their bytes, and nothing outside of apps/ and environments/."""
    tree = repository.read_commit(main(repository))
    files = {path: File(text.encode()) for path, text in FILES.items() if path != "README.md"}
    assert tree.entries == files | {path: Link(target) for path, target in LINKS.items()}
    assert tree.problems == ()


def test_the_work_tree_is_never_looked_at(repository: GitRepository, work: Path) -> None:
    """What is checked out may be missing or wrong; the commit says what is true."""
    before = repository.read_commit(main(repository))
    shutil.rmtree(work / "apps")
    (work / ".git" / "index").unlink()
    with GitRepository(work) as again:
        assert again.read_commit(main(again)) == before


def test_odd_things_in_a_tree(repository: GitRepository, work: Path) -> None:
    """Submodules are not entered, executables marked, bad names reported with the offset, sizes limited."""
    write(work, "apps/run.sh", "#!/bin/sh\n")
    (work / "apps/run.sh").chmod(0o755)
    (work / os.fsdecode(b"apps/caf\xe9.yaml")).write_text("x")
    point(work, "apps/dangling", "../../etc/passwd")
    git(work, "add", "-A")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{main(repository)},apps/module")
    git(work, "commit", "-q", "-m", "odd")
    tree = repository.read_commit(main(repository))
    assert tree.get("apps/run.sh") == File(b"#!/bin/sh\n", executable=True)
    assert tree.get("apps/module") == Other("submodule")
    assert tree.get("apps/dangling") == Link("../../etc/passwd")
    (problem,) = tree.problems
    assert "byte 0xe9 at offset 8" in problem.what


def test_limits_are_named_and_not_exceeded(work: Path) -> None:
    """A file over the limit is not loaded; too many files, bytes or folders stop the reading."""
    write(work, "apps/frontend/v1/big.yaml", "x" * 200)
    write(work, "apps/a/b/c/d/e.yaml", "deep")
    commit_all(work)
    with GitRepository(work, limits=Limits(file_bytes=100, depth=4)) as repository:
        tree = repository.read_commit(main(repository))
        assert tree.get("apps/frontend/v1/big.yaml") == Other("oversized file")
        assert [(p.file, p.what) for p in tree.problems] == [("apps/a/b/c/d", "deeper than 4 folders")]
    for limits, what, count in (
        (Limits(files=3), "more than 3 files", 3),
        (Limits(total_bytes=20), "more than 20 bytes in all files", 4),
    ):
        with GitRepository(work, limits=limits) as repository:
            tree = repository.read_commit(main(repository))
            assert [problem.what for problem in tree.problems] == [what]
            assert len(tree.entries) == count


def test_new_commits_of_others_are_seen(repository: GitRepository, work: Path) -> None:
    """The process that is kept for reading never answers from the past, packed or not."""
    repository.read_commit(main(repository))
    point(work, "apps/frontend/canary", "v2")
    commit_all(work)
    git(work, "gc", "-q", "--prune=now")
    assert repository.read_commit(main(repository)).get("apps/frontend/canary") == Link("v2")


def test_a_reader_that_died_is_replaced(repository: GitRepository) -> None:
    """Somebody killed the kept process: the next question starts another."""
    before = repository.read_commit(main(repository))
    assert repository._reader is not None
    kept = list(repository._reader._processes.values())
    assert kept
    for process in kept:
        process.kill()
        process.wait()
    assert repository.entry(main(repository), "apps/frontend/canary") is not None
    assert repository.read_commit(main(repository)) == before


def test_damage_is_named(work: Path) -> None:
    """A truncated object and a missing one: `repository damaged`, with what to do."""
    blob = git(work, "rev-parse", "HEAD:apps/frontend/v1/frontend-service.yaml")
    place = work / ".git" / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    for damage in (b"", b"garbage"):
        place.write_bytes(damage)
        with GitRepository(work) as repository, pytest.raises(RepositoryDamaged, match="repository damaged"):
            repository.read_commit(main(repository))
    place.unlink()
    with GitRepository(work) as repository, pytest.raises(InvalidRepository, match=blob):
        repository.read_commit(main(repository))


def test_a_commit_that_was_swept_away_is_named(repository: GitRepository) -> None:
    """A gc'd or shallow commit: the error holds its SHA."""
    with pytest.raises(RepositoryDamaged, match="1" * 40):
        repository.read_commit("1" * 40)
