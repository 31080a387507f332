"""IO: a work tree on disk → RawTree, contained in the root whatever the tree holds.

Each folder is opened relative to its parent's descriptor and without following links, so that no name, link
or race can lead outside. What is not a regular file or a folder is recorded and never opened: a FIFO would
hang, a device could answer for ever. A file with more than one hard link is refused too, as its other name
may stand anywhere.

Reading a commit instead is `repo/git.py`; both give the same value.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gitrel.errors import Problem, UsageError
from gitrel.repo.tree import FILE_BYTES_MAX, ROOTS, Entry, File, Link, Other, OtherKind, RawTree

IGNORED = frozenset((".git", ".gitrel"))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a tree is read. Beyond a limit reading stops, and the tree says so."""

    files: int = 200_000
    file_bytes: int = FILE_BYTES_MAX
    total_bytes: int = 512 * 1024 * 1024
    depth: int = 32
    """Folders inside one another, counted from the root."""


LIMITS = Limits()

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class _LimitReached(Exception):
    """Stops the walk; the problem is recorded."""


@dataclass(slots=True)
class _Walk:
    """What has been read so far."""

    limits: Limits
    links: frozenset[str]
    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    total_bytes: int = 0

    def add(self, path: str, entry: Entry) -> None:
        self.entries[path] = entry
        if len(self.entries) > self.limits.files:
            self.stop(
                path, f"more than {self.limits.files:,} files", "move what gitrel need not read elsewhere"
            )
        if isinstance(entry, File):
            self.total_bytes += len(entry.data)
            if self.total_bytes > self.limits.total_bytes:
                what = f"more than {self.limits.total_bytes:,} bytes in all files"
                self.stop(path, what, "move what gitrel need not read elsewhere")

    def stop(self, path: str, what: str, todo: str) -> None:
        self.problems.append(Problem(path, 0, 0, what, todo))
        raise _LimitReached


def read_worktree(root: Path, *, limits: Limits = LIMITS, links: Iterable[str] = ()) -> RawTree:
    """Reads `apps/` and `environments/` under `root` as they are on disk now.

    `links` are the paths that Git's index records as symbolic links (mode 120000), if the caller knows them:
    a regular file at one of them is marked, since its content is a link's target and not a file.
    Raises UsageError if `root` itself is not a folder that can be read.
    """
    try:
        top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{root}: {error.strerror}: name the folder of the config repository") from None
    walk = _Walk(limits, frozenset(links))
    try:
        with os.scandir(top) as listing:
            present = [item for item in listing if item.name in ROOTS]
        for item in sorted(present, key=lambda item: item.name):
            _visit(walk, top, item, item.name, 1)
    except _LimitReached:
        pass
    finally:
        os.close(top)
    return RawTree(walk.entries, tuple(walk.problems))


def _visit(walk: _Walk, parent: int, item: os.DirEntry[str], path: str, depth: int) -> None:
    if not _is_utf8(item.name):
        walk.problems.append(_bad_name(path))
        return
    try:
        status = item.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(item.name, dir_fd=parent)
            walk.add(path, Link(target.encode(errors="surrogateescape").decode(errors="replace")))
        elif stat.S_ISDIR(status.st_mode):
            _visit_folder(walk, parent, item.name, path, depth)
        elif kind := _refused(status, walk.limits):
            walk.add(path, Other(kind))
        else:
            walk.add(path, _read_file(walk, parent, item.name, path))
    except FileNotFoundError:
        return  # deleted between the listing and now: as if it had never been there
    except OSError as error:
        walk.problems.append(
            Problem(path, 0, 0, f"cannot be read: {error.strerror}", "check who may read it")
        )
        walk.add(path, Other("unreadable file"))


def _visit_folder(walk: _Walk, parent: int, name: str, path: str, depth: int) -> None:
    if depth > walk.limits.depth:
        walk.problems.append(Problem(path, 0, 0, f"deeper than {walk.limits.depth} folders", "flatten it"))
        return
    folder = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    try:
        with os.scandir(folder) as listing:
            items = sorted((item for item in listing if item.name not in IGNORED), key=lambda item: item.name)
        for item in items:
            _visit(walk, folder, item, f"{path}/{item.name}", depth + 1)
    finally:
        os.close(folder)


_KINDS: dict[int, OtherKind] = {
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def _refused(status: os.stat_result, limits: Limits) -> OtherKind | None:
    """Why something that is neither a link nor a folder is not opened, if so."""
    if not stat.S_ISREG(status.st_mode):
        return _KINDS.get(stat.S_IFMT(status.st_mode), "device")
    if status.st_nlink > 1:
        return "hard link"
    return "oversized file" if status.st_size > limits.file_bytes else None


def _read_file(walk: _Walk, parent: int, name: str, path: str) -> File | Other:
    descriptor = os.open(name, _FILE_FLAGS, dir_fd=parent)
    try:
        status = os.fstat(descriptor)  # what was opened, should the name have changed hands since
        if kind := _refused(status, walk.limits):
            return Other(kind)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(walk.limits.file_bytes + 1)
    finally:
        os.close(descriptor)
    if len(data) > walk.limits.file_bytes:
        return Other("oversized file")
    return File(data, bool(status.st_mode & stat.S_IXUSR), link_by_mode=path in walk.links)


def _is_utf8(name: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in name)


def _bad_name(path: str) -> Problem:
    raw = os.fsencode(path)
    try:
        raw.decode()
        offset = 0
    except UnicodeDecodeError as error:
        offset = error.start
    shown = raw.decode(errors="backslashreplace")
    return Problem(
        shown, 0, 0, f"the name is not UTF-8: byte 0x{raw[offset]:02x} at offset {offset}", "rename it"
    )
