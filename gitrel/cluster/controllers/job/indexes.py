"""Completion indexes as text: `1,3-5,7` in a Job's status.

A run of three or more is written as a range, two neighbours with a comma (Kubernetes
`pkg/controller/job/indexed_job_utils.go`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable


def parse(text: str, limit: int | None = None) -> frozenset[int]:
    """Only indexes below `limit` count: `completions` may have been lowered. Raises ValueError."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        end = int(last or first) + 1
        found.update(range(int(first), end if limit is None else min(end, limit)))
    return frozenset(found)


def format_indexes(indexes: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(_format_run(first, last) for first, last in runs)


def _format_run(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first}-{last}" if last > first + 1 else f"{first},{last}"


def first_missing(taken: Collection[int], count: int, limit: int) -> list[int]:
    """The lowest `count` indexes below `limit` that are not taken."""
    missing: list[int] = []
    for index in range(limit):
        if len(missing) >= count:
            break
        if index not in taken:
            missing.append(index)
    return missing
