"""The pod's `binding` subresource (`pkg/registry/core/pod/storage/storage.go` BindingREST). Pure."""

from __future__ import annotations

from gitrel.cluster.api import errors
from gitrel.kube.conditions import with_condition
from gitrel.kube.identity import Object


def bound(pod: Object, node: str, now: str) -> Object:
    """The pod on its node. Raises ApiError 409 for one that is leaving, or has a node."""
    name = pod["metadata"]["name"]
    if pod["metadata"].get("deletionTimestamp"):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
        raise errors.conflict("pods/binding", name, why)
    if pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise errors.conflict("pods/binding", name, why)
    status = pod.get("status") or {}
    scheduled = with_condition(status.get("conditions"), "PodScheduled", "True", now=now)
    return {
        **pod,
        "spec": {**pod["spec"], "nodeName": node},
        "status": {**status, "conditions": scheduled},
    }


def binding_of(pod: Object, node: str) -> Object:
    """The Binding that admission is shown."""
    metadata = {key: pod["metadata"][key] for key in ("name", "namespace")}
    target = {"kind": "Node", "name": node}
    return {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
