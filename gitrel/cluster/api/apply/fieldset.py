"""Field sets: which fields of an object somebody owns, as paths, and the `fieldsV1` form of them.

A path is a tuple of elements as `fieldsV1` writes them: `f:name` for a field, `k:{"name":"web"}` for an
entry of a map-list, `v:"x"` for a member of a set. A set of fields is a frozenset of paths, so that union,
difference and intersection are Python's own. The rules of structured-merge-diff (`fieldpath`,
`typed/tofieldset.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from gitrel.cluster.api.apply.types import Type, key_of

FieldPath = tuple[str, ...]
FieldSet = frozenset[FieldPath]

EMPTY: FieldSet = frozenset()


def key_element(key: tuple[tuple[str, Any], ...]) -> str:
    return "k:" + orjson.dumps(dict(key), option=orjson.OPT_SORT_KEYS).decode()


def value_element(value: Any) -> str:
    return "v:" + orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


class NotAssociative(ValueError):
    """A list that should be a set or a map is none: an entry lacks its key, or comes twice."""


def elements_of(items: Iterable[Any], type_: Type) -> list[tuple[str, Any]]:
    """(path element, entry) of a set or map-list. Raises NotAssociative."""
    if type_.is_set:
        return [(value_element(item), item) for item in items]
    found = []
    for index, item in enumerate(items):
        key = key_of(item, type_)
        if key is None:
            missing = next(
                name for name in type_.list_keys if item.get(name) is None and name not in type_.key_defaults
            )
            raise NotAssociative(
                f"element {index}: associative list with keys has an element that omits key field "
                f'"{missing}" (and doesn\'t have default value)'
            )
        found.append((key_element(key), item))
    return found


def distinct_elements(items: Iterable[Any], type_: Type) -> dict[str, Any]:
    """The same, where none may come twice. Raises NotAssociative."""
    found: dict[str, Any] = {}
    for element, item in elements_of(items, type_):
        if element in found:
            raise NotAssociative(f"duplicate entries for key {shown_path((element,))}")
        found[element] = item
    return found


def fields_of(value: Any, type_: Type, at: FieldPath = ()) -> FieldSet:
    """Every field that `value` sets: leaves, empty maps, entries of lists and of maps."""
    found: set[FieldPath] = set()
    _collect(value, type_, at, found)
    return frozenset(found)


def whole(value: Any, type_: Type, at: FieldPath) -> FieldSet:
    """Of a value that comes or goes as a whole: also every struct, list and map on the way to its leaves."""
    leaves: set[FieldPath] = set()
    _collect(value, type_, at, leaves, empty_lists=True)
    found = frozenset(leaves)
    shortest = len(at)
    return found | {path[:length] for path in found for length in range(shortest, len(path))} | {at}


def _collect(
    value: Any, type_: Type, at: FieldPath, found: set[FieldPath], *, empty_lists: bool = False
) -> None:
    """`empty_lists` are told by comparing two states, and not by what a manager says (`typed/compare.go`)."""
    if not type_.splits(value):
        if at:
            found.add(at)
        return
    if isinstance(value, dict):
        for name, item in value.items():
            field = type_.field(name)
            if field is None:
                continue
            place = (*at, f"f:{name}")
            empty = item is None or item == {} or (empty_lists and item == [])
            if empty or not type_.declares(name):
                found.add(place)
            if item is not None:
                _collect(item, field, place, found, empty_lists=empty_lists)
        return
    try:
        elements = elements_of(value, type_)
    except NotAssociative:
        found.add(at)
        return
    for element, item in elements:
        place = (*at, element)
        found.add(place)
        if not type_.is_set:
            _collect(item, type_.element, place, found, empty_lists=empty_lists)


def named(fields: FieldSet, type_: Type) -> FieldSet:
    """With the structs that the fields stand in, where they are declared fields themselves
    (`Set.EnsureNamedFieldsAreMembers`).
    """
    found = set(fields)
    _add_named(fields, type_, (), found)
    return frozenset(found)


def _add_named(fields: Iterable[FieldPath], type_: Type, at: FieldPath, found: set[FieldPath]) -> None:
    deeper: dict[str, list[FieldPath]] = {}
    for path in fields:
        if len(path) > len(at) + 1:
            deeper.setdefault(path[len(at)], []).append(path)
    for element, below in deeper.items():
        is_field = element.startswith("f:")
        below_type = type_.field(element[2:]) if is_field else type_.element
        if is_field and type_.declares(element[2:]):
            found.add((*at, element))
        if below_type is not None:
            _add_named(below, below_type, (*at, element), found)


def to_fields_v1(fields: Iterable[FieldPath]) -> dict[str, Any]:
    """The trie that managedFields hold; a path that has children too is marked with `.`."""
    root: dict[str, Any] = {}
    for path in sorted(fields):
        node = root
        for element in path[:-1]:
            child = node.setdefault(element, {})
            node = child
        node.setdefault(path[-1], {})
    # Sorted order puts each path before its children, so a member with children is marked afterwards.
    for path in fields:
        node = root
        for element in path:
            node = node[element]
        if node:
            node["."] = {}
    return root


def from_fields_v1(tree: Mapping[str, Any], at: FieldPath = ()) -> FieldSet:
    found: set[FieldPath] = set()
    _read(tree, at, found)
    return frozenset(found)


def _read(tree: Mapping[str, Any], at: FieldPath, found: set[FieldPath]) -> None:
    for element, child in tree.items():
        if element == ".":
            found.add(at)
        elif child:
            _read(child, (*at, element), found)
        else:
            found.add((*at, element))


def shown_path(path: FieldPath) -> str:
    """For people: `.spec.containers[name="web"].image`, with members of sets as `[="x"]`."""
    text = ""
    for element in path:
        kind, rest = element[0], element[2:]
        if kind == "f":
            text += f".{rest}"
        elif kind == "v":
            text += f"[={rest}]"
        else:
            pairs = (f"{k}={orjson.dumps(v).decode()}" for k, v in orjson.loads(rest).items())
            text += f"[{','.join(pairs)}]"
    return text
