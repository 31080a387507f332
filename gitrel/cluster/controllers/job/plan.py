"""How many pods a Job should have, which of them are too many, and for which indexes some are missing.

Kubernetes `manageJob` (`pkg/controller/job/job_controller.go`). One sync deletes or creates, never both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gitrel.cluster.controllers import batches, podstate, ranking
from gitrel.cluster.controllers.job import backoff, indexes
from gitrel.cluster.controllers.job.spec import (
    completions,
    index_of,
    is_indexed,
    is_suspended,
    limits_each_index,
    parallelism,
    replaces_only_failed,
)
from gitrel.cluster.controllers.job.tally import Tally
from gitrel.kube.identity import Object


@dataclass(frozen=True, slots=True)
class Plan:
    """`create` holds an index for each pod to create (None: no index); `look_at` when to plan again."""

    delete: Sequence[Object] = ()
    create: Sequence[int | None] = ()
    look_at: datetime | None = None


def calculate_wanted(job: Object, active: int, succeeded: int) -> int:
    """A work queue keeps its full width until the first success, and then lets the rest finish."""
    wanted = completions(job)
    if is_suspended(job):
        return 0
    if wanted is None:
        return active if succeeded > 0 else parallelism(job)
    return max(0, min(wanted - succeeded, parallelism(job)))


def calculate_plan(job: Object, tally: Tally, now: datetime) -> Plan:
    wanted = calculate_wanted(job, len(tally.active), tally.succeeded)
    surplus = _surplus(job, tally.active, max(0, len(tally.active) - wanted), now)
    if surplus or is_suspended(job):
        return Plan(delete=surplus[: batches.BURST])
    # A terminating pod is waited for only where the policy says so.
    waited_for = tally.terminating if replaces_only_failed(job) else 0
    missing = min(wanted - len(tally.active) - waited_for, batches.BURST)
    if missing <= 0:
        return Plan()
    if limits_each_index(job):
        return _plan_by_index(job, tally, missing, now)
    retry_at = backoff.retry_at(backoff.failures_in_a_row(job, tally.pods))
    if retry_at is not None and retry_at > now:
        return Plan(look_at=retry_at)
    if is_indexed(job):
        return Plan(create=_missing_indexes(job, tally, missing))
    return Plan(create=[None] * missing)


def _plan_by_index(job: Object, tally: Tally, missing: int, now: datetime) -> Plan:
    """Each index waits for itself alone."""
    due = {
        index: backoff.index_retry_at(tally.delayed.get(index))
        for index in _missing_indexes(job, tally, missing)
    }
    ready = [index for index, instant in due.items() if instant is None or instant <= now]
    waiting = (instant for index, instant in due.items() if index not in ready)
    return Plan(create=ready, look_at=backoff.earliest(waiting))


def _missing_indexes(job: Object, tally: Tally, count: int) -> list[int]:
    """The lowest that neither run, nor have succeeded or failed for good."""
    taken = set(tally.succeeded_indexes | (tally.failed_indexes or frozenset()))
    running = list(tally.active)
    if replaces_only_failed(job):
        running += [pod for pod in tally.pods if podstate.is_terminating(pod)]
    taken.update(index for index in map(index_of, running) if index is not None)
    return indexes.first_missing(taken, count, completions(job) or 0)


def _surplus(job: Object, active: Sequence[Object], at_least: int, now: datetime) -> list[Object]:
    """Pods of an index that has another, or has none; then as many more as have to go."""
    spare, rest = _duplicates(job, active) if is_indexed(job) else ([], list(active))
    more = max(0, at_least - len(spare))
    return spare + (ranking.calculate_pods_to_delete(rest, more, (), now) if more else [])


def _duplicates(job: Object, active: Sequence[Object]) -> tuple[list[Object], list[Object]]:
    """(to go, to stay): of each index within the range, the pod that would be deleted last stays."""
    spare: list[Object] = []
    by_index: dict[int, list[Object]] = {}
    for pod in active:
        index = index_of(pod)
        if index is None or index >= (completions(job) or 0):
            spare.append(pod)
        else:
            by_index.setdefault(index, []).append(pod)
    rest: list[Object] = []
    for _, pods in sorted(by_index.items()):
        oldest_first = sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])
        rest.append(oldest_first[0])
        spare += oldest_first[1:]
    return spare, rest
