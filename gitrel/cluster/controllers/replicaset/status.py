"""What a ReplicaSet says of itself, from the pods that are its own.

Kubernetes `calculateStatus` (`pkg/controller/replicaset/replica_set_utils.go`), with `terminatingReplicas` as
1.35 added it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gitrel.cluster.controllers import instants, podstate
from gitrel.kube import conditions
from gitrel.kube.identity import Object, labels_of

FAILURE = "ReplicaFailure"


class Failure(NamedTuple):
    """Why pods could not be created or deleted; `reason` is FailedCreate or FailedDelete."""

    reason: str
    message: str


class Counts(NamedTuple):
    """`available_next` is the earliest instant at which a pod that is ready now becomes available."""

    ready: int
    available: int
    available_next: datetime | None


def calculate_counts(pods: Iterable[Object], min_ready_seconds: int, now: datetime) -> Counts:
    ready = available = 0
    available_next: datetime | None = None
    for pod in pods:
        instant = podstate.available_at(pod, min_ready_seconds)
        if instant is None:
            continue
        ready += 1
        # Without a minimum a pod is available as soon as it is ready, even if its stamp lies ahead of `now`.
        if not min_ready_seconds or instant <= now:
            available += 1
        elif available_next is None or instant < available_next:
            available_next = instant
    return Counts(ready, available, available_next)


def calculate_status(
    replicaset: Object,
    active: Sequence[Object],
    terminating: int,
    counts: Counts,
    failure: Failure | None,
    now: datetime,
) -> dict[str, Any]:
    wanted = (replicaset["spec"]["template"].get("metadata") or {}).get("labels") or {}
    status: dict[str, Any] = {
        "replicas": len(active),
        "terminatingReplicas": terminating,
        "observedGeneration": replicaset["metadata"].get("generation", 0),
    }
    # Where it is none, Kubernetes says nothing.
    some = {
        "fullyLabeledReplicas": sum(wanted.items() <= labels_of(pod).items() for pod in active),
        "readyReplicas": counts.ready,
        "availableReplicas": counts.available,
    }
    status |= {field: count for field, count in some.items() if count}
    if found := calculate_conditions(replicaset.get("status") or {}, failure, now):
        status["conditions"] = found
    return status


def calculate_conditions(
    status: Mapping[str, Any], failure: Failure | None, now: datetime
) -> list[Mapping[str, Any]]:
    """`ReplicaFailure` stays as it was first written until creating and deleting work again."""
    old = list(status.get("conditions") or ())
    if failure is None:
        return [condition for condition in old if condition["type"] != FAILURE]
    if conditions.find(old, FAILURE):
        return old
    stamp = instants.stamp(now)
    new = conditions.with_condition(
        old, FAILURE, "True", now=stamp, reason=failure.reason, message=failure.message
    )
    return list(new)
