"""What an apply would change, as a unified diff of YAML that hides secrets.

Compared are two objects as the API server has them (live, and the result of a dry run), or two renderings:
both sides carry the same defaults, so only real changes show. What the server alone writes is left out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from gitrel.kube.fields import removed
from gitrel.kube.identity import ref_of
from gitrel.kube.masking import LAST_APPLIED, Masker
from gitrel.render.yamltext import dump

CONTEXT_LINES = 3
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
