"""What an object is called: its group, kind, namespace and name, without its version.

Two manifests with the same `Ref` are the same object, whatever apiVersion each is written in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as plain JSON values. It is never edited in place."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """`namespace` is empty for cluster-scoped objects; `group` is empty for core kinds."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


def group_of(api_version: str) -> str:
    """`apps/v1` → `apps`; `v1` → ``."""
    return api_version.rpartition("/")[0]


def ref_of(obj: Mapping[str, Any]) -> Ref:
    metadata = obj.get("metadata") or {}
    return Ref(
        group_of(obj.get("apiVersion", "")),
        obj.get("kind", ""),
        metadata.get("namespace", ""),
        metadata.get("name", ""),
    )


def labels_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return (obj.get("metadata") or {}).get("annotations") or {}


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The one owner reference with `controller: true`, or None."""
    for owner in (obj.get("metadata") or {}).get("ownerReferences") or ():
        if owner.get("controller"):
            reference: Mapping[str, Any] = owner
            return reference
    return None
