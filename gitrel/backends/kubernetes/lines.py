"""A stream of bytes as lines, none of which may be longer than memory allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

LINE_MAX = 8 * 2**20
"""Bytes. etcd keeps no object of more than 1.5 MiB, and JSON makes at most a few times that of it."""


class LineTooLong(Exception):
    """More than `LINE_MAX` bytes without an end."""


def lines(chunks: Iterable[bytes], limit: int = LINE_MAX) -> Iterator[bytes]:
    """The lines without their ends, empty ones left out; what comes after the last end is dropped.

    Raises LineTooLong as soon as more than `limit` bytes are waiting for their end.
    """
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            line = b"".join((*waiting, part))
            waiting, size = [], 0
            if len(line) > limit:
                raise LineTooLong
            if line.strip():
                yield line
        if rest:
            waiting.append(rest)
            size += len(rest)
        if size > limit:
            raise LineTooLong
