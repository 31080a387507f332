"""What a node reports of itself, and what a power cut does to it: pure functions from a Node to the next
Node.

A node is dead while it carries the annotation `gitrel.dev/power: "off"` (a test or a rehearsal's fault sets
it). Its last act is to write down when, as `gitrel.dev/power-off-at`; from then on nobody reports for it
until the annotation is taken away. Heartbeats are not played: a node that lives is simply not overdue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitrel.cluster.kubelet.addresses import node_ip
from gitrel.kube import conditions
from gitrel.kube.fields import removed, replaced
from gitrel.kube.identity import Object, annotations_of

POWER = "gitrel.dev/power"
POWER_OFF_AT = "gitrel.dev/power-off-at"

CAPACITY = {"cpu": "4", "memory": "16Gi", "ephemeral-storage": "100Gi", "pods": "110"}
"""What a node offers that was created without saying."""

_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def is_off(node: Mapping[str, Any]) -> bool:
    return annotations_of(node).get(POWER) == "off"


def off_at(node: Mapping[str, Any]) -> str | None:
    """When the node was last heard of, if it is dead or has not yet come back."""
    return annotations_of(node).get(POWER_OFF_AT)


def is_reporting(node: Mapping[str, Any]) -> bool:
    return conditions.is_true(node, "Ready") and bool((node.get("status") or {}).get("addresses"))


def with_off_at(node: Object, now: str) -> Object:
    return replaced(node, ("metadata", "annotations", POWER_OFF_AT), now)


def without_off_at(node: Object) -> Object:
    return removed(node, ("metadata", "annotations", POWER_OFF_AT))


def reported(node: Object, number: int, now: str) -> Object:
    """The node with the status of a healthy kubelet; what it says about its size is kept."""
    name = node["metadata"]["name"]
    status = dict(node.get("status") or {})
    status["capacity"] = {**CAPACITY, **(status.get("capacity") or {})}
    status["allocatable"] = {**status["capacity"], **(status.get("allocatable") or {})}
    status.setdefault(
        "addresses",
        [{"type": "InternalIP", "address": node_ip(number)}, {"type": "Hostname", "address": name}],
    )
    rows: Iterable[Mapping[str, Any]] = status.get("conditions") or ()
    for type_, value, reason, message in _HEALTHY:
        rows = conditions.with_condition(
            rows, type_, value, now=now, reason=reason, message=message, lastHeartbeatTime=now
        )
    status["conditions"] = rows
    return {**node, "status": status}


def internal_ip(node: Mapping[str, Any]) -> str:
    addresses = (node.get("status") or {}).get("addresses") or ()
    return next((a["address"] for a in addresses if a["type"] == "InternalIP"), "")
