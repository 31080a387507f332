"""Who makes an object owns all of it: the `fieldsV1` of that, in one walk over the value.

The same as comparing nothing with the object and writing down what was added (`merging.compared`,
`fieldset.to_fields_v1`), without the set of paths in between: every creation by a stranger needs it. And as
which fields an object has is nearly always what another one had too, each tree is built once and shared.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.apply.fieldset import NotAssociative, elements_of
from gitrel.cluster.api.apply.types import Type

Tree = Mapping[str, Any]
"""`fieldsV1`: path element → what is owned below it; `.` tells that the place itself is owned too."""

LEAF: Tree = {}


def made(value: Any, type_: Type) -> Tree | None:
    """What is owned by whoever fills a struct or list that is there in any case: what stands in it, and
    not the place itself. `LEAF` where it can only be owned as one; None where nothing stands in it."""
    if not value:
        return None
    if not type_.splits(value):
        return LEAF
    if not isinstance(value, dict):
        return _entries(value, type_, whole=False)
    always = type_.always if type_.shape == "struct" else LEAF
    below: list[Tree | None] = []
    for name, item in value.items():
        if name in always:
            below.append(made(item, type_.fields[name]))
        else:
            below.append(_below(item, type_.field(name)) or LEAF)
    return _struct(value, below, type_, whole=False)


def _whole(value: Any, type_: Type) -> Tree | None:
    """What is owned of a value that comes as a whole, with its place. None where the type knows nothing
    that stands in it, so that the place counts only if it does by itself."""
    if not type_.splits(value):
        return LEAF
    if not isinstance(value, dict):
        return _entries(value, type_, whole=True) if value else None
    below = [
        _below(item, type_.field(name)) if isinstance(item, (dict, list)) else LEAF
        for name, item in value.items()
    ]
    return _struct(value, below, type_, whole=True)


def _below(item: Any, field: Type | None) -> Tree | None:
    """Of one field. Scalars, and what is empty, are owned as they are."""
    return _whole(item, field) if item and field is not None and isinstance(item, (dict, list)) else LEAF


def _struct(
    names: Mapping[str, Any], below: Sequence[Tree | None], type_: Type, *, whole: bool
) -> Tree | None:
    """The tree over what is `below` each of the fields; None where none of them is known."""

    def build() -> Tree | None:
        tree: dict[str, Tree] = {}
        for name, found in zip(names, below, strict=True):
            if type_.field(name) is None:
                continue
            if found is None and whole and not type_.declares(name):
                found = LEAF  # an entry of a map counts by itself
            if found is not None:
                tree[f"f:{name}"] = found
        return _in_order(tree, whole=whole) if tree else None

    return _shared((id(type_), whole, *names, *map(id, below)), type_, build)


def _entries(items: Any, type_: Type, *, whole: bool) -> Tree:
    """Of a set or a map-list; `LEAF` of a list that should be one and is none. Where two entries have one
    key, both count in a list that comes as a whole, and else the last."""
    try:
        elements = elements_of(items, type_)
    except NotAssociative:
        return LEAF
    tree: dict[str, Tree] = {}
    for element, item in elements:
        below = LEAF if type_.is_set else _whole(item, type_.element) or LEAF
        tree[element] = _united(tree[element], below) if whole and element in tree else below
    key: tuple[int | str, ...] = (id(type_), whole, *tree, *map(id, tree.values()))
    return _shared(key, type_, lambda: _in_order(tree, whole=whole)) or LEAF


def _united(one: Tree, other: Tree) -> Tree:
    names = {*one, *other} - {"."}
    tree = {name: _united(one.get(name, LEAF), other.get(name, LEAF)) for name in names}
    return _in_order(tree, whole=True) if tree else LEAF


def _in_order(tree: Mapping[str, Tree], *, whole: bool) -> Tree:
    """By their elements; the mark for the place itself comes last."""
    new = {element: tree[element] for element in sorted(tree)}
    return new | {".": LEAF} if whole else new


_trees: OrderedDict[tuple[int | str, ...], tuple[Type, Tree | None]] = OrderedDict()
_TREES_MAX = 4096


def _shared(key: tuple[int | str, ...], type_: Type, build: Callable[[], Tree | None]) -> Tree | None:
    """What was built under that key, or is now.

    Trees are built from below, so that what is below equal ones is identical. The entry holds what its key
    names: the type, and in the tree what is below; so no id in it is that of anything else.
    """
    known = _trees.get(key)
    if known is None:
        known = _trees[key] = type_, build()
        if len(_trees) > _TREES_MAX:
            _trees.popitem(last=False)
    return known[1]
