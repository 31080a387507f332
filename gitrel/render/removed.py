"""Kinds that a Kubernetes version no longer serves, and where they went.

From 1.25 on the definitions themselves tell; what had gone before stands in a table
(https://kubernetes.io/docs/reference/using-api/deprecation-guide/).
"""

from __future__ import annotations

import re

from gitrel.kube import openapi
from gitrel.kube.identity import group_of

_BEFORE_1_25: dict[str, dict[str, tuple[str, str]]] = {
    # apiVersion: {kind: (removed in, what to write now; empty where there is nothing)}
    "extensions/v1beta1": {
        "DaemonSet": ("1.16", "apps/v1"),
        "Deployment": ("1.16", "apps/v1"),
        "ReplicaSet": ("1.16", "apps/v1"),
        "NetworkPolicy": ("1.16", "networking.k8s.io/v1"),
        "PodSecurityPolicy": ("1.16", ""),
        "Ingress": ("1.22", "networking.k8s.io/v1"),
    },
    "apps/v1beta1": dict.fromkeys(("Deployment", "StatefulSet", "ControllerRevision"), ("1.16", "apps/v1")),
    "apps/v1beta2": dict.fromkeys(
        ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "ControllerRevision"), ("1.16", "apps/v1")
    ),
    "admissionregistration.k8s.io/v1beta1": dict.fromkeys(
        ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
        ("1.22", "admissionregistration.k8s.io/v1"),
    ),
    "apiextensions.k8s.io/v1beta1": {"CustomResourceDefinition": ("1.22", "apiextensions.k8s.io/v1")},
    "apiregistration.k8s.io/v1beta1": {"APIService": ("1.22", "apiregistration.k8s.io/v1")},
    "authentication.k8s.io/v1beta1": {"TokenReview": ("1.22", "authentication.k8s.io/v1")},
    "authorization.k8s.io/v1beta1": dict.fromkeys(
        (
            "LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview",
            "SubjectAccessReview",
        ),
        ("1.22", "authorization.k8s.io/v1"),
    ),
    "certificates.k8s.io/v1beta1": {"CertificateSigningRequest": ("1.22", "certificates.k8s.io/v1")},
    "coordination.k8s.io/v1beta1": {"Lease": ("1.22", "coordination.k8s.io/v1")},
    "networking.k8s.io/v1beta1": dict.fromkeys(
        ("Ingress", "IngressClass"), ("1.22", "networking.k8s.io/v1")
    ),
    "rbac.authorization.k8s.io/v1alpha1": dict.fromkeys(
        ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"), ("1.22", "rbac.authorization.k8s.io/v1")
    ),
    "rbac.authorization.k8s.io/v1beta1": dict.fromkeys(
        ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"), ("1.22", "rbac.authorization.k8s.io/v1")
    ),
    "scheduling.k8s.io/v1beta1": {"PriorityClass": ("1.22", "scheduling.k8s.io/v1")},
    "storage.k8s.io/v1beta1": {
        **dict.fromkeys(
            ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"), ("1.22", "storage.k8s.io/v1")
        ),
        "CSIStorageCapacity": ("1.27", "storage.k8s.io/v1"),
    },
    "batch/v1beta1": {"CronJob": ("1.25", "batch/v1")},
    "batch/v2alpha1": {"CronJob": ("1.21", "batch/v1")},
    "discovery.k8s.io/v1beta1": {"EndpointSlice": ("1.25", "discovery.k8s.io/v1")},
    "events.k8s.io/v1beta1": {"Event": ("1.25", "events.k8s.io/v1")},
    "autoscaling/v2beta1": {"HorizontalPodAutoscaler": ("1.25", "autoscaling/v2")},
    "policy/v1beta1": {"PodDisruptionBudget": ("1.25", "policy/v1"), "PodSecurityPolicy": ("1.25", "")},
    "node.k8s.io/v1beta1": {"RuntimeClass": ("1.25", "node.k8s.io/v1")},
}  # fmt: skip


def removed_in(version: str, api_version: str, kind: str) -> tuple[str, str] | None:
    """(the version that removed it, the apiVersion to write now or ""); None where it was never served."""
    if row := _BEFORE_1_25.get(api_version, {}).get(kind):
        return row
    served = [known for known in openapi.versions() if openapi.definition_of(known, api_version, kind)]
    later = [known for known in openapi.versions() if served and _number(known) > _number(served[-1])]
    if not later or _number(version) < _number(later[0]):
        return None
    return later[0], _successor(version, group_of(api_version), kind)


def _successor(version: str, group: str, kind: str) -> str:
    """The most stable apiVersion of the same group that serves the kind now."""
    same = [api for api, name in openapi.kinds(version) if name == kind and group_of(api) == group]
    return max(same, key=_stability, default="")


def _stability(api_version: str) -> tuple[bool, bool, list[int]]:
    """Stable before beta before alpha, then the higher number."""
    version = api_version.rpartition("/")[2]
    return "alpha" not in version, "beta" not in version, [int(part) for part in re.findall(r"\d+", version)]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
