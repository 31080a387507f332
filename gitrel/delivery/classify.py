"""What sort of change it is: the words by which a reviewer sees where to look first.

A change has every sort that fits it; `replicas` stands alone only where nothing but a count changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from gitrel.delivery.immutable import is_immutable
from gitrel.delivery.written import comparable
from gitrel.kube.identity import ref_of

Sort = Literal["deletes", "immutable", "crd", "rbac", "image", "configuration", "replicas", "other"]
SORTS: Mapping[Sort, str] = {
    "deletes": "removes an object",
    "immutable": "changes a field that the API server refuses to change",
    "crd": "changes a custom resource definition",
    "rbac": "changes who may do what",
    "image": "runs another image",
    "configuration": "changes configuration that containers read",
    "replicas": "changes how many pods run",
    "other": "changes something else",
}
"""The gravest first, with what each one means."""
Path = tuple[str | int, ...]

_RBAC = frozenset(("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount"))
_CONFIGURATION_KINDS = frozenset(("ConfigMap", "Secret"))
_CONFIGURATION_FIELDS = frozenset(("env", "envFrom", "args", "command"))
_CONTAINERS = frozenset(("containers", "initContainers", "ephemeralContainers"))


def sorts_of(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[Sort, ...]:
    """The sorts of one object's change, the gravest first."""
    found = frozenset(_sorts(old, new))
    return tuple(sort for sort in SORTS if sort in found)


def _sorts(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Sort]:
    before, after = comparable(old) if old else None, comparable(new) if new else None
    if before == after:
        return
    ref = ref_of(after or before or {})
    paths = tuple(changed_paths(before, after)) if before and after else ()
    if after is None:
        yield "deletes"
    elif before and any(is_immutable(before, after, path) for path in paths):
        yield "immutable"
    if ref.kind == "CustomResourceDefinition":
        yield "crd"
    elif ref.kind in _RBAC:
        yield "rbac"
    elif before is None:
        yield "other"
    elif after is not None and ref.kind in _CONFIGURATION_KINDS:
        yield "configuration"
    else:
        yield from map(_sort_of, paths)


def _sort_of(path: Path) -> Sort:
    if path[-1:] == ("image",):
        return "image"
    if path == ("spec", "replicas"):
        return "replicas"
    if path[-1:] and path[-1] in _CONTAINERS:
        # A container came or went: what runs is another set of images.
        return "image"
    return "configuration" if _CONFIGURATION_FIELDS.intersection(map(str, path)) else "other"


def changed_paths(old: Any, new: Any, path: Path = ()) -> Iterator[Path]:
    """The deepest paths at which two values differ. Lists of different lengths differ as a whole."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from changed_paths(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from changed_paths(one, other, (*path, index))
    elif old != new:
        yield path
