"""Counting finished pods exactly once, even if every step may be the last one before a crash.

First the pods' UIDs are noted in the status (*uncounted*), then the finalizer that kept each pod is taken
off, and only then the counters move and the notes go (Kubernetes `trackJobStatusAndRemoveFinalizers`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gitrel.cluster.controllers import instants, podstate
from gitrel.cluster.controllers.job import failure_policy, indexes
from gitrel.cluster.controllers.job.spec import (
    COMPLETE,
    index_of,
    is_indexed,
    is_pod_failed,
    is_tracked,
    limits_each_index,
)
from gitrel.cluster.controllers.job.tally import Tally, has_index, uncounted
from gitrel.cluster.controllers.job.verdict import Verdict
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.kube.identity import Object

UNCOUNTED_MAX = 500
"""UIDs noted at a time, so that the status stays small; the rest wait for the next sync."""

Status = dict[str, Any]


class Notes(NamedTuple):
    """`release` are the pods whose finalizer may go once `status` is written; `all` whether none was left."""

    status: Status
    release: Sequence[Object]
    all: bool


def note(job: Object, status: Mapping[str, Any], tally: Tally, verdict: Verdict | None) -> Notes:
    """The status with every finished pod noted."""
    succeeded = list(uncounted(job, "succeeded"))
    failed = list(uncounted(job, "failed"))
    new_indexes: set[int] = set()
    release: list[Object] = []
    full = False
    for pod in sorted(tally.pods, key=lambda pod: index_of(pod) or 0):
        if not is_tracked(pod) or not _may_release(job, pod, tally, verdict):
            continue
        release.append(pod)
        uid, index = pod["metadata"]["uid"], index_of(pod)
        if podstate.phase(pod) == "Succeeded" and uid not in failed:
            # The index itself is the note: it cannot be counted twice.
            if is_indexed(job):
                if index is not None and has_index(job, pod) and index not in tally.counted_indexes:
                    new_indexes.add(index)
            elif uid not in succeeded:
                succeeded.append(uid)
        elif uid not in failed and has_index(job, pod) and _counts_as_failed(job, pod, verdict):
            failed.append(uid)
        if len(new_indexes) + len(succeeded) + len(failed) >= UNCOUNTED_MAX:
            full = True
            break
    new = {**status, "uncountedTerminatedPods": _noted(succeeded, failed)}
    if is_indexed(job):
        new |= _index_fields(job, tally, tally.counted_indexes | new_indexes)
    return Notes(new, release, not full)


def _may_release(job: Object, pod: Object, tally: Tally, verdict: Verdict | None) -> bool:
    """A finished pod, or any of a Job that is over; not the one that keeps an index's count of failures."""
    if is_deleting(job) or verdict is not None or podstate.phase(pod) == "Succeeded":
        return True
    if not is_pod_failed(pod, job):
        return False
    if not limits_each_index(job):
        return True
    index = index_of(pod)
    keeper = tally.delayed.get(index) if index is not None else None
    return keeper is None or keeper["metadata"]["uid"] != pod["metadata"]["uid"]


def _counts_as_failed(job: Object, pod: Object, verdict: Verdict | None) -> bool:
    """When a Job has failed, every pod that had not finished counts as failed."""
    if not is_pod_failed(pod, job) and (verdict is None or verdict.succeeded):
        return False
    return failure_policy.match_policy(job["spec"].get("podFailurePolicy"), pod).counts


def _noted(succeeded: Sequence[str], failed: Sequence[str]) -> dict[str, list[str]]:
    found = {"succeeded": list(succeeded), "failed": list(failed)}
    return {outcome: uids for outcome, uids in found.items() if uids}


def _index_fields(job: Object, tally: Tally, done: Collection[int]) -> dict[str, Any]:
    fields: dict[str, Any] = {"succeeded": len(done), "completedIndexes": indexes.format_indexes(done)}
    if tally.failed_indexes is not None:
        fields["failedIndexes"] = indexes.format_indexes(tally.failed_indexes)
    return fields


def settle(status: Mapping[str, Any], still_tracked: Collection[str]) -> Status:
    """Moves every noted pod that has lost its finalizer into the counters."""
    noted: Mapping[str, Sequence[str]] = status.get("uncountedTerminatedPods") or {}
    new: Status = dict(status)
    left: dict[str, list[str]] = {}
    for outcome, uids in noted.items():
        left[outcome] = [uid for uid in uids if uid in still_tracked]
        new[outcome] = status.get(outcome, 0) + len(uids) - len(left[outcome])
    new["uncountedTerminatedPods"] = {outcome: uids for outcome, uids in left.items() if uids}
    return new


def finish(status: Mapping[str, Any], verdict: Verdict, now: datetime) -> Status | None:
    """The status with the terminal condition; None while a pod is not counted or not gone."""
    if status.get("uncountedTerminatedPods") or status.get("terminating"):
        return None
    new = {**status, "conditions": with_condition(status.get("conditions"), verdict.terminal, verdict, now)}
    if verdict.terminal == COMPLETE:
        new["completionTime"] = instants.stamp(now)
    return new


def with_condition(
    conditions: Sequence[Mapping[str, Any]] | None, type_: str, verdict: Verdict, now: datetime
) -> list[Mapping[str, Any]]:
    """The list with a condition that is True appended; one that is there already stays."""
    old = list(conditions or ())
    if any(c["type"] == type_ and c["status"] == "True" for c in old):
        return old
    return [*old, new_condition(type_, "True", verdict.reason, verdict.message, now)]


def new_condition(type_: str, status: str, reason: str, message: str, now: datetime) -> Mapping[str, Any]:
    stamp = instants.stamp(now)
    return {
        "type": type_,
        "status": status,
        "lastProbeTime": stamp,
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }
