"""A new repository from a folder: what `git init`, `git add` and the first commit are to a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from gitrel.repo.edit import FileChange, PutFile, PutLink
from gitrel.repo.git.process import Git
from gitrel.repo.git.repository import GitRepository, RefUpdate
from gitrel.repo.source import read_worktree
from gitrel.repo.tree import File, Link, RawTree

BRANCH = "main"
TIMEOUT_SECONDS = 60.0


def expect_git() -> None:
    """Raises UsageError where Git cannot be run; to be asked before anything is written."""
    Git(Path.cwd(), timeout_seconds=TIMEOUT_SECONDS).run("--version")


def create(
    folder: Path, *, message: str, author: str = "", at: datetime, also: Iterable[FileChange] = ()
) -> str:
    """Makes `folder`, which has no repository yet, one whose first commit holds its apps/ and environments/.

    `also` is what it holds beside them. Gives the commit. `author` is `Name <email>`, by default whom Git's
    settings name; the same folder and arguments give the same commit.
    """
    git = Git(folder, timeout_seconds=TIMEOUT_SECONDS)
    git.run("init", "--quiet", f"--initial-branch={BRANCH}")
    with GitRepository(folder) as repository:
        changes = [*_all_of(read_worktree(folder)), *also]
        author = author or repository.identity()
        commit = repository.commit_tree("", changes, message=message, author=author, at=at)
        repository.update_refs([RefUpdate(f"refs/heads/{BRANCH}", commit, "")])
    git.run("reset", "--quiet")  # the index follows the commit; the files are there already
    return commit


def _all_of(tree: RawTree) -> Iterator[FileChange]:
    for path, entry in sorted(tree.entries.items()):
        if isinstance(entry, File):
            yield PutFile(path, entry.data, entry.executable)
        elif isinstance(entry, Link):
            yield PutLink(path, entry.target)
