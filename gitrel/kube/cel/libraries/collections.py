"""Lists and sets: Kubernetes' own list library, `ext.Lists`, and `ext.Sets`."""

from __future__ import annotations

from functools import cmp_to_key
from itertools import pairwise
from typing import Any

from gitrel.kube.cel.library import TABLE, function, method
from gitrel.kube.cel.values import CelError, Optional, contains, equal

RANGE_MAX = 100_000


def before(one: Any, other: Any) -> bool:
    """Raises CelError for values that have no order."""
    return bool(TABLE.call("_<_", (one, other), method=False))


def _compared(one: Any, other: Any) -> int:
    return -1 if before(one, other) else 1 if before(other, one) else 0


@method("isSorted", "list(T) -> bool")
def is_sorted(items: list[Any]) -> bool:
    return not any(before(b, a) for a, b in pairwise(items))


@method("sum", "list(T) -> T")
def sum_(items: list[Any]) -> Any:
    total: Any = items[0] if items else 0
    for item in items[1:]:
        total = TABLE.call("_+_", (total, item), method=False)
    return total


@method("min", "list(T) -> T")
def min_(items: list[Any]) -> Any:
    if not items:
        raise CelError("min called on empty list")
    return sorted(items, key=cmp_to_key(_compared))[0]


@method("max", "list(T) -> T")
def max_(items: list[Any]) -> Any:
    if not items:
        raise CelError("max called on empty list")
    return sorted(items, key=cmp_to_key(_compared))[-1]


@method("indexOf", "list(T) T -> int")
def index_of(items: list[Any], wanted: Any) -> int:
    return next((place for place, item in enumerate(items) if equal(item, wanted)), -1)


@method("lastIndexOf", "list(T) T -> int")
def last_index_of(items: list[Any], wanted: Any) -> int:
    return next((place for place in reversed(range(len(items))) if equal(items[place], wanted)), -1)


@method("slice", "list(T) int int -> list(T)")
def slice_(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0 or start > end or end > len(items):
        raise CelError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


@method("distinct", "list(T) -> list(T)")
def distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if not contains(found, item):
            found.append(item)
    return found


@method("reverse", "list(T) -> list(T)")
def reverse(items: list[Any]) -> list[Any]:
    return items[::-1]


@method("sort", "list(T) -> list(T)")
def sort(items: list[Any]) -> list[Any]:
    return sorted(items, key=cmp_to_key(_compared))


@method("flatten", "list(T) -> list(dyn)", "list(T) int -> list(dyn)")
def flatten(items: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise CelError("level must be non-negative")
    found: list[Any] = []
    for item in items:
        if isinstance(item, list) and depth > 0:
            found += flatten(item, depth - 1)
        else:
            found.append(item)
    return found


@method("first", "list(T) -> optional(T)")
def first(items: list[Any]) -> Optional:
    return Optional(items[0], present=True) if items else Optional()


@method("last", "list(T) -> optional(T)")
def last(items: list[Any]) -> Optional:
    return Optional(items[-1], present=True) if items else Optional()


@function("lists.range", "int -> list(int)")
def range_(size: int) -> list[int]:
    if size > RANGE_MAX:
        raise CelError(f"lists.range: size {size} exceeds maximum allowed size of {RANGE_MAX}")
    return list(range(size))


@function("sets.contains", "list(T) list(T) -> bool")
def sets_contains(items: list[Any], wanted: list[Any]) -> bool:
    return all(contains(items, item) for item in wanted)


@function("sets.equivalent", "list(T) list(T) -> bool")
def sets_equivalent(one: list[Any], other: list[Any]) -> bool:
    return sets_contains(one, other) and sets_contains(other, one)


@function("sets.intersects", "list(T) list(T) -> bool")
def sets_intersects(one: list[Any], other: list[Any]) -> bool:
    return any(contains(other, item) for item in one)
