"""What one sync sees of a Job: its pods sorted out, and the counts that follow from them.

Kubernetes `syncJob` and `indexed_job_utils.go` (`pkg/controller/job`). Counts are those already in the
status, those written down there but not yet added (*uncounted*), and the finished pods nobody noted so far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gitrel.cluster.controllers import podstate
from gitrel.cluster.controllers.job import backoff, failure_policy, indexes
from gitrel.cluster.controllers.job.spec import (
    INDEX_FAILURES,
    completions,
    count_annotation,
    index_of,
    is_indexed,
    is_pod_failed,
    is_tracked,
    limits_each_index,
    status_of,
)
from gitrel.kube.identity import Object


@dataclass(frozen=True, slots=True)
class Tally:
    """`delayed` are failed pods by index that still tell how often it failed, and so are kept for now."""

    pods: Sequence[Object]
    active: Sequence[Object]
    terminating: int
    succeeded: int
    failed: int
    counted_indexes: frozenset[int]
    succeeded_indexes: frozenset[int]
    failed_indexes: frozenset[int] | None
    delayed: Mapping[int, Object]


def uncounted(job: Object, outcome: str) -> Sequence[str]:
    """UIDs noted in the status and not yet in its counters; `outcome` is `succeeded` or `failed`."""
    noted = status_of(job).get("uncountedTerminatedPods") or {}
    uids: Sequence[str] = noted.get(outcome) or ()
    return uids


def calculate_tally(job: Object, pods: Sequence[Object]) -> Tally:
    active = [pod for pod in pods if podstate.is_active(pod)]
    status, indexed = status_of(job), is_indexed(job)
    new_failed = _unnoted(job, pods, "failed", lambda pod: is_pod_failed(pod, job))
    new_succeeded = _unnoted(job, pods, "succeeded", lambda pod: podstate.phase(pod) == "Succeeded")
    policy = job["spec"].get("podFailurePolicy")
    failing = [pod for pod in new_failed if failure_policy.match_policy(policy, pod).counts]
    counted = indexes.parse(status.get("completedIndexes", ""), completions(job)) if indexed else frozenset()
    done = counted | _succeeded_indexes(job, pods) if indexed else frozenset()
    succeeded = status.get("succeeded", 0) + len(new_succeeded) + len(uncounted(job, "succeeded"))
    failed_indexes = _failed_indexes(job, pods) if limits_each_index(job) else None
    return Tally(
        pods=pods,
        active=active,
        terminating=sum(map(podstate.is_terminating, pods)),
        succeeded=len(done) if indexed else succeeded,
        failed=status.get("failed", 0) + len(failing) + len(uncounted(job, "failed")),
        counted_indexes=counted,
        succeeded_indexes=done,
        failed_indexes=failed_indexes,
        delayed={} if failed_indexes is None else _delayed(job, pods, active, done | failed_indexes),
    )


def has_index(job: Object, pod: Object) -> bool:
    """Whether the pod counts at all: in an Indexed Job, only within the range."""
    if not is_indexed(job):
        return True
    index = index_of(pod)
    return index is not None and index < (completions(job) or 0)


def _unnoted(
    job: Object, pods: Sequence[Object], outcome: str, ended: Callable[[Object], bool]
) -> list[Object]:
    noted = set(uncounted(job, outcome))
    return [
        pod
        for pod in pods
        if is_tracked(pod) and pod["metadata"]["uid"] not in noted and has_index(job, pod) and ended(pod)
    ]


def _succeeded_indexes(job: Object, pods: Sequence[Object]) -> frozenset[int]:
    found = (
        index_of(pod)
        for pod in pods
        if podstate.phase(pod) == "Succeeded" and is_tracked(pod) and has_index(job, pod)
    )
    return frozenset(index for index in found if index is not None)


def _failed_indexes(job: Object, pods: Sequence[Object]) -> frozenset[int]:
    before = indexes.parse(status_of(job).get("failedIndexes", ""), completions(job))
    found = (
        index_of(pod)
        for pod in pods
        if has_index(job, pod) and is_pod_failed(pod, job) and is_index_failed(job, pod)
    )
    return before | frozenset(index for index in found if index is not None)


def is_index_failed(job: Object, pod: Object) -> bool:
    """Whether this failed pod was its index's last chance."""
    match = failure_policy.match_policy(job["spec"].get("podFailurePolicy"), pod)
    if match.action == "FailIndex":
        return True
    limit: int = job["spec"]["backoffLimitPerIndex"]
    return match.counts and count_annotation(pod, INDEX_FAILURES) >= limit


def _delayed(
    job: Object, pods: Sequence[Object], active: Sequence[Object], closed: frozenset[int]
) -> dict[int, Object]:
    """Per index that may still be retried, the failed pod that has seen the most failures."""
    running = {index_of(pod) for pod in active}
    found: dict[int, Object] = {}
    for pod in pods:
        index = index_of(pod)
        if index is None or not is_tracked(pod) or not has_index(job, pod) or not is_pod_failed(pod, job):
            continue
        if index in running or index in closed:
            continue
        other = found.get(index)
        if other is None or _rank(pod) >= _rank(other):
            found[index] = pod
    return found


def _rank(pod: Object) -> tuple[int, object]:
    return backoff.absolute_failures(pod), backoff.finished_at(pod)
