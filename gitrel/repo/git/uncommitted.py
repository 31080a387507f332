"""What lies in a work tree and in no commit: people believe that it is released, and it is not."""

from __future__ import annotations

from pathlib import Path

from gitrel.errors import GitrelError
from gitrel.repo.git.process import Git
from gitrel.repo.tree import ROOTS

TIMEOUT_SECONDS = 10.0


def uncommitted(folder: Path) -> tuple[str, ...]:
    """Paths under `apps/` and `environments/` that differ from the commit that is checked out, sorted.

    Empty where that cannot be told: a bare repository has no work tree, and a huge one takes too long.
    """
    git = Git(folder, timeout_seconds=TIMEOUT_SECONDS)
    command = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", *ROOTS)
    try:
        rows = git.run(*_without_filters(git), *command).split(b"\0")
    except GitrelError:
        return ()
    return tuple(sorted({row[3:].decode(errors="replace") for row in rows if row}))


def _without_filters(git: Git) -> list[str]:
    """Options that keep Git from running a program of the repository's own to compare a changed file."""
    listed = git.attempt(
        "config", "-z", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process|required)$"
    )
    names = {name.decode(errors="surrogateescape") for name in listed.out.split(b"\0") if name}
    return [option for name in sorted(names) for option in ("-c", f"{name}=")]
