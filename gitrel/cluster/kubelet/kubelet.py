"""The kubelets of all nodes in one controller: looks at a pod when it was bound, changed or fell due, and
reports.

All it keeps in memory is which addresses are taken, and that is read back from the pods when it is not there.
What a pod does is decided in `lifecycle`; what a node says of itself in `nodes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any

from gitrel.cluster.controllers.controller import Change, Context, Key, Reader
from gitrel.cluster.kubelet import instants, lifecycle, nodes
from gitrel.cluster.kubelet.addresses import Lowest, PodAddresses, held_ip, number_of, pod_cidr
from gitrel.cluster.kubelet.behaviours import Behaviours
from gitrel.cluster.kubelet.status import TERMINAL_PHASES
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object


class Kubelet:
    """Keys: `namespace/name` of a pod, or a node's name without a namespace. One instance serves one
    cluster.
    """

    name = "kubelet"

    def __init__(self, behaviours: Behaviours | None = None) -> None:
        self.behaviours = behaviours or Behaviours()
        self.watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {
            "pods": self._wake_pod,
            "nodes": _wake_node,
        }
        self._pod_addresses: dict[str, PodAddresses] = {}
        self._node_numbers: Lowest | None = None

    def _wake_pod(self, change: Change, read: Reader) -> Iterable[Key]:
        pod, old = change.new, change.old
        node = pod["spec"].get("nodeName")
        if not node:
            return ()
        if change.type == "DELETED":
            if known := self._pod_addresses.get(node):
                known.give_back(held_ip(pod))
            return ()
        if old is not None and not _concerns_kubelet(old, pod):
            return ()
        return (Key(pod["metadata"].get("namespace", ""), pod["metadata"]["name"]),)

    def reconcile(self, key: Key, context: Context) -> None:
        if key.namespace:
            self._reconcile_pod(key, context)
        else:
            self._reconcile_node(key, context)

    # --- pods ---------------------------------------------------------------------------------------------

    def _reconcile_pod(self, key: Key, context: Context) -> None:
        pod = context.read.get("pods", *key)
        if pod is None or not pod["spec"].get("nodeName"):
            return
        node = context.read.get("nodes", "", pod["spec"]["nodeName"])
        if node is None or nodes.is_off(node) or not nodes.is_reporting(node):
            return  # nobody is there to act; the node's own key wakes its pods when it reports
        addresses = lifecycle.Addresses(
            nodes.internal_ip(node), lambda: self._addresses(node, context.read).take()
        )
        outcome = lifecycle.advance(pod, self.behaviours, context.now.timestamp(), addresses)
        for note in outcome.notes:
            context.write.event(pod, *note)
        if outcome.status is not None:
            self._report(pod, outcome.status, context)
        if outcome.due != inf:
            context.requeue_at(key, instants.instant(outcome.due))
        if outcome.gone and pod["metadata"].get("deletionGracePeriodSeconds") != 0:
            context.write.delete("pods", *key, uid=pod["metadata"]["uid"], grace_seconds=0)

    def _report(self, pod: Object, status: Mapping[str, Any], context: Context) -> None:
        context.write.update_status("pods", {**pod, "status": status})
        if status["phase"] in TERMINAL_PHASES and (ip := held_ip(pod)):
            node = context.read.get("nodes", "", pod["spec"]["nodeName"])
            if node is not None:
                self._addresses(node, context.read).give_back(ip)

    def _addresses(self, node: Object, read: Reader) -> PodAddresses:
        name = node["metadata"]["name"]
        known = self._pod_addresses.get(name)
        if known is None:
            known = PodAddresses(node["spec"]["podCIDR"], read.on_node(name))
            self._pod_addresses[name] = known
        return known

    # --- nodes --------------------------------------------------------------------------------------------

    def _reconcile_node(self, key: Key, context: Context) -> None:
        node = context.read.get("nodes", *key)
        if node is None:
            self._pod_addresses.pop(key.name, None)
            return
        now = instants.stamp(int(context.now.timestamp()))
        if nodes.is_off(node):
            if nodes.off_at(node) is None:
                context.write.update("nodes", nodes.with_off_at(node, now))
            return
        returned = nodes.off_at(node) is not None
        if returned:
            self._lose_power(key.name, context)
            node = context.write.update("nodes", nodes.without_off_at(node))
        if not nodes.is_reporting(node):
            node = self._with_cidr(node, context)
            number = number_of(node["spec"]["podCIDR"]) or 0
            context.write.update_status("nodes", nodes.reported(node, number, now))
            returned = True
        if returned:
            for pod in context.read.on_node(key.name):
                context.requeue_at(Key(pod["metadata"]["namespace"], pod["metadata"]["name"]), context.now)

    def _lose_power(self, name: str, context: Context) -> None:
        for pod in context.read.on_node(name):
            status = lifecycle.lose_power(pod, self.behaviours, context.now.timestamp())
            if status is not None:
                context.write.update_status("pods", {**pod, "status": status})

    def _with_cidr(self, node: Object, context: Context) -> Object:
        if node["spec"].get("podCIDR"):
            return node
        if self._node_numbers is None:
            cidrs = (other["spec"].get("podCIDR") for other in context.read.list("nodes"))
            numbers = (number_of(cidr) for cidr in cidrs if cidr)
            self._node_numbers = Lowest(0, (number for number in numbers if number is not None))
        cidr = pod_cidr(self._node_numbers.take())
        spec = {**node["spec"], "podCIDR": cidr, "podCIDRs": [cidr]}
        return context.write.update("nodes", replaced(node, ("spec",), spec))


def _wake_node(change: Change, read: Reader) -> Iterable[Key]:
    old, node = change.old, change.new
    same = (
        old is not None
        and change.type == "MODIFIED"
        and nodes.is_off(old) == nodes.is_off(node)
        and nodes.is_reporting(old) == nodes.is_reporting(node)
    )
    return () if same else (Key("", node["metadata"]["name"]),)


def _concerns_kubelet(old: Object, pod: Object) -> bool:
    """Whether anything changed that somebody else decides; what the kubelet wrote itself does not wake it."""
    if old["spec"] is not pod["spec"]:
        return True
    was, is_ = old["metadata"], pod["metadata"]
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        if was.get(field) != is_.get(field):
            return True
    return bool(pod["spec"].get("readinessGates"))
