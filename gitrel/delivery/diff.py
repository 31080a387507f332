"""What an apply would change, as a unified diff of YAML that hides secrets, and what sort of change it is.

Compared are two objects as the API server has them (live, and the result of a dry run), or two renderings:
both sides carry the same defaults, so only real changes show. What the server alone writes is left out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from gitrel.kube.fields import removed
from gitrel.kube.identity import ref_of
from gitrel.kube.masking import LAST_APPLIED, Masker
from gitrel.render.yamltext import dump

CONTEXT_LINES = 3
Change = Literal["image", "configuration", "replicas", "deletes", "rbac", "other"]
_SERVERS_OWN = (
    ("status",),
    ("metadata", "managedFields"),
    ("metadata", "resourceVersion"),
    ("metadata", "generation"),
    ("metadata", "uid"),
    ("metadata", "creationTimestamp"),
    ("metadata", "selfLink"),
    ("metadata", "annotations", LAST_APPLIED),
    ("metadata", "annotations", "deployment.kubernetes.io/revision"),
)
_RBAC = frozenset(("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount"))
_CONFIGURATION_KINDS = frozenset(("ConfigMap", "Secret"))
_CONFIGURATION_FIELDS = frozenset(("env", "envFrom", "args", "command"))

Pair = tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]
"""(old, new): None for an object that does not exist on that side."""


def comparable(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object without what only the server writes."""
    result = dict(obj)
    for path in _SERVERS_OWN:
        result = removed(result, path)
    metadata = result.get("metadata")
    if isinstance(metadata, Mapping) and not metadata.get("annotations", True):
        result = removed(result, ("metadata", "annotations"))
    return result


def differs(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
    """Whether the two sides differ in anything that a person could have written."""
    if old is None or new is None:
        return old is not new
    return comparable(old) != comparable(new)


def diff(pairs: Iterable[Pair]) -> str:
    """The unified diff of all pairs; empty where nothing differs. One masker serves all of them, so that a
    secret's value is hidden in every object it was copied to."""
    pairs = list(pairs)
    masker = Masker(obj for pair in pairs for obj in pair)
    return "".join(_one(old, new, masker) for old, new in pairs)


def _one(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, masker: Masker) -> str:
    if not differs(old, new):
        return ""
    name = str(ref_of(new if new is not None else old or {}))
    left, right = (_lines(side, masker) for side in (old, new))
    names = (f"a/{name}" if old is not None else "/dev/null", f"b/{name}" if new is not None else "/dev/null")
    lines = list(difflib.unified_diff(left, right, *names, n=CONTEXT_LINES))
    if not lines:
        # Only what is hidden differs: say so, whatever the hidden texts look like.
        lines = [f"--- {names[0]}\n", f"+++ {names[1]}\n", "# hidden values differ\n"]
    return "".join(lines)


def _lines(obj: Mapping[str, Any] | None, masker: Masker) -> list[str]:
    if obj is None:
        return []
    return to_yaml(masker.mask(comparable(obj))).splitlines(keepends=True)


def to_yaml(obj: Mapping[str, Any]) -> str:
    """Block YAML with sorted keys, the same bytes for the same content."""
    return dump(obj, blocks=True, sort_keys=True)


def classify(pairs: Iterable[Pair]) -> frozenset[Change]:
    """What sorts of change the pairs hold; empty where nothing differs."""
    return frozenset(change for old, new in pairs for change in _sorts(old, new))


def _sorts(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Change]:
    if not differs(old, new):
        return
    kind = (new if new is not None else old or {}).get("kind")
    if new is None:
        yield "deletes"
    if kind in _RBAC:
        yield "rbac"
    elif old is None:
        yield "other"
    elif new is not None and kind in _CONFIGURATION_KINDS:
        yield "configuration"
    elif new is not None:
        yield from map(_sort_of, changed_paths(comparable(old), comparable(new)))


def _sort_of(path: tuple[str | int, ...]) -> Change:
    if path[-1:] == ("image",):
        return "image"
    if path == ("spec", "replicas"):
        return "replicas"
    return "configuration" if _CONFIGURATION_FIELDS.intersection(map(str, path)) else "other"


def changed_paths(old: Any, new: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The deepest paths at which two values differ. Lists of different lengths differ as a whole."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from changed_paths(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from changed_paths(one, other, (*path, index))
    elif old != new:
        yield path
