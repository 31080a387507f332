"""CEL's values: Python's own where they mean the same, and a few classes where they do not.

int, float, str, bytes, bool, None, list, dict, datetime (timestamp) and timedelta (duration) stand for
themselves; `UInt` is in `syntax`. Equality is CEL's: numbers compare across types, true is not 1, and the
order of a list that is a set does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitrel.kube.cel.tree import UInt

INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class CelError(Exception):
    """An evaluation that went wrong, such as `no such key: x`; `&&` and `||` may make up for it."""


class OverBudget(Exception):
    """Out of steps; nothing makes up for it."""


class SetList(list[Any]):
    """A list that is a set (`x-kubernetes-list-type: set`)."""


class MapList(list[Any]):
    """A list that is a map by some of its entries' fields (`x-kubernetes-list-type: map`)."""

    keys: Sequence[str] = ()


class Lazy(dict[str, Any]):
    """An object whose fields are worked out when they are asked for, and then kept."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__()
        self._makers = makers

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __missing__(self, name: str) -> Any:
        self[name] = found = self._makers[name]()
        return found


class StructValue(dict[str, Any]):
    """A value of a named type, such as `Object.spec{…}`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.cel_type = name


@dataclass(frozen=True, slots=True)
class Optional:
    """`optional.of(value)`, or `optional.none()` where nothing is present."""

    value: Any = None
    present: bool = False


NONE = Optional()


@dataclass(frozen=True, slots=True)
class TypeValue:
    """What `type(x)` gives."""

    name: str


_KINDS: Mapping[type, str] = {
    bool: "bool", int: "int", UInt: "uint", float: "double", str: "string", bytes: "bytes",
    type(None): "null_type", list: "list", SetList: "list", MapList: "list", dict: "map", Lazy: "map",
    datetime: "google.protobuf.Timestamp", timedelta: "google.protobuf.Duration", Optional: "optional",
    TypeValue: "type",
}  # fmt: skip


def kind_of(value: Any) -> str:
    """The name of a value's type; opaque ones bring their own as `cel_type`."""
    found = _KINDS.get(type(value))
    return found if found is not None else str(getattr(value, "cel_type", "dyn"))


_NUMBERS = (int, float)


def equal(one: Any, other: Any) -> bool:
    kind = type(one)
    if kind is type(other) and kind in (str, int, float, bool, bytes):
        return bool(one == other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, _NUMBERS) and isinstance(other, _NUMBERS):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return _equal_lists(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(
            key in other and equal(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, Optional) and isinstance(other, Optional):
        return one.present == other.present and equal(one.value, other.value)
    return kind_of(one) == kind_of(other) and bool(one == other)


def _equal_lists(one: list[Any], other: list[Any]) -> bool:
    if len(one) != len(other):
        return False
    if isinstance(one, SetList) or isinstance(other, SetList):
        return all(contains(other, item) for item in one)
    if isinstance(one, MapList) and one.keys:
        known = {key_in(item, one.keys): item for item in other}
        return all((key := key_in(item, one.keys)) in known and equal(item, known[key]) for item in one)
    return all(equal(a, b) for a, b in zip(one, other, strict=True))


def contains(items: Sequence[Any], wanted: Any) -> bool:
    return any(equal(item, wanted) for item in items)


def key_in(item: Any, keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(item.get(key) for key in keys) if isinstance(item, dict) else (id(item),)


def size_of(value: Any) -> int:
    """How much there is to look at, for counting steps."""
    if isinstance(value, (str, bytes, list, dict)):
        return len(value)
    return 1


def int_in_range(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise CelError("integer overflow")
    return value


def uint_in_range(value: int) -> UInt:
    if not 0 <= value < 2**64:
        raise CelError("unsigned integer overflow")
    return UInt(value)


def json_names(name: str) -> str:
    """A field as an expression spells it → its name: `a__dash__b` is `a-b` (KEP-2876)."""
    if "__" not in name:
        return name
    for spelt, letter in (("__dot__", "."), ("__dash__", "-"), ("__slash__", "/")):
        name = name.replace(spelt, letter)
    if name.startswith("__") and name.endswith("__") and name[2:-2] in KEYWORDS:
        return name[2:-2]
    return name.replace("__underscores__", "__")


KEYWORDS = frozenset(
    ("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if",
     "import", "let", "loop", "package", "namespace", "return", "var", "void", "while")
)  # fmt: skip
