"""Conversions between types, sizes, and what types are called."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from gitrel.kube.cel.library import both, function
from gitrel.kube.cel.tree import UInt
from gitrel.kube.cel.values import (
    INT_MAX,
    INT_MIN,
    CelError,
    TypeValue,
    int_in_range,
    kind_of,
    uint_in_range,
)

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII
)


@both("size", "string -> int", "bytes -> int", "list(T) -> int", "map(K,V) -> int")
def size(value: Any) -> int:
    return len(value)


@function("dyn", "T -> dyn")
def dyn(value: Any) -> Any:
    return value


@function("type", "T -> type")
def type_of(value: Any) -> TypeValue:
    return value_type(kind_of(value))


def value_type(name: str) -> TypeValue:
    return TypeValue(name)


@function("int", "int -> int", "uint -> int", "double -> int", "string -> int", "timestamp -> int")
def to_int(value: Any) -> int:
    if isinstance(value, float):
        if not INT_MIN < value < INT_MAX:
            raise CelError("integer overflow")
        return int(value)
    if isinstance(value, str):
        if not re.match(r"[+-]?\d+\Z", value, re.ASCII):
            raise CelError(f'strconv.ParseInt: parsing "{value}": invalid syntax')
        return int_in_range(int(value))
    if isinstance(value, datetime):
        return int(value.timestamp())
    return int_in_range(int(value))


@function("uint", "uint -> uint", "int -> uint", "double -> uint", "string -> uint")
def to_uint(value: Any) -> UInt:
    if isinstance(value, str) and not re.match(r"\d+\Z", value, re.ASCII):
        raise CelError(f'strconv.ParseUint: parsing "{value}": invalid syntax')
    if isinstance(value, float) and not 0 <= value < 2**64:
        raise CelError("unsigned integer overflow")
    return uint_in_range(int(value))


@function("double", "double -> double", "int -> double", "uint -> double", "string -> double")
def to_double(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        raise CelError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from None


@function("bool", "bool -> bool", "string -> bool")
def to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value not in _TRUE and value not in _FALSE:
        raise CelError(f'strconv.ParseBool: parsing "{value}": invalid syntax')
    return value in _TRUE


_TRUE = frozenset(("1", "t", "T", "true", "True", "TRUE"))
_FALSE = frozenset(("0", "f", "F", "false", "False", "FALSE"))


@function("bytes", "bytes -> bytes", "string -> bytes")
def to_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


@function(
    "string", "string -> string", "int -> string", "uint -> string", "double -> string", "bool -> string",
    "bytes -> string", "timestamp -> string", "duration -> string",
)  # fmt: skip
def to_string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise CelError("invalid UTF-8 in bytes, cannot convert to string") from None
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    return str(value)


def double_text(value: float) -> str:
    """As Go's shortest form: `1`, `1.5`, `1e+21`."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
    text = repr(value)
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa.removesuffix('.0')}e{exponent[0]}{exponent[1:].zfill(2)}"
    return text.removesuffix(".0")


def timestamp_text(value: datetime) -> str:
    text = value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
    return text.rstrip("0").removesuffix(".") + "Z"


def duration_text(value: timedelta) -> str:
    return double_text(value / timedelta(seconds=1)) + "s"


@function("duration", "duration -> duration", "string -> duration")
def to_duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    text = value.lstrip("+-")
    if text == "0":
        return timedelta()
    if not text or len(value) - len(text) > 1 or _DURATION.sub("", text):
        raise CelError(f'time: invalid duration "{value}"')
    seconds = sum(float(amount) * _SECONDS[unit] for amount, unit in _DURATION.findall(text))
    if seconds > 9_223_372_036:
        raise CelError(f'time: invalid duration "{value}"')
    return timedelta(seconds=-seconds if value.startswith("-") else seconds)


@function("timestamp", "timestamp -> timestamp", "string -> timestamp", "int -> timestamp")
def to_timestamp(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, int):
            return datetime.fromtimestamp(value, UTC)
        found = _TIMESTAMP.match(value)
        if found is None:
            raise ValueError
        day, clock, fraction, zone = found.groups()
        zone = "+00:00" if zone in "Zz" else zone
        return datetime.fromisoformat(
            f"{day}T{clock}.{(fraction or '0')[:6].ljust(6, '0')}{zone}"
        ).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise CelError(f"invalid timestamp: {value!r}") from None
