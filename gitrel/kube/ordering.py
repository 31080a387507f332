"""The order in which objects are applied: what others need comes first; deletion goes backwards.

Ties end with the object's own identity, so the order is total and a plan never reshuffles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.kube.directives import directives_of
from gitrel.kube.identity import Ref

_FIRST = (
    "Namespace", "CustomResourceDefinition", "StorageClass", "PriorityClass", "RuntimeClass",
    "ResourceQuota", "LimitRange", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount", "Secret",
    "ConfigMap", "ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding", "PersistentVolume",
    "PersistentVolumeClaim", "Service", "EndpointSlice", "Endpoints",
)  # fmt: skip
_LAST = (
    "Pod", "ReplicationController", "ReplicaSet", "DaemonSet", "StatefulSet", "Deployment", "Job", "CronJob",
    "HorizontalPodAutoscaler", "Ingress", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
)  # fmt: skip
_RANK = {kind: rank for rank, kind in enumerate(_FIRST)} | {
    kind: len(_FIRST) + 1 + rank for rank, kind in enumerate(_LAST)
}
_UNKNOWN = len(_FIRST)
"""Custom resources go between configuration and workloads."""


def apply_key(ref: Ref) -> tuple[int, Ref]:
    return _RANK.get(ref.kind, _UNKNOWN), ref


def stage_of(obj: Mapping[str, Any]) -> tuple[int, bool]:
    """Objects of one stage are applied together, and are ready before the next stage is begun: by the order
    that they declare, and in each order definitions before what is defined by them."""
    return directives_of(obj).order, obj.get("kind") != "CustomResourceDefinition"
