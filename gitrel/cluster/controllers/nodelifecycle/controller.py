"""Marks nodes that fall silent, keeps their taints in step with their conditions, and evicts pods that do not
bear them.

Nobody polls: a node that dies says when it was last heard of, and everything that follows hangs on that
instant and on when each taint was added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitrel.cluster.controllers import instants
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.controllers.nodelifecycle import evictions, health
from gitrel.kube import conditions
from gitrel.kube.fields import removed, replaced
from gitrel.kube.identity import Object
from gitrel.kube.taints import Taint


class NodeLifecycleController:
    """Keys: names of nodes."""

    name = "node-lifecycle"

    def __init__(self) -> None:
        self.watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {
            "nodes": own_key,
            "pods": _wake_tainted_node,
        }

    def reconcile(self, key: Key, context: Context) -> None:
        node = context.read.get("nodes", "", key.name)
        if node is None:
            return
        node = self._listen(key, node, context)
        node = self._taint(node, context)
        if health.is_unready(node):
            self._mark_pods(key.name, context)
        if taints := evictions.evicting(node):
            self._evict(key, taints, context)

    def _listen(self, key: Key, node: Object, context: Context) -> Object:
        """A node not heard of for the grace period becomes Unknown."""
        silent_at = health.silent_at(node)
        if silent_at is None or health.is_unknown(node):
            return node
        if context.now < silent_at:
            context.requeue_at(key, silent_at)
            return node
        node = context.write.update_status("nodes", health.silenced(node, instants.stamp(context.now)))
        context.write.event(node, "Normal", "NodeNotReady", f"Node {key.name} status is now: NodeNotReady")
        return node

    def _taint(self, node: Object, context: Context) -> Object:
        taints = health.wanted_taints(node, instants.stamp(context.now))
        if taints == (node["spec"].get("taints") or []):
            return node
        path = ("spec", "taints")
        return context.write.update("nodes", replaced(node, path, taints) if taints else removed(node, path))

    def _mark_pods(self, node: str, context: Context) -> None:
        """Pods on a node that is not ready are not ready either, whatever their kubelet said last."""
        now = instants.stamp(context.now)
        for pod in context.read.on_node(node):
            if not conditions.is_true(pod, "Ready"):
                continue
            rows = [
                {**row, "status": "False", "lastTransitionTime": now} if row["type"] == "Ready" else row
                for row in pod["status"]["conditions"]
            ]
            context.write.update_status("pods", replaced(pod, ("status", "conditions"), rows))
            context.write.event(pod, "Warning", "NodeNotReady", "Node is not ready")

    def _evict(self, key: Key, taints: list[Taint], context: Context) -> None:
        for pod in context.read.on_node(key.name):
            at = evictions.evict_at(pod, taints)
            if at is None or "deletionTimestamp" in pod["metadata"]:
                continue
            if context.now < at:
                context.requeue_at(key, at)
            else:
                _evict_pod(pod, context)


def _evict_pod(pod: Object, context: Context) -> None:
    metadata = pod["metadata"]
    what = f"Marking for deletion Pod {metadata['namespace']}/{metadata['name']}"
    context.write.event(pod, "Normal", "TaintManagerEviction", what)
    rows = conditions.with_condition(
        (pod.get("status") or {}).get("conditions"),
        "DisruptionTarget",
        "True",
        now=instants.stamp(context.now),
        reason="DeletionByTaintManager",
        message="Taint manager: deleting due to NoExecute taint",
    )
    context.write.update_status("pods", replaced(pod, ("status", "conditions"), rows))
    context.write.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])


def _wake_tainted_node(change: Change, read: Reader) -> Iterable[Key]:
    """A pod that lands on a node, or whose tolerations change there, matters only where pods are being driven
    off.
    """
    pod, old = change.new, change.old
    name = pod["spec"].get("nodeName")
    if not name or change.type == "DELETED" or (old is not None and old["spec"] is pod["spec"]):
        return ()
    node = read.get("nodes", "", name)
    return (Key("", name),) if node is not None and evictions.evicting(node) else ()
