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
    is_stale,
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
        return failed(found["Failed"].get("message") or "the job failed", transition(found["Failed"]))
    if get(obj, "status", "startTime") is None:
        return in_progress("the job has not started")
    counts = [f"{number(obj, 'status', field)} {field}" for field in ("succeeded", "active", "failed")]
    return current(f"the job is running: {', '.join(counts)}")


def claim(obj: Object, now: datetime) -> Status:
    phase = get(obj, "status", "phase")
    if phase == "Lost":
        return failed("the volume of the claim is gone")
    return current("the claim is bound") if phase == "Bound" else in_progress("the claim is not bound")


def volume(obj: Object, now: datetime) -> Status:
    phase = get(obj, "status", "phase")
    if phase == "Failed":
        return failed(get(obj, "status", "message") or "the volume could not be reclaimed")
    if phase in (None, "Pending"):
        return in_progress("the volume is not available yet")
    return current(f"the volume is {str(phase).lower()}")


def namespace(obj: Object, now: datetime) -> Status:
    phase = get(obj, "status", "phase")
    return current("the namespace is active") if phase == "Active" else in_progress(f"it is {phase}")


def autoscaler(obj: Object, now: datetime) -> Status:
    """One that cannot find what it scales was written wrongly. Missing metrics are no reason to wait: they
    come and go, and pods are well without them."""
    able = conditions(obj).get("AbleToScale", {})
    if able.get("status") == "False" and able.get("reason") == "FailedGetScale":
        return in_progress(able.get("message") or "what it scales does not exist")
    return current("the autoscaler is there")


def disruption_budget(obj: Object, now: datetime) -> Status:
    """One that allows no disruption does what it is for. One that cannot be computed would block for ever."""
    allowed = conditions(obj).get("DisruptionAllowed", {})
    if allowed.get("status") == "False" and allowed.get("reason") == "SyncFailed":
        return in_progress(allowed.get("message") or "the budget cannot be computed")
    return current("the budget is there")


def api_service(obj: Object, now: datetime) -> Status:
    available = conditions(obj).get("Available", {})
    if available.get("status") == "True":
        return current(available.get("message") or "the API is available", transition(available))
    return in_progress(available.get("message") or "the API is not available")


def certificate_request(obj: Object, now: datetime) -> Status:
    found = conditions(obj)
    for type_ in ("Denied", "Failed"):
        if found.get(type_, {}).get("status") == "True":
            return failed(found[type_].get("message") or f"the request is {type_.lower()}")
    if get(obj, "status", "certificate"):
        return current("the certificate is issued", transition(found.get("Approved")))
    return in_progress("the certificate is not issued")


def flow_schema(obj: Object, now: datetime) -> Status:
    dangling = conditions(obj).get("Dangling", {})
    if dangling.get("status") == "True":
        return in_progress(dangling.get("message") or "its priority level does not exist")
    return current("the flow schema is there")


def service(obj: Object, now: datetime) -> Status:
    """Of a load balancer only the cluster IP is awaited: its outer address is the cloud's business, and many
    clusters have nobody to give one. Whoever needs it says so by a rule of the component."""
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


def by_conditions(obj: Object, now: datetime) -> Status:
    """The rule for every kind without a rule of its own: its `Ready` condition, else `Available`, if it has
    one. A condition that was found for an earlier generation is no evidence for this one."""
    found = conditions(obj)
    for type_, words in (("Ready", "ready"), ("Available", "available")):
        if (condition := found.get(type_)) is None:
            continue
        if is_stale(obj, condition):
            seen = condition["observedGeneration"]
            return in_progress(f"the condition {type_} is that of generation {seen}")
        if condition.get("status") == "True":
            return current(condition.get("message") or words, transition(condition))
        return in_progress(condition.get("message") or f"not {words}")
    return current("the object is there")
