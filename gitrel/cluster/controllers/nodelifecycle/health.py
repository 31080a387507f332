"""What follows from how a node is: its conditions when it falls silent, and the taints that go with its
conditions.

Pure: a Node and `now` in, the wanted conditions or taints out (`pkg/controller/nodelifecycle`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from gitrel.cluster.controllers import instants
from gitrel.cluster.kubelet.nodes import off_at
from gitrel.kube import conditions
from gitrel.kube.identity import Object
from gitrel.kube.taints import Taint

GRACE = timedelta(seconds=50)
"""How long a node may be silent before it counts as unreachable (node-monitor-grace-period)."""

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"

_BY_CONDITION = (
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
)
_EVICTING = (NOT_READY, UNREACHABLE)
_OURS = frozenset((*(key for _, _, key in _BY_CONDITION), UNSCHEDULABLE))
_SILENT = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


def silent_at(node: Mapping[str, Any]) -> datetime | None:
    """When the node's grace runs out; None while it is heard of."""
    last_heard = off_at(node)
    return None if last_heard is None else instants.read(last_heard) + GRACE


def is_unknown(node: Mapping[str, Any]) -> bool:
    ready = conditions.find((node.get("status") or {}).get("conditions"), "Ready")
    return ready is not None and ready["status"] == "Unknown"


def is_unready(node: Mapping[str, Any]) -> bool:
    """Whether it is known not to be ready; a node that never reported is neither."""
    ready = conditions.find((node.get("status") or {}).get("conditions"), "Ready")
    return ready is not None and ready["status"] != "True"


def silenced(node: Object, now: str) -> Object:
    """The node with everything its kubelet used to report unknown."""
    status = dict(node.get("status") or {})
    rows: Iterable[Mapping[str, Any]] = status.get("conditions") or ()
    for type_ in _SILENT:
        old = conditions.find(rows, type_) or {}
        heard = {"lastHeartbeatTime": off_at(node)} if off_at(node) else {}
        rows = conditions.with_condition(
            rows,
            type_,
            "Unknown",
            now=now,
            reason="NodeStatusUnknown" if old else "NodeStatusNeverUpdated",
            message="Kubelet stopped posting node status." if old else "Kubelet never posted node status.",
            **heard,
        )
    return {**node, "status": {**status, "conditions": rows}}


def wanted_taints(node: Mapping[str, Any], now: str) -> list[Taint]:
    """The node's taints: its own kept as they are, ours as the conditions ask for, with when each was added.

    A NoExecute taint that somebody else put without saying when is stamped, for evictions count from there.
    """
    rows = (node.get("status") or {}).get("conditions") or ()
    keys = [
        key
        for type_, value, key in _BY_CONDITION
        if (conditions.find(rows, type_) or {}).get("status") == value
    ]
    if node["spec"].get("unschedulable"):
        keys.append(UNSCHEDULABLE)
    asked = [(key, "NoSchedule") for key in keys] + [(key, "NoExecute") for key in keys if key in _EVICTING]
    present = list(node["spec"].get("taints") or ())
    kept = [
        _stamped(taint, now)
        for taint in present
        if not _is_ours(taint) or (taint["key"], taint["effect"]) in asked
    ]
    have = {(taint["key"], taint["effect"]) for taint in kept}
    added = [
        {"key": key, "effect": effect, "timeAdded": now} for key, effect in asked if (key, effect) not in have
    ]
    return [*kept, *added]


def _is_ours(taint: Taint) -> bool:
    effects = ("NoSchedule", "NoExecute") if taint["key"] in _EVICTING else ("NoSchedule",)
    return taint["key"] in _OURS and taint["effect"] in effects


def _stamped(taint: Taint, now: str) -> Taint:
    return taint if taint["effect"] != "NoExecute" or taint.get("timeAdded") else {**taint, "timeAdded": now}
