"""Operators on numbers, texts, lists and instants, as overloads of their own names (`_+_`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from gitrel.kube.cel.library import function
from gitrel.kube.cel.tree import UInt
from gitrel.kube.cel.values import (
    CelError,
    MapList,
    SetList,
    contains,
    equal,
    int_in_range,
    key_in,
    uint_in_range,
)


def _ranged(left: Any, result: Any) -> Any:
    if isinstance(left, UInt):
        return uint_in_range(result)
    return int_in_range(result) if isinstance(left, int) else result


_NUMBERS = ("int int -> int", "uint uint -> uint", "double double -> double")


@function("_+_", *_NUMBERS, "string string -> string", "bytes bytes -> bytes")
def plus(left: Any, right: Any) -> Any:
    return _ranged(left, int(left) + int(right)) if isinstance(left, int) else left + right


@function(
    "_+_", "timestamp duration -> timestamp", "duration timestamp -> timestamp",
    "duration duration -> duration",
)  # fmt: skip
def later(left: Any, right: Any) -> Any:
    return _in_time(lambda: left + right)


def _in_time(sum_: Callable[[], datetime | timedelta]) -> datetime | timedelta:
    try:
        return sum_()
    except OverflowError:
        raise CelError("timestamp overflow") from None


@function("_+_", "list(T) list(T) -> list(T)")
def joined(left: list[Any], right: list[Any]) -> list[Any]:
    """Sets become one set; of a map's entries those on the right win (KEP-2876)."""
    if isinstance(left, SetList):
        return SetList([*left, *(item for item in right if not contains(left, item))])
    if isinstance(left, MapList):
        replaced = {key_in(item, left.keys): item for item in right}
        kept = [replaced.pop(key_in(item, left.keys), item) for item in left]
        new = MapList([*kept, *replaced.values()])
        new.keys = left.keys
        return new
    return [*left, *right]


@function("_-_", *_NUMBERS)
def minus(left: Any, right: Any) -> Any:
    return _ranged(left, int(left) - int(right)) if isinstance(left, int) else left - right


@function(
    "_-_", "timestamp timestamp -> duration", "timestamp duration -> timestamp",
    "duration duration -> duration",
)  # fmt: skip
def earlier(left: Any, right: Any) -> Any:
    return _in_time(lambda: left - right)


@function("_*_", *_NUMBERS)
def times(left: Any, right: Any) -> Any:
    return _ranged(left, int(left) * int(right)) if isinstance(left, int) else left * right


@function("_/_", *_NUMBERS)
def divided(left: Any, right: Any) -> Any:
    """Whole numbers are cut towards zero."""
    if not isinstance(left, int):
        return left / right if right else _by_zero(left, right)
    if right == 0:
        raise CelError("division by zero")
    quotient = abs(int(left)) // abs(int(right))
    return _ranged(left, quotient if (left < 0) == (right < 0) else -quotient)


def _by_zero(left: float, right: float) -> float:
    """As floating point has it."""
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


@function("_%_", "int int -> int", "uint uint -> uint")
def modulo(left: Any, right: Any) -> Any:
    if right == 0:
        raise CelError("modulus by zero")
    return _ranged(left, int(math.fmod(left, right)) if abs(left) < 2**53 else _whole_modulo(left, right))


def _whole_modulo(left: int, right: int) -> int:
    rest = abs(int(left)) % abs(int(right))
    return rest if left >= 0 else -rest


@function("-_", "int -> int", "double -> double")
def negative(value: Any) -> Any:
    return int_in_range(-value) if isinstance(value, int) else -value


@function("!_", "bool -> bool")
def negated(value: bool) -> bool:
    return not value


_ORDERED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_MIXED = [f"{a} {b}" for a in ("int", "uint", "double") for b in ("int", "uint", "double") if a != b]
_COMPARABLE = [f"{pair} -> bool" for pair in (*(f"{name} {name}" for name in _ORDERED), *_MIXED)]


@function("_<_", *_COMPARABLE)
def less(left: Any, right: Any) -> bool:
    return bool(left < right)


@function("_<=_", *_COMPARABLE)
def less_or_equal(left: Any, right: Any) -> bool:
    return bool(left <= right)


@function("_>_", *_COMPARABLE)
def greater(left: Any, right: Any) -> bool:
    return bool(left > right)


@function("_>=_", *_COMPARABLE)
def greater_or_equal(left: Any, right: Any) -> bool:
    return bool(left >= right)


@function("_==_", "T T -> bool")
def equals(left: Any, right: Any) -> bool:
    return equal(left, right)


@function("_!=_", "T T -> bool")
def differs(left: Any, right: Any) -> bool:
    return not equal(left, right)


@function("@in", "T list(T) -> bool")
def is_in(item: Any, items: list[Any]) -> bool:
    return contains(items, item)


@function("@in", "K map(K,V) -> bool")
def is_key(key: Any, entries: dict[Any, Any]) -> bool:
    return key in entries if isinstance(key, (str, int, float)) else False
