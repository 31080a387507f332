"""One tree of the config repository as a value: path → File, Link or Other.

Where it was read from, a commit's objects or a work tree, makes no difference to anybody after this point.
Paths are relative to the root, with `/` between their parts; folders exist only as prefixes, as in Git.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from gitrel.errors import Problem

FILE_BYTES_MAX = 8 * 1024 * 1024
"""Larger files are not opened, nor are blobs of a commit loaded."""
ROOTS = ("apps", "environments")
"""The folders that gitrel reads; everything else of the repository is left alone."""


@dataclass(frozen=True, slots=True)
class File:
    """A regular file. `link_by_mode` says that Git records a symbolic link here (mode 120000) but the work
    tree holds a file with the link's target as text: a checkout with `core.symlinks=false`, or a ZIP file."""

    data: bytes
    executable: bool = False
    link_by_mode: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link, exactly as it is written; never followed by whoever reads the tree."""

    target: str


OtherKind = Literal["submodule", "FIFO", "socket", "device", "hard link", "unreadable file", "oversized file"]


@dataclass(frozen=True, slots=True)
class Other:
    """Something that was refused without opening it."""

    kind: OtherKind


Entry = File | Link | Other


@dataclass(frozen=True)
class RawTree:
    """Everything under `apps/` and `environments/`, and what went wrong while reading it.

    `problems` holds what has no entry: names that are not UTF-8, limits that were reached.
    """

    entries: Mapping[str, Entry]
    problems: tuple[Problem, ...] = field(default=())
    elsewhere: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Folders that stand at another place than they are read from: path → (the place, what to add to it).

    Versions that are tags are read into one tree; messages name the file that people edit, and the tag."""

    @cached_property
    def _folders(self) -> Mapping[str, tuple[str, ...]]:
        children: dict[str, set[str]] = {}
        for path in self.entries:
            while path:
                folder, _, name = path.rpartition("/")
                siblings = children.setdefault(folder, set())
                if name in siblings:
                    break  # its ancestors are known already
                siblings.add(name)
                path = folder
        return MappingProxyType({folder: tuple(sorted(names)) for folder, names in children.items()})

    def get(self, path: str) -> Entry | None:
        return self.entries.get(path)

    def shown(self, path: str) -> str:
        """The place of `path` as people know it."""
        folder = "/".join(path.split("/", 3)[:3])
        if not self.elsewhere or folder not in self.elsewhere:
            return path
        place, more = self.elsewhere[folder]
        return place + path.removeprefix(folder) + more

    def is_folder(self, path: str) -> bool:
        return path in self._folders

    def exists(self, path: str) -> bool:
        return path in self.entries or path in self._folders

    def children(self, folder: str) -> tuple[str, ...]:
        """Names directly inside `folder`, sorted; empty where there is no such folder."""
        return self._folders.get(folder, ())

    def walk(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """Every entry below `folder`, sorted by their names part by part."""
        waiting = [folder]
        while waiting:
            path = waiting.pop()
            entry = self.entries.get(path)
            if entry is not None:
                yield path, entry
                continue
            inside = f"{path}/" if path else ""
            waiting.extend(inside + name for name in reversed(self.children(path)))
