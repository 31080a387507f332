"""A unified diff as people mail it → what it does to each file, applied exactly or not at all.

Pure. Reads what `git diff`, `git format-patch` and `diff -u` write. A hunk may stand at another line than it
says, as files grow; its lines must all be there, in one place, and nothing is left out to make it fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gitrel.errors import UsageError
from gitrel.repo.merge import lines_of
from gitrel.repo.suggest import visible

PATCH_BYTES_MAX = 8 * 1024 * 1024
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
_LETTERS = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}


@dataclass(frozen=True, slots=True)
class Hunk:
    """`before` at line `start` (from 1) becomes `after`; both hold the context. `line` is its place in the
    patch."""

    start: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]
    line: int


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What happens to one file: `old` is "" where it is made, `new` where it is removed."""

    old: str
    new: str
    hunks: tuple[Hunk, ...]


@dataclass(slots=True)
class _Section:
    """One file's part of a patch while it is read."""

    old: str = ""
    new: str = ""
    named: bool = False
    hunks: list[Hunk] = field(default_factory=list)


class _Reader:
    """The lines of a patch with the place of the next one."""

    def __init__(self, data: bytes, name: str) -> None:
        self.lines = data.split(b"\n")
        self.name = name
        self.at = 0

    def refuse(self, what: str) -> UsageError:
        return UsageError(f"{self.name}:{self.at + 1}: {what}")

    def sections(self) -> Iterator[_Section]:
        section: _Section | None = None
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.startswith((b"GIT binary patch", b"Binary files ")):
                raise self.refuse("a binary file: only text can be carried into another version")
            if line.startswith(b"new file mode 120000"):
                raise self.refuse("a symbolic link: a version holds plain files")
            if line.startswith(b"diff --git "):
                section = _Section()
                yield section
            elif line.startswith((b"rename from ", b"rename to ")) and section:
                self._rename(line, section)
            elif line.startswith(b"--- ") and self._next().startswith(b"+++ "):
                if section is None or section.hunks or (section.named and not self._renames(section)):
                    section = _Section()
                    yield section
                section.old, section.new = _name(line[4:]), _name(self._next()[4:])
                section.named = True
                self.at += 1
            elif line.startswith(b"@@ ") and section is not None and section.named:
                section.hunks.append(self._hunk())
                continue
            self.at += 1

    def _next(self) -> bytes:
        return self.lines[self.at + 1] if self.at + 1 < len(self.lines) else b""

    @staticmethod
    def _renames(section: _Section) -> bool:
        return bool(section.old and section.new) and not section.hunks

    @staticmethod
    def _rename(line: bytes, section: _Section) -> None:
        side, name = line.removeprefix(b"rename ").split(b" ", 1)
        if side == b"from":
            section.old = _name(name)
        else:
            section.new = _name(name)
        section.named = True

    def _hunk(self) -> Hunk:
        head = _HUNK.match(self.lines[self.at])
        if head is None:
            raise self.refuse("not the head of a hunk")
        first = self.at + 1
        start, left, right = int(head[1]), int(head[2] or 1), int(head[4] or 1)
        before: list[bytes] = []
        after: list[bytes] = []
        self.at += 1
        while len(before) < left or len(after) < right:
            if self.at >= len(self.lines) - 1:
                raise self.refuse("the patch ends within a hunk")
            line = self.lines[self.at]
            # An empty line is empty context whose blank was lost on the way.
            mark, text = (b" ", line) if line in (b"", b"\r") else (line[:1], line[1:])
            if mark not in (b" ", b"-", b"+"):
                raise self.refuse("not a line of a hunk: it begins with ' ', '-' or '+'")
            if mark != b"+":
                before.append(text + b"\n")
            if mark != b"-":
                after.append(text + b"\n")
            self.at += 1
            self._unended(mark, before, after)
        return Hunk(start, tuple(before), tuple(after), first)

    def _unended(self, mark: bytes, before: list[bytes], after: list[bytes]) -> None:
        r"""`\ No newline at end of file` speaks of the line before it."""
        if self.at < len(self.lines) and self.lines[self.at].startswith(b"\\ "):
            for side, holds in ((before, mark != b"+"), (after, mark != b"-")):
                if holds and side:
                    side[-1] = side[-1].removesuffix(b"\n")
            self.at += 1


def parse_patch(data: bytes, name: str) -> tuple[FilePatch, ...]:
    """The files that a patch changes. Raises UsageError with `name` and the line of what is wrong."""
    if len(data) > PATCH_BYTES_MAX:
        raise UsageError(f"{name} is larger than {PATCH_BYTES_MAX:,} bytes")
    found = list(_Reader(data, name).sections())  # each is filled after it was begun
    useful = [one for one in found if one.named and (one.hunks or one.old != one.new)]
    if not useful:
        raise UsageError(f"{name} holds no change: write it with 'git diff' or 'diff -u'")
    return tuple(FilePatch(one.old, one.new, tuple(one.hunks)) for one in useful)


def _name(raw: bytes) -> str:
    """A path as a patch writes it: perhaps quoted, perhaps with a date behind a tab; "" for /dev/null."""
    raw = raw.rstrip(b"\r")
    if raw.startswith(b'"'):
        raw = _ESCAPE.sub(_unescaped, raw[1:].rpartition(b'"')[0])
    else:
        raw = raw.partition(b"\t")[0]
    if raw == b"/dev/null":
        return ""
    text = raw.decode("utf-8", "replace").removeprefix("./")
    text = text[2:] if text.startswith(("a/", "b/")) else text
    if not text or text.startswith("/") or any(part in ("", ".", "..") for part in text.split("/")):
        raise UsageError(f"{visible(text)} is not a path inside the repository")
    return text


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([_LETTERS[code] if code in _LETTERS else int(code, 8) & 0xFF])


def apply_hunks(data: bytes, hunks: Sequence[Hunk], *, backwards: bool = False) -> bytes | Hunk:
    """`data` with every hunk applied (taken back where `backwards`), or the first hunk that does not fit."""
    lines = lines_of(data)
    offset = 0
    floor = 0
    for hunk in hunks:
        before, after = (hunk.after, hunk.before) if backwards else (hunk.before, hunk.after)
        at = _place(lines, before, hunk.start - 1 + offset, floor)
        if at is None:
            return hunk
        lines[at : at + len(before)] = after
        offset = at - (hunk.start - 1) + len(after) - len(before)
        floor = at + len(after)
    return b"".join(lines)


def _place(lines: Sequence[bytes], wanted: Sequence[bytes], guess: int, floor: int) -> int | None:
    """Where `wanted` stands, nearest to `guess` and not above `floor`; nothing fits an empty file only."""
    if not wanted:
        return 0 if not lines else None
    last = len(lines) - len(wanted)
    places = sorted(range(floor, last + 1), key=lambda at: (abs(at - guess), at))
    block = list(wanted)
    return next((at for at in places if lines[at : at + len(block)] == block), None)
