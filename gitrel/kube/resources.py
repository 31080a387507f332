"""What a kind's resource is called in paths and in roles, and what definitions say about it.

Built-in kinds follow the rule by which Kubernetes itself guesses (apimachinery `UnsafeGuessKindToResource`);
for a custom kind its CustomResourceDefinition says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitrel.kube.fields import get

_PLURAL_ALREADY = ("endpoints",)
_BUILT_IN_GROUPS = ("", "apps", "autoscaling", "batch", "policy")


def is_built_in(group: str) -> bool:
    """Whether the group is Kubernetes' own."""
    return group in _BUILT_IN_GROUPS or group.endswith(".k8s.io")


def guessed(kind: str) -> str:
    """`NetworkPolicy` → `networkpolicies`. Right for every built-in kind, and for most of the others."""
    name = kind.lower()
    if name.endswith(_PLURAL_ALREADY):
        return name
    if name.endswith("s"):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def defined(objects: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """(group, kind) → resource, for every CustomResourceDefinition among `objects`."""
    found = {}
    for obj in objects:
        if obj.get("kind") == "CustomResourceDefinition":
            group, kind = get(obj, "spec", "group"), get(obj, "spec", "names", "kind")
            plural = get(obj, "spec", "names", "plural")
            if all(isinstance(text, str) for text in (group, kind, plural)):
                found[group, kind] = plural
    return found
