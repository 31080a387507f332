"""Which workloads an autoscaler scales: their replicas are its business, not the manifest's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitrel.kube.fields import get
from gitrel.kube.identity import Ref, group_of


def autoscaled(objects: Iterable[Mapping[str, Any]]) -> Iterator[Ref]:
    """The workloads whose replicas belong to a HorizontalPodAutoscaler among the objects."""
    for obj in objects:
        target = get(obj, "spec", "scaleTargetRef")
        if obj.get("kind") == "HorizontalPodAutoscaler" and isinstance(target, Mapping):
            namespace = get(obj, "metadata", "namespace", default="")
            group = group_of(str(target.get("apiVersion", "")))
            yield Ref(group, str(target.get("kind", "")), namespace, str(target.get("name", "")))
