"""What controllers ask about a pod: is it active, terminating, ready, available, and since when.

Pure readings of one object (Kubernetes `pkg/controller/controller_utils.go`, `pkg/api/v1/pod/util.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from gitrel.cluster.controllers import instants

Pod = Mapping[str, Any]
TERMINAL_PHASES = frozenset(("Succeeded", "Failed"))


def phase(pod: Pod) -> str:
    status = pod.get("status")
    return (status.get("phase") or "Pending") if status else "Pending"


def is_terminal(pod: Pod) -> bool:
    return phase(pod) in TERMINAL_PHASES


def is_deleting(obj: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def is_active(pod: Pod) -> bool:
    """Still counts towards the wanted number: a pod *marked* for deletion no longer does."""
    return not is_deleting(pod) and not is_terminal(pod)


def is_terminating(pod: Pod) -> bool:
    """Marked for deletion and not yet at its end."""
    return is_deleting(pod) and not is_terminal(pod)


def condition(pod: Pod, type_: str) -> Mapping[str, Any] | None:
    for candidate in (pod.get("status") or {}).get("conditions") or ():
        if candidate["type"] == type_:
            found: Mapping[str, Any] = candidate
            return found
    return None


def ready_since(pod: Pod) -> datetime | None:
    """When the `Ready` condition became True; None while it is not."""
    ready = condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    return instants.read(ready["lastTransitionTime"])


def is_ready(pod: Pod) -> bool:
    ready = condition(pod, "Ready")
    return ready is not None and ready["status"] == "True"


def available_at(pod: Pod, min_ready_seconds: int) -> datetime | None:
    """When the pod has been ready for `min_ready_seconds`; None while it is not ready.

    It is available from that instant on, the instant included.
    """
    since = ready_since(pod)
    return None if since is None else since + timedelta(seconds=min_ready_seconds)


def restarts_max(pod: Pod) -> tuple[int, int]:
    """The highest restart count among regular containers, then among sidecars."""
    status = pod.get("status") or {}
    sidecars = {
        container["name"]
        for container in pod["spec"].get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    }
    return (
        _restarts_max(status.get("containerStatuses") or ()),
        _restarts_max(s for s in status.get("initContainerStatuses") or () if s["name"] in sidecars),
    )


def _restarts_max(statuses: Iterable[Mapping[str, Any]]) -> int:
    return max((status.get("restartCount", 0) for status in statuses), default=0)
