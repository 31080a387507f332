"""When a Pod is Current, and what its containers say when it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gitrel.delivery.readiness.status import (
    Status,
    conditions,
    current,
    failed,
    in_progress,
    instant,
    transition,
)  # fmt: skip
from gitrel.kube.fields import get

UNSCHEDULABLE_GRACE = timedelta(seconds=15)
"""How long after its creation a pod may be unschedulable: the scheduler may be waking up (kstatus)."""


def pod(obj: Mapping[str, Any], now: datetime) -> Status:
    match get(obj, "status", "phase"):
        case "Succeeded":
            return current("the pod has completed")
        case "Failed":
            return current("the pod has completed, but not successfully")
        case "Running":
            return _running(obj)
        case "Pending":
            return _pending(obj, now)
        case _:
            return in_progress("the pod has no phase yet")


def _running(obj: Mapping[str, Any]) -> Status:
    ready = conditions(obj).get("Ready", {})
    if ready.get("status") == "True":
        return current("the pod is ready", transition(ready))
    return _crash_looping(obj) or in_progress("the pod is running but not ready")


def _pending(obj: Mapping[str, Any], now: datetime) -> Status:
    scheduled = conditions(obj).get("PodScheduled", {})
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        created = instant(get(obj, "metadata", "creationTimestamp"))
        message = scheduled.get("message") or "the pod cannot be scheduled"
        if created is None or now - created < UNSCHEDULABLE_GRACE:
            return in_progress(message)
        return failed(message)
    return _crash_looping(obj) or in_progress("the pod is pending")


def _crash_looping(obj: Mapping[str, Any]) -> Status | None:
    names = [name for name, reason in waiting(obj) if reason == "CrashLoopBackOff"]
    return failed(f"CrashLoopBackOff {', '.join(names)}") if names else None


def image_of(obj: Mapping[str, Any], container: str) -> str:
    """The image of one of the pod's containers as its spec writes it; the container's name without one."""
    for field in ("containers", "initContainers"):
        listed = get(obj, "spec", field)
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, Mapping) and entry.get("name") == container and entry.get("image"):
                return str(entry["image"])
    return container


def container_statuses(obj: Mapping[str, Any], *, init: bool = True) -> Iterator[Mapping[str, Any]]:
    """Init containers first; a garbled list is taken as empty."""
    for field in ("initContainerStatuses", "containerStatuses") if init else ("containerStatuses",):
        listed = get(obj, "status", field)
        if isinstance(listed, list):
            yield from (status for status in listed if isinstance(status, Mapping))


def waiting(obj: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(container, reason) for each container that waits for one."""
    for status in container_statuses(obj):
        reason = get(status, "state", "waiting", "reason")
        if isinstance(reason, str):
            yield str(status.get("name", "")), reason


def ready_since(obj: Mapping[str, Any]) -> datetime | None:
    """Since when the pod is ready; None where it is not."""
    ready = conditions(obj).get("Ready", {})
    return transition(ready) if ready.get("status") == "True" else None


def restarts(obj: Mapping[str, Any]) -> int:
    counts = (status.get("restartCount") for status in container_statuses(obj))
    return sum(count for count in counts if isinstance(count, int))
