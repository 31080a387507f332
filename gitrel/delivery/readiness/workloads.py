"""When a Deployment, StatefulSet, DaemonSet or ReplicaSet is Current: counted, then by its conditions."""

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
    instant,
    latest,
    number,
    transition,
)  # fmt: skip
from gitrel.kube.fields import get

NO_DEADLINE = 2**31 - 1
"""`progressDeadlineSeconds` at MaxInt32 turns the Progressing condition off."""

Object = Mapping[str, Any]


def _first(checks: tuple[tuple[bool, str], ...]) -> Status | None:
    """The first check that says the rollout is not there yet."""
    return next((in_progress(message) for wrong, message in checks if wrong), None)


def deployment(obj: Object, now: datetime) -> Status:
    found = conditions(obj)
    progressing, available = found.get("Progressing", {}), found.get("Available", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        given_up = instant(progressing.get("lastUpdateTime")) or transition(progressing)
        return failed(progressing.get("message") or "progress deadline exceeded", given_up)
    wanted = number(obj, "spec", "replicas", default=1)
    total, updated = number(obj, "status", "replicas"), number(obj, "status", "updatedReplicas")
    ready, up = number(obj, "status", "readyReplicas"), number(obj, "status", "availableReplicas")
    unfinished = _first(
        (
            (wanted > total, f"{total} of {wanted} replicas exist"),
            (wanted > updated, f"{updated} of {wanted} replicas are updated"),
            (total > wanted, f"{total - wanted} old replicas are pending termination"),
            (updated > up, f"{up} of {updated} updated replicas are available"),
            (wanted > ready, f"{ready} of {wanted} replicas are ready"),
        )
    )
    if unfinished:
        return _with_replica_failure(unfinished, found)
    complete = progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"
    if not complete and number(obj, "spec", "progressDeadlineSeconds") != NO_DEADLINE:
        return in_progress("the new ReplicaSet is not available yet")
    if available.get("status") != "True":
        return in_progress("the Deployment is not available")
    since = latest(transition(available), instant(progressing.get("lastUpdateTime")))
    return current(f"{wanted} of {wanted} replicas are available", since)


def _with_replica_failure(status: Status, found: Mapping[str, Mapping[str, Any]]) -> Status:
    """Quota, admission and the like keep pods from being created; the controller's own words say which."""
    failure = found.get("ReplicaFailure", {})
    if failure.get("status") == "True" and failure.get("message"):
        return in_progress(f"{status.message}: {failure['message']}")
    return status


def stateful_set(obj: Object, now: datetime) -> Status:
    by_hand = get(obj, "spec", "updateStrategy", "type") == "OnDelete"
    wanted = number(obj, "spec", "replicas", default=1)
    total, ready = number(obj, "status", "replicas"), number(obj, "status", "readyReplicas")
    updated = number(obj, "status", "updatedReplicas")
    unfinished = _first(
        (
            (wanted > total, f"{total} of {wanted} replicas exist"),
            (wanted > ready, f"{ready} of {wanted} replicas are ready"),
            (total > wanted, f"{total - wanted} replicas are pending termination"),
        )
    )
    if unfinished:
        return unfinished
    if by_hand:
        return current(f"{ready} replicas are ready; they are updated when they are deleted")
    partition = get(obj, "spec", "updateStrategy", "rollingUpdate", "partition")
    if isinstance(partition, int):
        if updated < wanted - partition:
            return in_progress(f"{updated} of {wanted - partition} replicas above the partition are updated")
        return current(f"{updated} replicas are updated, which is all above the partition")
    if wanted > (now_current := number(obj, "status", "currentReplicas")):
        return in_progress(f"{now_current} of {wanted} replicas are at the current revision")
    if get(obj, "status", "currentRevision") != get(obj, "status", "updateRevision"):
        return in_progress("the revisions still differ")
    return current(f"{wanted} of {wanted} replicas are ready")


def daemon_set(obj: Object, now: datetime) -> Status:
    for path in (("metadata", "generation"), ("status", "observedGeneration")):
        if get(obj, *path) is None:
            return in_progress(f"{'.'.join(path)} is not there yet")
    wanted = number(obj, "status", "desiredNumberScheduled", default=-1)
    if wanted < 0:
        return in_progress("status.desiredNumberScheduled is not there yet")
    counts = {
        "scheduled": number(obj, "status", "currentNumberScheduled"),
        "updated": number(obj, "status", "updatedNumberScheduled"),
        "available": number(obj, "status", "numberAvailable"),
        "ready": number(obj, "status", "numberReady"),
    }
    checks = tuple((count < wanted, f"{count} of {wanted} pods are {word}") for word, count in counts.items())
    return _first(checks) or current(f"{wanted} of {wanted} pods are ready")


def replica_set(obj: Object, now: datetime) -> Status:
    failure = conditions(obj).get("ReplicaFailure", {})
    if failure.get("status") == "True":
        return in_progress(failure.get("message") or "replicas cannot be created")
    wanted = number(obj, "spec", "replicas", default=1)
    total = number(obj, "status", "replicas")
    counts = {
        "labelled": number(obj, "status", "fullyLabeledReplicas"),
        "available": number(obj, "status", "availableReplicas"),
        "ready": number(obj, "status", "readyReplicas"),
    }
    checks = tuple(
        (count < wanted, f"{count} of {wanted} replicas are {word}") for word, count in counts.items()
    )
    extra = ((total > wanted, f"{total - wanted} replicas are pending termination"),)
    return _first(checks + extra) or current(f"{wanted} of {wanted} replicas are ready")
