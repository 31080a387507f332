"""The pod garbage collector: pods that are bound to a node which does not exist.

Their kubelet is gone with the node, so nobody else can end them. Kubernetes `pkg/controller/podgc`: a missing
node is given forty seconds to come back before its pods are failed and deleted. A key is a node's name, or
`<node>/due` for the look at the end of that time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from gitrel.cluster.controllers import instants, podstate
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.kube import conditions
from gitrel.kube.identity import Object

QUARANTINE = timedelta(seconds=40)
_DUE = "/due"


class PodGarbageCollector:
    name = "podgc"

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        return {"nodes": _deleted_keys, "pods": _stranded_keys}

    def reconcile(self, key: Key, context: Context) -> None:
        node = key.name.removesuffix(_DUE)
        if context.read.get("nodes", "", node) is not None:
            return
        if not key.name.endswith(_DUE):
            context.requeue_at(Key("", node + _DUE), context.now + QUARANTINE)
            return
        for pod in context.read.on_node(node):
            _remove(pod, context)


def _deleted_keys(change: Change, read: Reader) -> Iterable[Key]:
    return own_key(change, read) if change.type == "DELETED" else ()


def _stranded_keys(change: Change, read: Reader) -> Iterable[Key]:
    """A pod that is bound, or found bound, to a node that is not there."""
    node = change.new["spec"].get("nodeName")
    if not node or change.type == "DELETED":
        return ()
    old = change.old
    if old is not None and old["spec"].get("nodeName") == node:
        return ()
    return (Key("", node),) if read.get("nodes", "", node) is None else ()


def _remove(pod: Object, context: Context) -> None:
    """Fails it first, so that its owner counts it as what it is."""
    metadata = pod["metadata"]
    if not podstate.is_terminal(pod):
        pod = context.write.update_status("pods", failed(pod, context.now))
    context.write.delete(
        "pods", metadata["namespace"], metadata["name"], uid=metadata["uid"], grace_seconds=0
    )


def failed(pod: Object, now: datetime) -> Object:
    status = pod.get("status") or {}
    told = conditions.with_condition(
        status.get("conditions"),
        "DisruptionTarget",
        "True",
        now=instants.stamp(now),
        reason="DeletionByPodGC",
        message="PodGC: node no longer exists",
    )
    return {**pod, "status": {**status, "phase": "Failed", "conditions": told}}
