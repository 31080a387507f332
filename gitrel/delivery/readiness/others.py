"""When anything that is not a pod or a set of pods is Current."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gitrel.delivery.readiness.status import (
    Status,
    conditions,
    current,
    failed,
    in_progress,
    number,
    transition,
)  # fmt: skip
from gitrel.kube.fields import get

Object = Mapping[str, Any]


def job(obj: Object, now: datetime) -> Status:
    """A job that runs is Current: whether it will succeed is for a gate to ask."""
    found = conditions(obj)
    for type_, message in (("Complete", "the job is complete"), ("Suspended", "the job is suspended")):
        if found.get(type_, {}).get("status") == "True":
            return current(message, transition(found[type_]))
    if found.get("Failed", {}).get("status") == "True":
        return failed(found["Failed"].get("message") or "the job failed")
    if get(obj, "status", "startTime") is None:
        return in_progress("the job has not started")
    counts = [f"{number(obj, 'status', field)} {field}" for field in ("succeeded", "active", "failed")]
    return current(f"the job is running: {', '.join(counts)}")


def claim(obj: Object, now: datetime) -> Status:
    phase = get(obj, "status", "phase")
    return current("the claim is bound") if phase == "Bound" else in_progress("the claim is not bound")


def service(obj: Object, now: datetime) -> Status:
    """Of a load balancer only the cluster IP is awaited: its outer address is the cloud's business."""
    if get(obj, "spec", "type") == "LoadBalancer" and not get(obj, "spec", "clusterIP"):
        return in_progress("the cluster IP is not assigned")
    return current("the service is there")


def definition(obj: Object, now: datetime) -> Status:
    found = conditions(obj)
    names = found.get("NamesAccepted", {})
    if names.get("status") == "False":
        return failed(names.get("message") or "the names are taken")
    established = found.get("Established", {})
    if established.get("status") == "True":
        return current("the definition is established", transition(established))
    return in_progress("the definition is not established")


def always(obj: Object, now: datetime) -> Status:
    return current("always current")


def by_ready_condition(obj: Object, now: datetime) -> Status:
    """The rule for every kind without a rule of its own: its `Ready` condition, if it has one."""
    ready = conditions(obj).get("Ready")
    if ready is None:
        return current("the object is there")
    if ready.get("status") == "True":
        return current(ready.get("message") or "ready", transition(ready))
    return in_progress(ready.get("message") or "not ready")
