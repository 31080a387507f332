"""The table of pods: one word for a status that is spread over phases, conditions and container states.

The order in which those override each other is that of `printPod` in Kubernetes' printers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gitrel.clock import parse_instant
from gitrel.cluster.kinds.columns.printing import AGE, NAME, NONE, Column, Columns, field, human_duration
from gitrel.kube.conditions import find, is_true
from gitrel.kube.fields import get
from gitrel.kube.identity import Object


@dataclass(frozen=True, slots=True)
class Summary:
    """What the first columns say. `restarted` is the latest instant at which a container ended."""

    reason: str
    ready: int
    total: int
    restarts: int
    restarted: str | None


@dataclass(slots=True)
class _Count:
    ready: int = 0
    restarts: int = 0
    restarted: str | None = None

    def add(self, status: Mapping[str, Any]) -> None:
        self.restarts += status.get("restartCount") or 0
        ended = get(status, "lastState", "terminated", "finishedAt")
        if ended and (self.restarted is None or parse_instant(ended) > parse_instant(self.restarted)):
            self.restarted = ended


def summary(pod: Object) -> Summary:
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    inits = {c["name"]: c for c in spec.get("initContainers") or ()}
    sidecars = {name for name, c in inits.items() if c.get("restartPolicy") == "Always"}
    total = len(spec.get("containers") or ()) + len(sidecars)
    reason, count, ready_sidecars = _initializing(status, inits, sidecars)
    if reason is None or is_true(pod, "Initialized"):
        count = _Count(ready=ready_sidecars)
        for init in status.get("initContainerStatuses") or ():
            if init["name"] in sidecars:
                count.add(init)
        reason = _running(pod, status, reason or _first_word(status), count)
    else:
        count.ready = ready_sidecars
    return Summary(_ending(pod, status, reason), count.ready, total, count.restarts, count.restarted)


def _first_word(status: Mapping[str, Any]) -> str:
    scheduled = find(status.get("conditions"), "PodScheduled")
    if scheduled and scheduled.get("reason") == "SchedulingGated":
        return "SchedulingGated"
    return str(status.get("reason") or status.get("phase") or "")


def _initializing(
    status: Mapping[str, Any], inits: Mapping[str, Any], sidecars: set[str]
) -> tuple[str | None, _Count, int]:
    """What the first init container that is not done says; None once all are."""
    count, ready = _Count(), 0
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        count.add(container)
        state = container.get("state") or {}
        ended = state.get("terminated")
        waiting = get(state, "waiting", "reason")
        if ended is not None and not ended.get("exitCode"):
            continue
        if container["name"] in sidecars and container.get("started"):
            ready += 1 if container.get("ready") else 0
            continue
        if ended is not None:
            return f"Init:{_end(ended)}", count, ready
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}", count, ready
        return f"Init:{index}/{len(inits)}", count, ready
    return None, count, ready


def _end(ended: Mapping[str, Any]) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    signal = ended.get("signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode', 0)}"


def _running(pod: Object, status: Mapping[str, Any], reason: str, count: _Count) -> str:
    """The first container that has something to say wins, so they are gone through backwards."""
    running = False
    for container in reversed(status.get("containerStatuses") or ()):
        count.add(container)
        state = container.get("state") or {}
        if get(state, "waiting", "reason"):
            reason = state["waiting"]["reason"]
        elif "terminated" in state:
            reason = _end(state["terminated"])
        elif container.get("ready") and "running" in state:
            running = True
            count.ready += 1
    if reason == "Completed" and running:
        return "Running" if is_true(pod, "Ready") else "NotReady"
    return reason


def _ending(pod: Object, status: Mapping[str, Any], reason: str) -> str:
    if not pod["metadata"].get("deletionTimestamp"):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _ready(pod: Object, now: datetime) -> str:
    found = summary(pod)
    return f"{found.ready}/{found.total}"


def _restarts(pod: Object, now: datetime) -> str:
    found = summary(pod)
    if not found.restarts or found.restarted is None:
        return str(found.restarts)
    return f"{found.restarts} ({human_duration(now - parse_instant(found.restarted))} ago)"


def _gates(pod: Object, now: datetime) -> str:
    gates = get(pod, "spec", "readinessGates", default=())
    passed = sum(1 for gate in gates if is_true(pod, gate["conditionType"]))
    return f"{passed}/{len(gates)}" if gates else NONE


def _ip(pod: Object, now: datetime) -> str:
    ips = get(pod, "status", "podIPs", default=())
    return str(ips[0]["ip"] if ips else get(pod, "status", "podIP") or NONE)


def _done(pod: Object) -> Sequence[Mapping[str, str]]:
    phase = get(pod, "status", "phase")
    if phase not in ("Succeeded", "Failed"):
        return ()
    return ({"type": "Completed", "status": "True", "reason": phase, "message": f"The pod has {phase}."},)


PODS = Columns(
    (
        NAME,
        Column("Ready", _ready, "Containers that are ready, of all."),
        Column("Status", lambda pod, now: summary(pod).reason, "What it is doing, in a word."),
        Column("Restarts", _restarts, "How often its containers were restarted."),
        AGE,
        Column("IP", _ip, "Its address.", wide=True),
        Column("Node", field("spec", "nodeName"), "Where it runs.", wide=True),
        Column("Nominated Node", field("status", "nominatedNodeName"), "Where room is made.", wide=True),
        Column("Readiness Gates", _gates, "Gates that have passed, of all.", wide=True),
    ),
    _done,
)
