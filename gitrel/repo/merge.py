"""Three versions of one file → one: what changed from `base` to `theirs`, carried into `ours`, line by line.

Pure. Lines that all three share divide the file into stretches. A stretch that only one side changed is
taken from that side, and one that both changed alike from either; where both changed it differently, the
change does not apply there, and the place is told instead of guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

Lines = list[bytes]


@dataclass(frozen=True, slots=True)
class Clash:
    """Where a change does not apply: the line of `ours`, counted from 1, and what stands on each side."""

    line: int
    ours: tuple[bytes, ...]
    base: tuple[bytes, ...]
    theirs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Common:
    """A stretch that all three share: where it begins in each, and its length."""

    base: int
    ours: int
    theirs: int
    length: int


def merge(base: bytes, ours: bytes, theirs: bytes) -> bytes | tuple[Clash, ...]:
    """The merged file, or every place where it cannot be."""
    if ours in (base, theirs):
        return theirs
    if theirs == base:
        return ours
    a, b, c = lines_of(base), lines_of(ours), lines_of(theirs)
    merged: Lines = []
    clashes: list[Clash] = []
    at = _Common(0, 0, 0, 0)
    for common in _stretches(a, b, c):
        start = _Common(at.base + at.length, at.ours + at.length, at.theirs + at.length, 0)
        sides = a[start.base : common.base], b[start.ours : common.ours], c[start.theirs : common.theirs]
        merged += _settled(*sides, start.ours, clashes)
        merged += a[common.base : common.base + common.length]
        at = common
    return tuple(clashes) or b"".join(merged)


def _settled(base: Lines, ours: Lines, theirs: Lines, at: int, clashes: list[Clash]) -> Lines:
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    clashes.append(Clash(at + 1, tuple(ours), tuple(base), tuple(theirs)))
    return []


def _stretches(base: Lines, ours: Lines, theirs: Lines) -> Iterator[_Common]:
    """What all three share, in order; an empty stretch at the end closes the last difference."""
    left, right = _matches(base, ours), _matches(base, theirs)
    i = j = 0
    while i < len(left) and j < len(right):
        (a1, b, n1), (a2, c, n2) = left[i], right[j]
        start, end = max(a1, a2), min(a1 + n1, a2 + n2)
        if start < end:
            yield _Common(start, b + start - a1, c + start - a2, end - start)
        if a1 + n1 < a2 + n2:
            i += 1
        else:
            j += 1
    yield _Common(len(base), len(ours), len(theirs), 0)


def _matches(base: Lines, other: Lines) -> list[tuple[int, int, int]]:
    """(place in base, place in other, length); what stands equal at both ends is not searched for."""
    head = _shared(base, other)
    room = min(len(base), len(other)) - head
    tail = min(_shared(base[::-1], other[::-1]), room)
    inner = SequenceMatcher(
        None, base[head : len(base) - tail], other[head : len(other) - tail], autojunk=False
    )
    found = [(0, 0, head)]
    found += [(head + a, head + b, size) for a, b, size in inner.get_matching_blocks()]
    found.append((len(base) - tail, len(other) - tail, tail))
    return [match for match in found if match[2]]


def _shared(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """How many items both begin with."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def lines_of(data: bytes) -> Lines:
    """Lines with their ends; only line feeds end lines, as in Git."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
