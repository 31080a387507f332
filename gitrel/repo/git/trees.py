"""Trees of a commit → RawTree, by asking for each level at once and remembering by object id.

A tree or file that did not change between two commits has the same id, so the next commit costs what
changed in it. Limits are those of reading from disk: what is too large is never loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitrel.errors import Problem
from gitrel.repo.git.failures import RepositoryDamaged
from gitrel.repo.git.objects import EXECUTABLE, FOLDER, LINK, SUBMODULE, TreeEntry, parse_tree
from gitrel.repo.git.revisions import checked_path
from gitrel.repo.git.store import CACHE_BYTES_MAX, Cache, Found, ObjectReader, T
from gitrel.repo.source import LIMITS, Limits
from gitrel.repo.tree import ROOTS, Entry, File, Link, Other, RawTree

LINK_BYTES_MAX = 4096
"""Longer targets cannot be made on Linux."""


@dataclass(slots=True)
class _Listing:
    """The paths of one commit, with what stands there, before any content is loaded."""

    places: dict[str, TreeEntry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class TreeReader:
    def __init__(self, reader: ObjectReader, path: Path, limits: Limits = LIMITS) -> None:
        self._reader = reader
        self._path = path
        self._limits = limits
        self._trees: Cache[tuple[TreeEntry, ...]] = Cache(CACHE_BYTES_MAX)
        self._contents: Cache[bytes] = Cache(CACHE_BYTES_MAX)
        self._newest: tuple[str, RawTree] | None = None

    def raw_tree(self, commit: str) -> RawTree:
        """The newest one is kept whole: most passes find the commit of the pass before."""
        if self._newest is None or self._newest[0] != commit:
            self._newest = commit, self._raw_tree(commit)
        return self._newest[1]

    def part(self, commit: str, folders: Sequence[str]) -> RawTree:
        """Only these folders of a commit, within the same limits."""
        return self._raw_tree(commit, folders)

    def _raw_tree(self, commit: str, folders: Sequence[str] = ()) -> RawTree:
        listing = self._list(commit, folders)
        sizes = self._sizes([entry.id for entry in listing.places.values() if entry.mode != SUBMODULE])
        places = self._within_total(listing, sizes)
        fitting = [one.id for one in places.values() if sizes.get(one.id, 0) <= self._limits.file_bytes]
        contents = self._load([one for one in fitting if one in sizes])
        return RawTree({path: _node(e, contents) for path, e in places.items()}, tuple(listing.problems))

    def _within_total(self, listing: _Listing, sizes: dict[str, int]) -> dict[str, TreeEntry]:
        """The places in order, up to the limit of bytes in all of them; decided before anything is loaded."""
        places: dict[str, TreeEntry] = {}
        total_bytes = 0
        for path, entry in sorted(listing.places.items()):
            size = sizes.get(entry.id, 0)
            total_bytes += size if size <= self._limits.file_bytes else 0
            if total_bytes > self._limits.total_bytes:
                what = f"more than {self._limits.total_bytes:,} bytes in all files"
                listing.problems.append(Problem(path, 0, 0, what, "move what gitrel need not read elsewhere"))
                break
            places[path] = entry
        return places

    def folder(self, commit: str, path: str) -> tuple[TreeEntry, ...]:
        if not path:
            return self.tree(self._root(commit))
        entry = self.entry(commit, path)
        return self.tree(entry.id) if entry and entry.mode == FOLDER else ()

    def entry(self, commit: str, path: str) -> TreeEntry | None:
        place: TreeEntry | None = TreeEntry(FOLDER, b"", self._root(commit))
        for part in checked_path(path):
            if place is None or place.mode != FOLDER:
                return None
            place = next((e for e in self.tree(place.id) if e.name == part.encode()), None)
        return place

    def tree(self, tree_id: str) -> tuple[TreeEntry, ...]:
        return self._load_trees([tree_id])[tree_id]

    def read_all(self, names: Sequence[str]) -> list[Found]:
        """All of these objects, or RepositoryDamaged naming the first that is missing."""
        found = self._reader.read(names)
        for name, one in zip(names, found, strict=True):
            if one is None:
                raise RepositoryDamaged(self._path, f"object {name} is missing or broken")
        return [one for one in found if one]

    def _root(self, commit: str) -> str:
        (found,) = self.read_all([f"{commit}^{{tree}}"])
        if found.id not in self._trees:
            self._trees.remember(found.id, self._parsed(found), len(found.data))
        return found.id

    def _list(self, commit: str, folders: Sequence[str]) -> _Listing:
        """Level by level, so that each costs one round of questions and not one per folder."""
        listing = _Listing()
        if folders:
            found = [(path, self.entry(commit, path)) for path in folders]
            level = [(path, entry) for path, entry in found if entry and entry.mode == FOLDER]
        else:
            tops = [e for e in self.tree(self._root(commit)) if e.name.decode("utf-8", "replace") in ROOTS]
            level = self._sort_out(listing, [("", tops)])
        depth = 1
        while level and len(listing.places) <= self._limits.files:
            depth += 1
            if depth > self._limits.depth + 1:
                what = f"deeper than {self._limits.depth} folders"
                listing.problems += [Problem(path, 0, 0, what, "flatten it") for path, _ in level]
                break
            trees = self._load_trees([entry.id for _, entry in level])
            level = self._sort_out(listing, [(f"{path}/", trees[entry.id]) for path, entry in level])
        if len(listing.places) > self._limits.files:
            what = f"more than {self._limits.files:,} files"
            listing.problems.append(Problem("apps", 0, 0, what, "move what gitrel need not read elsewhere"))
            listing.places = dict(list(listing.places.items())[: self._limits.files])
        return listing

    @staticmethod
    def _sort_out(
        listing: _Listing, folders: Sequence[tuple[str, Sequence[TreeEntry]]]
    ) -> list[tuple[str, TreeEntry]]:
        """Puts files in the listing; gives the folders of the next level."""
        deeper = []
        for prefix, entries in folders:
            for entry in entries:
                try:
                    path = prefix + entry.name.decode()
                except UnicodeDecodeError as error:
                    listing.problems.append(_bad_name(prefix, entry.name, error))
                    continue
                if entry.mode == FOLDER:
                    deeper.append((path, entry))
                else:
                    listing.places[path] = entry
        return deeper

    def _load_trees(self, ids: Sequence[str]) -> dict[str, tuple[TreeEntry, ...]]:
        wanted = [one for one in dict.fromkeys(ids) if one not in self._trees]
        loaded = {found.id: self._parsed(found) for found in self.read_all(wanted)}
        known = {one: self._known(self._trees, one) for one in ids if one not in loaded}
        for found_id, entries in loaded.items():
            self._trees.remember(found_id, entries, 100 + 100 * len(entries))
        return loaded | known

    def _parsed(self, found: Found) -> tuple[TreeEntry, ...]:
        try:
            return parse_tree(found.data)
        except ValueError as error:
            raise RepositoryDamaged(self._path, f"tree {found.id}: {error}") from None

    def _sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """Bytes by id. A missing object has none; that it is missing shows when it is loaded."""
        sizes = {one: len(self._contents[one]) for one in ids if one in self._contents}
        unknown = [one for one in dict.fromkeys(ids) if one not in sizes]
        found = zip(unknown, self._reader.check(unknown), strict=True)
        return sizes | {one: answer.size if answer else 0 for one, answer in found}

    def _load(self, ids: Sequence[str]) -> dict[str, bytes]:
        wanted = [one for one in dict.fromkeys(ids) if one not in self._contents]
        loaded = {found.id: found.data for found in self._in_portions(wanted)}
        known = {one: self._known(self._contents, one) for one in ids if one not in loaded}
        for one, data in loaded.items():
            self._contents.remember(one, data, 100 + len(data))
        return loaded | known

    def _in_portions(self, ids: Sequence[str]) -> Iterator[Found]:
        for start in range(0, len(ids), 1000):
            yield from self.read_all(ids[start : start + 1000])

    @staticmethod
    def _known(cache: Cache[T], key: str) -> T:
        cache.move_to_end(key)
        return cache[key]


def _node(entry: TreeEntry, contents: dict[str, bytes]) -> Entry:
    if entry.mode == SUBMODULE:
        return Other("submodule")
    data = contents.get(entry.id)
    if data is None or (entry.mode == LINK and len(data) > LINK_BYTES_MAX):
        return Other("oversized file")
    if entry.mode == LINK:
        return Link(data.decode(errors="replace"))
    return File(data, entry.mode == EXECUTABLE)


def _bad_name(prefix: str, name: bytes, error: UnicodeDecodeError) -> Problem:
    offset = len(prefix.encode()) + error.start
    what = f"the name is not UTF-8: byte 0x{name[error.start]:02x} at offset {offset}"
    return Problem(prefix + name.decode(errors="backslashreplace"), 0, 0, what, "rename it")
