"""A kubelet whose every act is a line of a script: nodes report, pods start, fail and end when told.

Nothing runs by itself, so both clusters stand still after each act until all controllers have done what
follows from it, and what they did can be compared exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.kube.identity import Object
from tests.realcluster.plane import BY_HAND

HOST = "differential"
"""The node that everything runs on which does not say otherwise."""
AT_ONCE = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
"""How a kubelet takes a pod away whose containers have ended."""
ROOM = {"cpu": "64", "memory": "256Gi", "pods": "500", "ephemeral-storage": "100Gi"}
_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID"),
    ("Ready", "True", "KubeletReady"),
)


def node(name: str, labels: Mapping[str, str], taints: Any = (), room: Any = None) -> Object:
    """A node that KWOK leaves alone."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, BY_HAND: "true", **labels}},
        "spec": {"taints": list(taints)} if taints else {},
        "status": {"capacity": {**ROOM, **(room or {})}, "allocatable": {**ROOM, **(room or {})}},
    }


def copied(node: Object) -> Object:
    """The same node for another cluster."""
    named = {key: node["metadata"].get(key) for key in ("name", "labels")}
    taints = node["spec"].get("taints")
    status = {key: node["status"][key] for key in ("capacity", "allocatable")}
    spec = {"taints": taints} if taints else {}
    return {"apiVersion": "v1", "kind": "Node", "metadata": named, "spec": spec, "status": status}


def node_status(obj: Object, now: str) -> Object:
    """What its kubelet reports of it."""
    rows = [
        {
            "type": type_,
            "status": status,
            "reason": reason,
            "message": "by hand",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for type_, status, reason in _HEALTHY
    ]
    addresses = [{"type": "Hostname", "address": obj["metadata"]["name"]}]
    return {"status": {**obj["status"], "conditions": rows, "addresses": addresses}}


def _conditions(now: str, **values: bool) -> list[Object]:
    return [
        {"type": type_, "status": str(value), "lastTransitionTime": now} for type_, value in values.items()
    ]


def _containers(pod: Object, ready: bool, state: Mapping[str, Any]) -> list[Object]:
    return [
        {
            "name": one["name"],
            "image": one["image"],
            "imageID": "by-hand",
            "ready": ready,
            "started": ready,
            "restartCount": 0,
            "state": state,
        }
        for one in pod["spec"]["containers"]
    ]


def running(pod: Object, now: str, *, ready: bool = True) -> Object:
    """The status of a pod that runs; a strategic merge patch."""
    return {
        "phase": "Running",
        "startTime": (pod.get("status") or {}).get("startTime") or now,
        "podIP": "10.99.0.1",
        "podIPs": [{"ip": "10.99.0.1"}],
        "conditions": _conditions(now, Initialized=True, ContainersReady=ready, Ready=ready),
        "containerStatuses": _containers(pod, ready, {"running": {"startedAt": now}}),
    }


def ended(pod: Object, now: str, exit_code: int) -> Object:
    """The status of a pod whose containers have all exited."""
    state = {
        "terminated": {
            "exitCode": exit_code,
            "reason": "Error" if exit_code else "Completed",
            "startedAt": now,
            "finishedAt": now,
        }
    }
    return {
        "phase": "Failed" if exit_code else "Succeeded",
        "startTime": (pod.get("status") or {}).get("startTime") or now,
        "conditions": _conditions(now, Initialized=True, ContainersReady=False, Ready=False),
        "containerStatuses": _containers(pod, False, state),
    }
