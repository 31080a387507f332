"""How long a Job waits before it replaces a failed pod: 10 s, doubled for each failure in a row, to 10 min.

Kubernetes keeps the count in memory (`pkg/controller/job/backoff_utils.go`); here it is read off the pods
themselves, so that a cluster that is reopened waits exactly as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from gitrel.cluster.controllers import instants, podstate
from gitrel.cluster.controllers.job.spec import (
    INDEX_FAILURES,
    INDEX_IGNORED,
    count_annotation,
    is_pod_failed,
    is_tracked,
    status_of,
)
from gitrel.kube.identity import Object

FIRST = timedelta(seconds=10)
LONGEST = timedelta(minutes=10)


class Failures(NamedTuple):
    """Failures since the last success, and when the latest of them ended."""

    in_a_row: int
    latest: datetime | None


def finished_at(pod: Object) -> datetime:
    """When its last container ended; else when it stopped being ready, was deleted, or was created."""
    status = pod.get("status") or {}
    ends = [
        ((container.get("state") or {}).get("terminated") or {}).get("finishedAt")
        for container in status.get("containerStatuses") or ()
    ]
    if ends and all(ends):
        return max(instants.read(end) for end in ends if end)
    ready = podstate.condition(pod, "Ready")
    if podstate.is_terminal(pod) and ready and ready["status"] == "False" and "lastTransitionTime" in ready:
        return instants.read(ready["lastTransitionTime"])
    metadata = pod["metadata"]
    if podstate.is_deleting(pod):
        grace = timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
        return instants.read(metadata["deletionTimestamp"]) - grace
    return instants.read(metadata["creationTimestamp"])


def failures_in_a_row(job: Object, pods: Sequence[Object]) -> Failures:
    last_success = max((finished_at(pod) for pod in pods if podstate.phase(pod) == "Succeeded"), default=None)
    ends = sorted(finished_at(pod) for pod in _failed(job, pods))
    since = [end for end in ends if last_success is None or end > last_success]
    return Failures(len(since), since[-1] if since else None)


def _failed(job: Object, pods: Sequence[Object]) -> list[Object]:
    """Failed pods, and deleted ones that were not deleted by the Job itself.

    The Job takes its finalizer off a pod before it deletes it and never counts that pod, so what it has
    counted beyond the pods that say Failed are those that somebody else deleted.
    """
    known = [pod for pod in pods if is_pod_failed(pod, job)]
    certain = [pod for pod in known if podstate.phase(pod) == "Failed" or is_tracked(pod)]
    counted = sum(not is_tracked(pod) for pod in certain)
    others = sorted((pod for pod in known if pod not in certain), key=finished_at)
    foreign = max(0, status_of(job).get("failed", 0) - counted)
    return certain + others[max(0, len(others) - foreign) :]


def delay(failures: int) -> timedelta:
    """`1` → 10 s, `2` → 20 s … The exponent is cut where the limit has long been reached."""
    return min(FIRST * 2 ** min(failures - 1, 10), LONGEST) if failures > 0 else timedelta()


def retry_at(failures: Failures) -> datetime | None:
    """When the next pod may be created; None when at once."""
    return failures.latest + delay(failures.in_a_row) if failures.latest else None


def absolute_failures(pod: Object) -> int:
    """How often its index had failed before this pod, the failures that were ignored included."""
    return count_annotation(pod, INDEX_FAILURES) + count_annotation(pod, INDEX_IGNORED)


def index_retry_at(last_failed: Object | None) -> datetime | None:
    """The same for one index of its own: from the last pod that failed for it."""
    if last_failed is None:
        return None
    return finished_at(last_failed) + delay(absolute_failures(last_failed) + 1)


def earliest(instants_: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants_ if instant is not None), default=None)
