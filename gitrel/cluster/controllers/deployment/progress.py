"""The `Progressing` condition: what counts as progress, and when there has been none for too long.

Kubernetes `pkg/controller/deployment/progress.go`. The deadline runs from `lastUpdateTime`, which every
progress renews; a rollout that has timed out is not undone, and goes on if its pods recover.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from gitrel.cluster.controllers import instants
from gitrel.cluster.controllers.deployment.replicasets import Sets
from gitrel.kube import conditions as conditions_
from gitrel.kube.identity import Object

PROGRESSING = "Progressing"
FAILURE = "ReplicaFailure"
NO_DEADLINE = 2**31 - 1

CREATED = "NewReplicaSetCreated"
FOUND = "FoundNewReplicaSet"
UPDATED = "ReplicaSetUpdated"
CREATE_ERROR = "ReplicaSetCreateError"
AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"

Condition = Mapping[str, Any]
Conditions = Sequence[Condition]


class Verdict(NamedTuple):
    """A condition without its times."""

    type: str
    status: str
    reason: str
    message: str


def deadline_of(deployment: Object) -> timedelta | None:
    """None where progress is not watched."""
    seconds = deployment["spec"].get("progressDeadlineSeconds", 600)
    return None if seconds is None or seconds >= NO_DEADLINE else timedelta(seconds=seconds)


def find(conditions: Conditions) -> Condition | None:
    return conditions_.find(conditions, PROGRESSING)


def without(conditions: Conditions, type_: str) -> list[Condition]:
    return [condition for condition in conditions if condition["type"] != type_]


def with_condition(conditions: Conditions, verdict: Verdict, now: datetime) -> list[Condition]:
    """Sets a condition, at the end of the list; one of the same status and reason stays as it was."""
    current = conditions_.find(conditions, verdict.type)
    if current and (current["status"], current.get("reason")) == (verdict.status, verdict.reason):
        return list(conditions)
    return _replaced(conditions, verdict, now)


def _replaced(conditions: Conditions, verdict: Verdict, now: datetime) -> list[Condition]:
    current = conditions_.find(conditions, verdict.type)
    stamp = instants.stamp(now)
    same_status = current is not None and current["status"] == verdict.status
    new = {
        "type": verdict.type,
        "status": verdict.status,
        "lastUpdateTime": stamp,
        "lastTransitionTime": current["lastTransitionTime"] if current and same_status else stamp,
        "reason": verdict.reason,
        "message": verdict.message,
    }
    return [*without(conditions, verdict.type), new]


def calculate_paused(deployment: Object, now: datetime) -> list[Condition] | None:
    """The conditions after a pause or a resumption just seen; None where neither happened."""
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    current = find(conditions)
    reason = current.get("reason") if current else None
    paused = bool(deployment["spec"].get("paused"))
    if deadline_of(deployment) is None or reason == TIMED_OUT or paused == (reason == PAUSED):
        return None
    verdict = (
        Verdict(PROGRESSING, "Unknown", PAUSED, "Deployment is paused")
        if paused
        else Verdict(PROGRESSING, "Unknown", RESUMED, "Deployment is resumed")
    )
    return with_condition(conditions, verdict, now)


def has_progressed(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """More updated, fewer old, more ready or more available pods than the status said before."""

    def old_pods(status: Mapping[str, Any]) -> int:
        count: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return count

    return old_pods(new) < old_pods(old) or any(
        new.get(field, 0) > old.get(field, 0)
        for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def due(condition: Condition, deadline: timedelta) -> datetime:
    """The instant after which the rollout has timed out, unless something progresses before."""
    return instants.read(condition["lastUpdateTime"]) + deadline


def calculate_progress(
    deployment: Object,
    status: Mapping[str, Any],
    complete: bool,
    new_set: str | None,
    now: datetime,
) -> list[Condition]:
    """The conditions of `status` with `Progressing` brought up to date.

    `new_set` is the new ReplicaSet's name; `deployment` still carries the status that was written last.
    """
    conditions: Conditions = status["conditions"]
    deadline = deadline_of(deployment)
    if deadline is None:
        return without(conditions, PROGRESSING)
    current = find(conditions)
    reason = current.get("reason") if current else None
    if reason == AVAILABLE and status.get("replicas", 0) == status.get("updatedReplicas", 0):
        return list(conditions)
    subject = f'ReplicaSet "{new_set}"' if new_set else f'Deployment "{deployment["metadata"]["name"]}"'
    if complete:
        verdict = Verdict(PROGRESSING, "True", AVAILABLE, f"{subject} has successfully progressed.")
        return with_condition(conditions, verdict, now)
    if has_progressed(deployment.get("status") or {}, status):
        # Replaced even when it says the same, for the sake of its `lastUpdateTime`.
        verdict = Verdict(PROGRESSING, "True", UPDATED, f"{subject} is progressing.")
        return _replaced(conditions, verdict, now)
    if current and has_timed_out(current, deadline, now):
        verdict = Verdict(PROGRESSING, "False", TIMED_OUT, f"{subject} has timed out progressing.")
        return with_condition(conditions, verdict, now)
    return list(conditions)


def has_timed_out(condition: Condition, deadline: timedelta, now: datetime) -> bool:
    reason = condition.get("reason")
    return reason == TIMED_OUT or (reason != AVAILABLE and due(condition, deadline) < now)


def next_look(status: Mapping[str, Any], complete: bool, deadline: timedelta | None) -> datetime | None:
    """When to look whether the deadline has passed: one second after it, for stamps are whole seconds."""
    current = find(status["conditions"])
    if deadline is None or current is None or complete or current.get("reason") == TIMED_OUT:
        return None
    return due(current, deadline) + timedelta(seconds=1)


def with_failure(conditions: Conditions, sets: Sets, now: datetime) -> list[Condition]:
    """`ReplicaFailure` of the new set, else of the first old one that has it; gone when none has."""
    for replicaset in ([sets.new] if sets.new else []) + list(sets.old):
        found = conditions_.find((replicaset.get("status") or {}).get("conditions"), FAILURE)
        if found is not None:
            verdict = Verdict(FAILURE, found["status"], found.get("reason", ""), found.get("message", ""))
            return with_condition(conditions, verdict, now)
    return without(conditions, FAILURE)
