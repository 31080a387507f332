"""The pod's `binding` subresource and the older `bindings` (`pkg/registry/core/pod/storage/storage.go`)."""

from __future__ import annotations

from typing import Protocol

from gitrel.cluster.api import errors
from gitrel.cluster.api.request import Request
from gitrel.cluster.store.store import Store
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


class Binder(Protocol):
    """As much of the handler as a binding needs."""

    store: Store

    def bind(self, namespace: str, name: str, node: str, request: Request) -> Object: ...


def bind_as_asked(binder: Binder, binding: Object, request: Request) -> Object:
    """What a Binding says, done; the answer to whoever sent it. Raises ApiError.

    It may say which pod it means, and in which revision.
    """
    metadata = binding["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
    found = (binder.store.get("pods", namespace, name) or {}).get("metadata", {})
    for key, said in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        wanted = metadata.get(key)
        if found and wanted and wanted != found[key]:
            why = (
                f"Precondition failed: {said} in precondition: {wanted}, {said} in object meta: {found[key]}"
            )
            raise errors.conflict("pods/binding", name, why)
    binder.bind(namespace, name, binding["target"]["name"], request)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
