"""CEL's types, as far as a check before evaluation needs them.

`dyn` is anything; a single upper-case letter is a variable that one call binds. Object types name their
fields through a function, so that large schemas are looked into only where an expression does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache


@dataclass(frozen=True, slots=True)
class Type:
    name: str
    params: tuple[Type, ...] = ()
    fields: Callable[[str], Type | None] | None = field(default=None, compare=False)
    """Of an object: the type of a field, None where there is none such."""

    def __str__(self) -> str:
        if self.name == "optional":
            return f"optional_type({self.params[0]})"
        return f"{self.name}({', '.join(map(str, self.params))})" if self.params else self.name

    @property
    def is_variable(self) -> bool:
        return len(self.name) == 1


DYN = Type("dyn")
BOOL = Type("bool")
INT = Type("int")
UINT = Type("uint")
DOUBLE = Type("double")
STRING = Type("string")
BYTES = Type("bytes")
NULL = Type("null_type")
TIMESTAMP = Type("google.protobuf.Timestamp")
DURATION = Type("google.protobuf.Duration")
_SHORT = {"timestamp": TIMESTAMP, "duration": DURATION, "null": NULL}


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    return Type("optional", (value,))


@cache
def named(text: str) -> Type:
    """`map(string, list(T))` → a type."""
    text = text.strip()
    head, found, rest = text.partition("(")
    if not found:
        return _SHORT.get(text) or Type(text)
    return Type(head, tuple(named(part) for part in _split(rest[:-1])))


def _split(text: str) -> list[str]:
    parts, level, start = [], 0, 0
    for place, letter in enumerate(text):
        level += (letter == "(") - (letter == ")")
        if letter == "," and not level:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


Bindings = dict[str, Type]


def fits(wanted: Type, given: Type, bound: Bindings) -> bool:
    """Whether a value of `given` may stand where `wanted` is asked for; binds the variables of `wanted`."""
    if wanted.is_variable:
        known = bound.get(wanted.name)
        if known is None or known.name == "dyn":
            bound[wanted.name] = given
            return True
        return given.name == "dyn" or fits(known, given, bound)
    if "dyn" in (wanted.name, given.name) or given.is_variable:
        return True
    if given == NULL:
        return wanted == NULL or wanted.fields is not None or "." in wanted.name or wanted.name == "optional"
    if wanted.name != given.name or len(wanted.params) != len(given.params):
        return False
    return all(fits(one, other, bound) for one, other in zip(wanted.params, given.params, strict=True))


def resolved(type_: Type, bound: Bindings) -> Type:
    """With its variables filled in; what is still open is dyn."""
    if type_.is_variable:
        return bound.get(type_.name, DYN)
    if not type_.params:
        return type_
    return Type(type_.name, tuple(resolved(param, bound) for param in type_.params), type_.fields)


def joined(types: Sequence[Type]) -> Type:
    """One type for the elements of a literal; dyn where they differ."""
    if not types:
        return NOTHING
    found = types[0]
    for other in types[1:]:
        found = _common(found, other)
    return found


NOTHING = Type("_")
"""Of the elements of an empty literal: whatever the others are."""


def _common(one: Type, other: Type) -> Type:
    if one == other or other == NOTHING:
        return one
    if one == NOTHING:
        return other
    if one.name != other.name or len(one.params) != len(other.params) or not one.params:
        return DYN
    pairs = zip(one.params, other.params, strict=True)
    params = tuple(_common(left, right) for left, right in pairs)
    return (
        DYN
        if DYN in params and params not in (one.params, other.params)
        else Type(one.name, params, one.fields)
    )
