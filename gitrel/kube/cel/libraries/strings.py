"""Texts: the standard's tests, and the extended library that Kubernetes turns on (`ext.Strings`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from gitrel.kube import regexfind
from gitrel.kube.cel.libraries.standard import double_text, duration_text, timestamp_text, to_string
from gitrel.kube.cel.library import both, function, method
from gitrel.kube.cel.values import CelError, TypeValue
from gitrel.kube.regex import BadPattern, compiled

_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_ASCII_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
TEXT_MAX = 1 << 20
"""Characters that a function may make of others."""


@method("startsWith", "string string -> bool")
def starts_with(text: str, start: str) -> bool:
    return text.startswith(start)


@method("endsWith", "string string -> bool")
def ends_with(text: str, end: str) -> bool:
    return text.endswith(end)


@method("contains", "string string -> bool")
def contains(text: str, part: str) -> bool:
    return part in text


@both("matches", "string string -> bool")
def matches(text: str, pattern: str) -> bool:
    try:
        return compiled(pattern)(text)
    except BadPattern as wrong:
        raise CelError(str(wrong)) from None


@method("find", "string string -> string")
def find(text: str, pattern: str) -> str:
    """The leftmost match; empty where there is none (apiserver `pkg/cel/library/regex.go`)."""
    try:
        found = regexfind.search(pattern, text) if matches(text, pattern) else None
    except BadPattern as wrong:
        raise CelError(str(wrong)) from None
    return text[found[0] : found[1]] if found else ""


@method("findAll", "string string -> list(string)", "string string int -> list(string)")
def find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    try:
        return regexfind.find_all(pattern, text, limit) if matches(text, pattern) else []
    except BadPattern as wrong:
        raise CelError(str(wrong)) from None


@function("jsonpatch.escapeKey", "string -> string")
def escape_key(text: str) -> str:
    """A key as it stands in the path of a JSON patch (RFC 6901)."""
    return text.replace("~", "~0").replace("/", "~1")


@method("charAt", "string int -> string")
def char_at(text: str, place: int) -> str:
    _check_index(place, text)
    return text[place : place + 1]


def _check_index(place: int, text: Any) -> None:
    if not 0 <= place <= len(text):
        raise CelError(f"index out of range: {place}")


@method("indexOf", "string string -> int", "string string int -> int")
def index_of(text: str, part: str, start: int = 0) -> int:
    _check_index(start, text)
    return text.find(part, start)


@method("lastIndexOf", "string string -> int", "string string int -> int")
def last_index_of(text: str, part: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(part)
    _check_index(start, text)
    return text.rfind(part, 0, start + len(part))


@method("lowerAscii", "string -> string")
def lower_ascii(text: str) -> str:
    return text.translate(_ASCII_LOWER)


@method("upperAscii", "string -> string")
def upper_ascii(text: str) -> str:
    return text.translate(_ASCII_UPPER)


@method("trim", "string -> string")
def trim(text: str) -> str:
    return text.strip()


@method("reverse", "string -> string")
def reverse(text: str) -> str:
    return text[::-1]


@method("replace", "string string string -> string", "string string string int -> string")
def replace(text: str, old: str, new: str, count: int = -1) -> str:
    found = text.count(old) if count < 0 else min(count, text.count(old))
    if len(text) + found * (len(new) - len(old)) > TEXT_MAX:
        raise CelError("the text becomes too long")
    return text.replace(old, new, count if count >= 0 else -1)


@method("split", "string string -> list(string)", "string string int -> list(string)")
def split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        letters = list(text)
        rest = "".join(letters[limit - 1 :])
        return letters if limit < 0 else [*letters[: limit - 1], *([rest] if rest else [])]
    return text.split(separator, limit - 1 if limit > 0 else -1)


@method("substring", "string int -> string", "string int int -> string")
def substring(text: str, start: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    _check_index(start, text)
    _check_index(end, text)
    if start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    return text[start:end]


@method("join", "list(string) -> string", "list(string) string -> string")
def join(parts: list[Any], separator: str = "") -> str:
    if not all(isinstance(part, str) for part in parts):
        raise CelError("no such overload")
    if sum(map(len, parts)) + len(parts) * len(separator) > TEXT_MAX:
        raise CelError("the text becomes too long")
    return separator.join(parts)


@function("strings.quote", "string -> string")
def quote(text: str) -> str:
    special = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
               "\v": "\\v", "\\": "\\\\", '"': '\\"'}  # fmt: skip
    return '"' + "".join(special.get(letter, letter) for letter in text) + '"'


# --- format -----------------------------------------------------------------------------------------------


@method("format", "string list(dyn) -> string")
def format_(text: str, args: list[Any]) -> str:
    """`%s %d %f %e %b %o %x %X %%`, with a precision for `f` and `e`."""
    made, place, rest = [], 0, text
    while rest:
        before, found, rest = rest.partition("%")
        made.append(before)
        if not found:
            break
        if rest.startswith("%"):
            made.append("%")
            rest = rest[1:]
            continue
        digits = ""
        if rest.startswith("."):
            digits = rest[1 : 1 + len(rest[1:]) - len(rest[1:].lstrip("0123456789"))]
            rest = rest[1 + len(digits) :]
        if not rest or rest[0] not in _VERBS or len(digits) > 3:
            raise CelError(f'could not parse formatting clause: unrecognized formatting clause "{rest[:1]}"')
        if place >= len(args):
            raise CelError(f"index {place} out of range")
        made.append(_VERBS[rest[0]](args[place], int(digits or 6)))
        place, rest = place + 1, rest[1:]
    return "".join(made)


def _shown(value: Any, precision: int = 6) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        rows = sorted((_shown(key), _shown(item)) for key, item in value.items())
        return "{" + ", ".join(f"{key}: {item}" for key, item in rows) + "}"
    if value is None:
        return "null"
    if isinstance(value, TypeValue):
        return value.name
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, float):
        return double_text(value)
    return to_string(value)


def _integer(value: Any, spec: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise CelError("error during formatting: integer clause can only be used on integers")
    return format(int(value), spec)


def _hexadecimal(value: Any, spec: str) -> str:
    if isinstance(value, (str, bytes)):
        raw = value.encode() if isinstance(value, str) else value
        return raw.hex() if spec == "x" else raw.hex().upper()
    return _integer(value, spec)


def _fixed(value: Any, precision: int, spec: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CelError("error during formatting: fixed-point clause can only be used on doubles")
    return format(float(value), f".{precision}{spec}")


_VERBS: dict[str, Callable[[Any, int], str]] = {
    "s": _shown,
    "d": lambda value, _: _integer(value, "d"),
    "b": lambda value, _: str(int(value)) if isinstance(value, bool) else _integer(value, "b"),
    "o": lambda value, _: _integer(value, "o"),
    "x": lambda value, _: _hexadecimal(value, "x"),
    "X": lambda value, _: _hexadecimal(value, "X"),
    "f": lambda value, precision: _fixed(value, precision, "f"),
    "e": lambda value, precision: _fixed(value, precision, "e"),
}
