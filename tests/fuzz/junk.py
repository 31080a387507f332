"""Values that nobody should send, and small changes that spoil good ones. Pure: all chance is handed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

JUNK: Sequence[Any] = (
    None, "", " ", "a", "A", "..", "-", "x" * 300, "\x00", "é", "💥", "a/b", "a/b/c", "a.b/c", "default",
    True, False, 0, 1, -1, 65536, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63), 1e308, 0.5, -0.0,
    "0", "1", "-1", "10%", "-5%", "101%", "1Gi", "1e3", "0.1m", "1E400", "9" * 40, "nan", "Infinity",
    "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "*/5 * * * *", "* * 31 2 *",
    "@every 1s", "10.0.0.1", "::1", "300.1.1.1", "10.0.0.0/8", "fd00::/200", "https://x", "(", "a b", "$(",
    [], {}, [None], [[]], [{}], [""], [0], {"": None}, {"a": None}, {"a": {}}, {"a": "b"}, {"name": "a"},
    [{"name": "a"}], [{"name": "a"}, {"name": "a"}], {"matchLabels": {}}, {"$patch": "delete"},
    [{"$patch": "replace"}], {"$retainKeys": ["a"]}, {"$setElementOrder/containers": [{"name": "a"}]},
)  # fmt: skip


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside."""
    found = [above] if above else []
    if isinstance(value, Mapping):
        for key, item in value.items():
            found += places(item, (*above, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*above, index))
    return found


def at(value: Any, path: Sequence[Any]) -> Any:
    for step in path:
        value = value[step]
    return value


def changed(value: Any, path: Sequence[Any], new: Any) -> Any:
    """A copy with `new` at `path`."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


def without(value: Any, path: Sequence[Any]) -> Any:
    above = at(value, path[:-1])
    if isinstance(above, Mapping):
        rest: Any = {key: item for key, item in above.items() if key != path[-1]}
    else:
        rest = [item for index, item in enumerate(above) if index != path[-1]]
    return changed(value, path[:-1], rest)


def spoiled(value: Any, chance: Random) -> Any:
    """`value` with one thing about it changed."""
    found = places(value)
    if not found:
        return chance.choice(JUNK)
    path = chance.choice(found)
    match chance.randrange(6):
        case 0:
            return without(value, path)
        case 1:
            return changed(value, path, at(value, chance.choice(found)))
        case 2:
            inner = at(value, path)
            twice = [*inner, *inner[-1:]] if isinstance(inner, list) else [inner, inner]
            return changed(value, path, twice)
        case 3:
            inner = at(value, path)
            key = chance.choice(("x", "", "name", "$patch", "spec", "a/b"))
            more = {**inner, key: chance.choice(JUNK)} if isinstance(inner, Mapping) else {key: inner}
            return changed(value, path, more)
        case _:
            return changed(value, path, chance.choice(JUNK))
