"""What a call costs beyond one step, by the sizes of what it is called with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitrel.kube.cel.values import size_of

WEIGHTS = dict.fromkeys(
    ("contains", "startsWith", "endsWith", "matches", "replace", "split", "join", "indexOf", "lastIndexOf",
     "lowerAscii", "upperAscii", "trim", "reverse", "format", "substring", "_+_", "_==_", "_!=_", "_<_",
     "_<=_", "_>_", "_>=_", "@in", "sum", "min", "max", "isSorted", "sort", "distinct", "flatten", "slice",
     "sets.contains", "sets.equivalent", "sets.intersects", "lists.range", "string", "bytes", "quantity",
     "url", "isURL", "ip", "isIP", "cidr", "isCIDR", "semver", "isSemver", "validate", "find", "findAll"), 1,
)  # fmt: skip
_QUADRATIC = frozenset(("sets.contains", "sets.equivalent", "sets.intersects"))


def weight(name: str, args: Sequence[Any]) -> int:
    """What the sizes of the arguments cost: a tenth of a step a character, a step an element."""
    if name == "lists.range" and args and isinstance(args[0], int):
        return max(0, int(args[0]))
    if name in _QUADRATIC:
        return size_of(args[0]) * size_of(args[-1])
    if name == "distinct":
        return size_of(args[0]) ** 2
    if name == "replace" and len(args) > 2:
        return size_of(args[0]) * (1 + size_of(args[2])) // 10
    if name in ("find", "findAll") and len(args) > 1:
        # Every letter meets every state of the pattern.
        return size_of(args[0]) * (1 + size_of(args[1]) // 4)
    return sum(size_of(arg) // 10 if isinstance(arg, (str, bytes)) else deep_size(arg) for arg in args)


def deep_size(value: Any, most: int = 100_000) -> int:
    """How many values there are in a value."""
    count, waiting = 0, [value]
    while waiting and count < most:
        here = waiting.pop()
        count += 1
        if isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, dict):
            waiting.extend(here.values())
    return count
