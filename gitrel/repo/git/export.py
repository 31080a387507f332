"""One commit's files written into a folder, from objects: no checkout, so no filter or hook can run.

Links are written as they are and never followed by whoever writes here; a submodule is an empty folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from gitrel.errors import GitrelError
from gitrel.repo.git.objects import EXECUTABLE, FOLDER, LINK, SUBMODULE, TreeEntry
from gitrel.repo.git.repository import GitRepository
from gitrel.repo.git.revisions import checked_path
from gitrel.repo.source import LIMITS

BATCH = 200


class TooLarge(GitrelError):
    """A commit holds more than is written out."""

    exit_code = 3


def write_out(repository: GitRepository, commit: str, folder: Path) -> None:
    """Writes everything that `commit` holds into `folder`, which is empty. Raises TooLarge."""
    waiting: list[tuple[str, TreeEntry]] = []
    total = 0
    for number, (path, entry) in enumerate(_entries(repository, commit, ""), 1):
        if number > LIMITS.files:
            raise TooLarge(f"commit {commit[:12]} holds more than {LIMITS.files:,} files")
        if entry.mode in (FOLDER, SUBMODULE):
            (folder / path).mkdir()
            continue
        waiting.append((path, entry))
        if len(waiting) >= BATCH:
            total += _write(repository, waiting, folder)
            waiting.clear()
        if total > LIMITS.total_bytes:
            raise TooLarge(f"commit {commit[:12]} holds more than {LIMITS.total_bytes:,} bytes")
    _write(repository, waiting, folder)


def _entries(repository: GitRepository, commit: str, above: str) -> Iterator[tuple[str, TreeEntry]]:
    """Every path with what stands there, folders before what is in them."""
    for entry in repository.folder(commit, above):
        path = f"{above}/{os.fsdecode(entry.name)}" if above else os.fsdecode(entry.name)
        checked_path(path)
        yield path, entry
        if entry.mode == FOLDER:
            if path.count("/") >= LIMITS.depth:
                raise TooLarge(f"commit {commit[:12]} is deeper than {LIMITS.depth} folders at {path}")
            yield from _entries(repository, commit, path)


def _write(repository: GitRepository, entries: list[tuple[str, TreeEntry]], folder: Path) -> int:
    contents = repository.blobs([entry.id for _, entry in entries])
    for (path, entry), data in zip(entries, contents, strict=True):
        place = folder / path
        if entry.mode == LINK:
            place.symlink_to(os.fsdecode(data))
        else:
            with place.open("xb") as file:
                file.write(data)
            place.chmod(0o755 if entry.mode == EXECUTABLE else 0o644)
    return sum(map(len, contents))
