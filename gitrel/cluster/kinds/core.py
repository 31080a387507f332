"""Namespaces, nodes, configuration and records: the kinds of the core group that run nothing."""

from __future__ import annotations

from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object

_IMMORTAL = frozenset(("default", "kube-system", "kube-public"))


def default_namespace(obj: Object) -> Object:
    """The label by which selectors find a namespace by its name."""
    labels = obj["metadata"].get("labels") or {}
    name = obj["metadata"]["name"]
    if labels.get("kubernetes.io/metadata.name") == name:
        return obj
    return replaced(obj, ("metadata", "labels"), {**labels, "kubernetes.io/metadata.name": name})


def prepare_namespace(obj: Object) -> Object:
    spec = obj.get("spec") or {}
    finalizers = [name for name in spec.get("finalizers") or () if name != "kubernetes"]
    return {**obj, "spec": {"finalizers": [*finalizers, "kubernetes"]}, "status": {"phase": "Active"}}


def _terminating_namespace(obj: Object) -> Object:
    return replaced(obj, ("status", "phase"), "Terminating")


def _finalizing(obj: Object) -> bool:
    return bool((obj.get("spec") or {}).get("finalizers"))


def _immortal(obj: Object) -> str:
    return "this namespace may not be deleted" if obj["metadata"]["name"] in _IMMORTAL else ""


KINDS = (
    Kind(
        "namespaces", "v1", "Namespace", namespaced=False, short_names=("ns",), status=True,
        name_rule="label", default=default_namespace,
        prepare=prepare_namespace, terminating=_terminating_namespace,
        held=_finalizing, undeletable=_immortal,
    ),
    Kind("nodes", "v1", "Node", namespaced=False, short_names=("no",), status=True),
    Kind("configmaps", "v1", "ConfigMap", short_names=("cm",)),
    Kind("secrets", "v1", "Secret"),
    Kind("serviceaccounts", "v1", "ServiceAccount", short_names=("sa",)),
    Kind("events", "v1", "Event", short_names=("ev",)),
    Kind("leases.coordination.k8s.io", "coordination.k8s.io/v1", "Lease", unconditional_update=False),
)  # fmt: skip
