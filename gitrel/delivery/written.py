"""What of an object a person could have written, compared and shown: the server's own fields are left out.

Compared are two objects as the API server has them (live, and the result of a dry run), or two renderings:
both sides carry the same defaults, so only real changes show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.kube.fields import removed
from gitrel.kube.masking import LAST_APPLIED
from gitrel.render.yamltext import dump

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
    """Whether the two sides differ in it; None for an object that does not exist on that side."""
    if old is None or new is None:
        return old is not new
    return comparable(old) != comparable(new)


def to_yaml(obj: Mapping[str, Any]) -> str:
    """Block YAML with sorted keys, the same bytes for the same content."""
    return dump(obj, blocks=True, sort_keys=True)
