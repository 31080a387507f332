"""Integer-or-percent fields (`2`, `25%`) resolved against a total, with the rounding said aloud."""

from __future__ import annotations

import re

_PERCENT = re.compile(r"\d{1,9}%\Z", re.ASCII)


def resolve(value: int | str, total: int, *, round_up: bool) -> int:
    """`25%` of 10 is 3 rounded up, 2 rounded down. Raises ValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not _PERCENT.match(value):
        raise ValueError(f"{value!r} is neither an integer nor a percentage such as 25%")
    product = int(value[:-1]) * total
    return -(-product // 100) if round_up else product // 100
