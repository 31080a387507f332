"""Git's trees and commits as bytes: read, edit along one path, write again.

Pure. A change to one file makes one new tree per folder above it and shares every other; the source of
bytes and the store that takes new ones are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from gitrel.errors import UsageError
from gitrel.repo.edit import Delete, FileChange, PutFile
from gitrel.repo.git.revisions import checked_path

FOLDER, FILE, EXECUTABLE, LINK, SUBMODULE = b"40000", b"100644", b"100755", b"120000", b"160000"
Kind = Literal["blob", "tree", "commit", "tag"]
SIGNATURE = b"gpgsig"
"""The header of a signature, of whatever kind it is."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    mode: bytes
    name: bytes
    id: str


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str

    @staticmethod
    def parse(text: str) -> Person:
        """`Name <email>`, or a bare name. Nothing in it can leave its place in a commit."""
        name, _, rest = text[:1000].partition("<")
        return Person(_plain(name) or "unknown", _plain(rest.partition(">")[0]))

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; `message` is text as it stands there, not fit to show without escaping."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    at: datetime
    message: str


def parse_tree(data: bytes) -> tuple[TreeEntry, ...]:
    """Raises ValueError where the bytes are no tree."""
    entries, position = [], 0
    while position < len(data):
        space = data.index(b" ", position)
        end = data.index(b"\0", space)
        name_id = data[end + 1 : end + 21]
        if len(name_id) != 20:
            raise ValueError("a tree is cut off")
        entries.append(TreeEntry(data[position:space], data[space + 1 : end], name_id.hex()))
        position = end + 21
    return tuple(entries)


def format_tree(entries: Iterable[TreeEntry]) -> bytes:
    """In Git's order: by bytes, a folder as if its name ended in a slash."""
    ordered = sorted(entries, key=lambda e: e.name + b"/" if e.mode == FOLDER else e.name)
    return b"".join(b"%b %b\0%b" % (e.mode, e.name, bytes.fromhex(e.id)) for e in ordered)


_PERSON = re.compile(rb"(?P<name>[^<]*)<(?P<email>[^>]*)> (?P<seconds>-?\d{1,18}) (?P<zone>[+-]\d{4})\Z")


def parse_commit(commit_id: str, data: bytes) -> Commit:
    """Raises ValueError where the bytes are no commit."""
    head, _, message = data.partition(b"\n\n")
    tree, parents, author = "", [], b""
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"tree":
            tree = value.decode("ascii")
        elif key == b"parent":
            parents.append(value.decode("ascii"))
        elif key == b"author" and not author:
            author = value
    if not tree:
        raise ValueError("a commit names no tree")
    person, at = _parse_person(author)
    return Commit(commit_id, tree, tuple(parents), person, at, message.decode("utf-8", "replace"))


def _parse_person(line: bytes) -> tuple[Person, datetime]:
    # Only the end is matched: a name of a megabyte costs one scan.
    match = _PERSON.match(line)
    if not match:
        return Person(line.decode("utf-8", "replace")[:200], ""), datetime.fromtimestamp(0, UTC)
    zone = int(match["zone"])
    minutes = (abs(zone) // 100 * 60 + abs(zone) % 100) * (1 if zone >= 0 else -1)
    try:
        offset = timezone(timedelta(minutes=minutes))
        at = datetime.fromtimestamp(int(match["seconds"]), offset)
    except (ValueError, OverflowError, OSError):
        at = datetime.fromtimestamp(0, UTC)
    name, email = (match[key].decode("utf-8", "replace").strip() for key in ("name", "email"))
    return Person(name, email), at


def format_commit(tree: str, parents: Iterable[str], author: Person, at: datetime, message: str) -> bytes:
    """Author and committer are one; the instant is whole seconds in UTC."""
    stamp = f"{author} {int(at.timestamp())} +0000"
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {stamp}", f"committer {stamp}", "", message.replace("\0", "")]
    return "\n".join(lines).encode("utf-8", "replace")


def format_tag(commit: str, name: str, tagger: Person, at: datetime, message: str) -> bytes:
    """An annotated tag at a commit. The message ends in a line feed, so that a signature can follow it."""
    lines = [f"object {commit}", "type commit", f"tag {name}", f"tagger {tagger} {int(at.timestamp())} +0000"]
    text = message.replace("\0", "").rstrip("\n")
    return "\n".join([*lines, "", text, ""]).encode("utf-8", "replace")


def parse_tag(data: bytes) -> tuple[Person, datetime, str]:
    """Who made an annotated tag, when, and its message without a signature. Never raises."""
    head, _, message = data.partition(b"\n\n")
    tagger = next((line[7:] for line in head.split(b"\n") if line.startswith(b"tagger ")), b"")
    person, at = _parse_person(tagger)
    text = re.split(rb"(?m)^-----BEGIN (?:SSH|PGP) SIGNATURE-----$", message)[0]
    return person, at, text.decode("utf-8", "replace")


def with_signature(commit: bytes, signature: bytes) -> bytes:
    """The commit with a signature in its header, where `git log --show-signature` looks for it."""
    head, blank, message = commit.partition(b"\n\n")
    folded = signature.strip().replace(b"\n", b"\n ")
    return head + b"\n" + SIGNATURE + b" " + folded + blank + message


def without_signature(commit: bytes) -> tuple[bytes, bytes]:
    """What was signed, and the signature; empty where there is none.

    Raises ValueError for a commit with two, because programs differ in which of them they believe.
    """
    head, blank, message = commit.partition(b"\n\n")
    kept: list[bytes] = []
    signature: list[bytes] = []
    inside = False
    for line in head.split(b"\n"):
        if line.startswith(SIGNATURE + b" "):
            if signature:
                raise ValueError("it carries two signatures")
            inside = True
            signature.append(line[len(SIGNATURE) + 1 :])
        elif inside and line.startswith(b" "):
            signature.append(line[1:])
        else:
            inside = False
            kept.append(line)
    return b"\n".join(kept) + blank + message, b"\n".join(signature)


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isprintable() and c not in "<>" else " " for c in text).split())


# ── Editing ─────────────────────────────────────────────────────────────────────────────────────────────

Read = Callable[[str], tuple[TreeEntry, ...]]
Store = Callable[[Kind, bytes], str]


class TreeEdit:
    """A tree with changes on top; folders are read when a change first enters them."""

    def __init__(self, read: Read, root: str) -> None:
        self._read = read
        self._root: dict[bytes, TreeEntry | dict[bytes, _Node] | FileChange] = self._open(root)

    def apply(self, change: FileChange) -> None:
        """Raises UsageError where the path leads through a file."""
        *folders, name = (part.encode() for part in checked_path(change.path))
        folder = self._root
        for part in folders:
            below = folder.get(part)
            if below is None:
                if isinstance(change, Delete):
                    return
                below = {}
            elif isinstance(below, TreeEntry) and below.mode == FOLDER:
                below = self._open(below.id)
            elif not isinstance(below, dict):
                raise UsageError(f"{change.path}: {part.decode()} is no folder")
            folder[part] = below
            folder = below
        if isinstance(change, Delete):
            folder.pop(name, None)
        else:
            folder[name] = change

    def write(self, store: Store) -> str:
        """Stores what is new, bottom up, and gives the id of the root."""
        return _write(self._root, store) or store("tree", b"")

    def _open(self, tree: str) -> dict[bytes, _Node]:
        return {entry.name: entry for entry in self._read(tree)} if tree else {}


_Node = TreeEntry | dict[bytes, "_Node"] | FileChange


def _write(folder: dict[bytes, _Node], store: Store) -> str:
    """The id of a folder, empty where nothing is left in it: Git keeps no empty folders."""
    entries = [entry for name, node in folder.items() if (entry := _entry(name, node, store)).id]
    return store("tree", format_tree(entries)) if entries else ""


def _entry(name: bytes, node: _Node, store: Store) -> TreeEntry:
    if isinstance(node, TreeEntry):
        return node
    if isinstance(node, dict):
        return TreeEntry(FOLDER, name, _write(node, store))
    if isinstance(node, PutFile):
        return TreeEntry(EXECUTABLE if node.executable else FILE, name, store("blob", node.data))
    assert not isinstance(node, Delete)
    return TreeEntry(LINK, name, store("blob", node.target.encode()))
