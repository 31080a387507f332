"""The pod's `binding` subresource (`pkg/registry/core/pod/storage/storage.go` BindingREST). Pure."""

from __future__ import annotations

from gitrel.cluster.api import errors
from gitrel.kube.conditions import with_condition
from gitrel.kube.identity import Object, labels_of

TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
"""Labels of a node that its pods get (`plugin/pkg/admission/podtopologylabels`)."""


def bound(pod: Object, node: str, now: str, where: Object | None = None) -> Object:
    """The pod on its node. Raises ApiError 409 for one that is leaving, or has a node.

    `where` is the Node, where there is one: its zone and region become labels of the pod.
    """
    name = pod["metadata"]["name"]
    if pod["metadata"].get("deletionTimestamp"):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
        raise errors.conflict("pods/binding", name, why)
    if pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise errors.conflict("pods/binding", name, why)
    # The promise of a node is kept by now.
    status = {key: value for key, value in (pod.get("status") or {}).items() if key != "nominatedNodeName"}
    scheduled = with_condition(status.get("conditions"), "PodScheduled", "True", now=now)
    labels = labels_of(where) if where is not None else {}
    place = {key: labels[key] for key in TOPOLOGY if key in labels}
    if place:
        pod = {**pod, "metadata": {**pod["metadata"], "labels": {**labels_of(pod), **place}}}
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
