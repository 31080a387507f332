"""What a pod's status says, summed from its containers: the phase and the conditions the kubelet owns.

Rules of kubelet `kubelet_pods.go` getPhase and `status/generate.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitrel.cluster.kubelet.containers import Container

TERMINAL_PHASES = frozenset(("Succeeded", "Failed"))


def phase_of(containers: Sequence[Container], restart_policy: str, *, over: bool) -> str:
    """The pod's phase; `over` says that nothing of it will ever run again."""
    inits = [c for c in containers if c.role == "init"]
    mains = [c for c in containers if c.role == "main"]
    if restart_policy == "Never" and any(c.state == "terminated" and c.exit_code for c in inits):
        return "Failed" if over else "Pending"
    mains_ran = any(not c.never_ran for c in mains)
    if over:
        return "Succeeded" if all(c.state == "terminated" and c.exit_code == 0 for c in mains) else "Failed"
    if not mains_ran and not all(is_initialized(c) for c in containers if c.role != "main"):
        return "Pending"
    if any(c.never_ran for c in mains):
        return "Pending"
    return "Running"


def is_initialized(container: Container) -> bool:
    """An init container that succeeded, or a sidecar that started."""
    if container.role == "sidecar":
        return container.started
    return container.state == "terminated" and container.exit_code == 0


def conditions_of(
    old: Iterable[Mapping[str, Any]],
    containers: Sequence[Container],
    phase: str,
    gates: Sequence[Mapping[str, Any]],
    now: str,
    generation: int | None,
) -> list[dict[str, Any]]:
    """The whole list: the kubelet's four brought up to date, everybody else's kept where they stand."""
    known = {condition["type"]: condition for condition in old}
    ready_reason, ready_message = _unready(containers, phase)
    gate_message = _closed_gates(gates, known)
    rows = (
        ("PodReadyToStartContainers", "" if phase not in TERMINAL_PHASES else "-", ""),
        ("Initialized", *_uninitialized(containers, phase, known)),
        (
            "Ready",
            ready_reason or ("ReadinessGatesNotReady" if gate_message else ""),
            ready_message or gate_message,
        ),
        ("ContainersReady", ready_reason, ready_message),
    )
    mine = {row[0]: _condition(known.get(row[0]), *row, now, generation) for row in rows}
    others = [dict(condition) for type_, condition in known.items() if type_ not in mine]
    return [*mine.values(), *others]


def _condition(
    old: Mapping[str, Any] | None, type_: str, reason: str, message: str, now: str, generation: int | None
) -> dict[str, Any]:
    """True without a reason, False with one; `PodCompleted` on Initialized is the one True that gives a
    reason.
    """
    true = not reason or (type_ == "Initialized" and reason == "PodCompleted")
    value = "True" if true else "False"
    same = old is not None and old.get("status") == value
    condition: dict[str, Any] = {
        "type": type_,
        "status": value,
        "lastProbeTime": None,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and same else now,
    }
    if reason and reason != "-":
        condition["reason"] = reason
    if message:
        condition["message"] = message
    if generation is not None:
        condition["observedGeneration"] = generation
    return condition


def _unready(containers: Sequence[Container], phase: str) -> tuple[str, str]:
    if phase == "Succeeded":
        return "PodCompleted", ""
    if phase == "Failed":
        return "PodFailed", ""
    unready = [c.name for c in containers if c.role != "init" and not c.ready]
    if not unready:
        return "", ""
    return "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"


def _uninitialized(
    containers: Sequence[Container], phase: str, known: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str]:
    if phase == "Succeeded":
        return "PodCompleted", ""
    if known.get("Initialized", {}).get("status") == "True":
        return "", ""
    incomplete = [c.name for c in containers if c.role != "main" and not is_initialized(c)]
    if not incomplete:
        return "", ""
    return "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(incomplete)}]"


def _closed_gates(gates: Sequence[Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> str:
    for gate in gates:
        type_ = gate["conditionType"]
        if type_ not in known:
            return f'corresponding condition of pod readiness gate "{type_}" does not exist.'
        if known[type_].get("status") != "True":
            return (
                f'the status of pod readiness gate "{type_}" is not "True", but {known[type_].get("status")}'
            )
    return ""
