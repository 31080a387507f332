"""What a schema does to an object before anybody looks at it: unknown fields go, defaults come.

The rules of apiextensions `pkg/apiserver/schema/{pruning,defaulting}`. Nothing is edited in place, what stays
as it is is shared, and doing either twice changes nothing more.
"""

from __future__ import annotations

from typing import Any

from gitrel.cluster.api.crds.structure import MISSING, Node

_IDENTITY = frozenset(("apiVersion", "kind", "metadata"))
"""Of a whole object: never pruned, known without being specified."""


def pruned(value: Any, node: Node, unknown: list[str] | None = None, *, root: bool = False) -> Any:
    """`value` without what the schema does not specify; the paths of what went are added to `unknown`."""
    return _pruned(value, node, "", [] if unknown is None else unknown, root=root)


def _pruned(value: Any, node: Node, path: str, unknown: list[str], *, root: bool = False) -> Any:
    if isinstance(value, dict):
        return _pruned_object(value, node, path, unknown, root=root)
    if isinstance(value, list) and node.items is not None:
        new = [_pruned(item, node.items, f"{path}[{i}]", unknown) for i, item in enumerate(value)]
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    return value


def _pruned_object(
    value: dict[str, Any], node: Node, path: str, unknown: list[str], *, root: bool
) -> dict[str, Any]:
    new: dict[str, Any] = {}
    known = _IDENTITY if root or node.embedded else frozenset()
    keeps = node.preserve or node.open
    changed = False
    for key, item in value.items():
        place = f"{path}.{key}" if path else key
        child = None if key in known else node.child(key)
        if child is not None:
            kept = _pruned(item, child, place, unknown)
            changed = changed or kept is not item
            new[key] = kept
        elif keeps or key in known:
            new[key] = item
        else:
            unknown.append(place)
            changed = True
    return new if changed else value


def without_nulls(value: Any, node: Node) -> Any:
    """`value` without nulls that mean nothing: where the schema allows none and has no default for them."""
    if isinstance(value, dict):
        new = {}
        for key, item in value.items():
            child = node.child(key)
            if child is not None and item is None and not child.nullable and child.default is MISSING:
                continue
            new[key] = item if child is None else without_nulls(item, child)
        return value if len(new) == len(value) and all(new[k] is value[k] for k in new) else new
    if isinstance(value, list) and node.items is not None:
        items = node.items
        kept = [without_nulls(item, items) for item in value]
        return value if all(a is b for a, b in zip(kept, value, strict=True)) else kept
    return value


def defaulted(value: Any, node: Node) -> Any:
    """`value` with every default that it lacks; a null where none is allowed is as if it were missing."""
    if isinstance(value, dict):
        return _defaulted_object(value, node)
    if isinstance(value, list) and node.items is not None:
        items = node.items
        new = [defaulted(_or_default(item, items), items) for item in value]
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    return value


def _defaulted_object(value: dict[str, Any], node: Node) -> dict[str, Any]:
    new: dict[str, Any] = {}
    changed = False
    for key, item in value.items():
        child = node.child(key)
        if child is None:
            new[key] = item
            continue
        kept = defaulted(_or_default(item, child), child)
        changed = changed or kept is not item
        new[key] = kept
    for key, child in node.properties.items():
        if child.default is not MISSING and key not in new:
            new[key] = defaulted(child.default, child)
            changed = True
    return new if changed else value


def _or_default(item: Any, node: Node) -> Any:
    return node.default if item is None and not node.nullable and node.default is not MISSING else item
