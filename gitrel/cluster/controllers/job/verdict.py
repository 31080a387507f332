"""Whether a Job is over, and why: the questions in the order in which Kubernetes asks them.

`pkg/controller/job/job_controller.go`. The answer is an interim condition, `SuccessCriteriaMet` or
`FailureTarget`: the terminal one is written when every pod is counted and gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from gitrel.cluster.controllers import instants, podstate
from gitrel.cluster.controllers.job import failure_policy, success_policy
from gitrel.cluster.controllers.job.spec import (
    COMPLETE,
    FAILED,
    FAILURE_TARGET,
    SUCCESS_CRITERIA_MET,
    backoff_limit,
    completions,
    condition,
    is_indexed,
    is_pod_failed,
    is_suspended,
    status_of,
)
from gitrel.cluster.controllers.job.tally import Tally
from gitrel.kube.identity import Object


class Verdict(NamedTuple):
    """`type` is the interim condition's."""

    type: str
    reason: str
    message: str

    @property
    def succeeded(self) -> bool:
        return self.type == SUCCESS_CRITERIA_MET

    @property
    def terminal(self) -> str:
        return COMPLETE if self.succeeded else FAILED


COMPLETED = Verdict(SUCCESS_CRITERIA_MET, "CompletionsReached", "Reached expected number of succeeded pods")


def _failed(reason: str, message: str) -> Verdict:
    return Verdict(FAILURE_TARGET, reason, message)


def decide(job: Object, tally: Tally, now: datetime) -> Verdict | None:
    """None while the Job goes on, as far as anything but its completions is concerned."""
    return (
        _already_decided(job)
        or _failed_by_policy(job, tally)
        or _over_backoff_limit(job, tally)
        or _past_deadline(job, now)
        or _failed_by_indexes(job, tally)
        or _succeeded_by_policy(job, tally)
    )


def _already_decided(job: Object) -> Verdict | None:
    for type_ in (SUCCESS_CRITERIA_MET, FAILURE_TARGET):
        if found := condition(job, type_):
            return Verdict(type_, found.get("reason", ""), found.get("message", ""))
    return None


def _failed_by_policy(job: Object, tally: Tally) -> Verdict | None:
    policy = job["spec"].get("podFailurePolicy")
    if policy is None:
        return None
    for pod in tally.pods:
        if is_pod_failed(pod, job):
            match = failure_policy.match_policy(policy, pod)
            if match.action == "FailJob":
                return _failed("PodFailurePolicy", match.message)
    return None


def _over_backoff_limit(job: Object, tally: Tally) -> Verdict | None:
    if tally.failed > backoff_limit(job) or _restarted_too_often(job, tally):
        return _failed("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    return None


def _restarted_too_often(job: Object, tally: Tally) -> bool:
    """With `OnFailure` the pods stay and their containers restart: those restarts count instead."""
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts: int = sum(
        container.get("restartCount", 0)
        for pod in tally.pods
        if podstate.phase(pod) in ("Pending", "Running")
        for field in ("initContainerStatuses", "containerStatuses")
        for container in (pod.get("status") or {}).get(field) or ()
    )
    limit = backoff_limit(job)
    return restarts >= limit if limit else restarts > 0


def deadline_at(job: Object) -> datetime | None:
    """When `activeDeadlineSeconds` runs out; None where it does not run."""
    seconds, started = job["spec"].get("activeDeadlineSeconds"), status_of(job).get("startTime")
    if seconds is None or started is None or is_suspended(job):
        return None
    return instants.read(started) + timedelta(seconds=seconds)


def _past_deadline(job: Object, now: datetime) -> Verdict | None:
    deadline = deadline_at(job)
    if deadline is None or now < deadline:
        return None
    return _failed("DeadlineExceeded", "Job was active longer than specified deadline")


def _failed_by_indexes(job: Object, tally: Tally) -> Verdict | None:
    if not tally.failed_indexes:
        return None
    most = job["spec"].get("maxFailedIndexes")
    if most is not None and len(tally.failed_indexes) > most:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return _failed("MaxFailedIndexesExceeded", message)
    if len(tally.failed_indexes) + len(tally.succeeded_indexes) >= (completions(job) or 0):
        return _failed("FailedIndexes", "Job has failed indexes")
    return None


def _succeeded_by_policy(job: Object, tally: Tally) -> Verdict | None:
    if not is_indexed(job):
        return None
    policy = job["spec"].get("successPolicy")
    message = success_policy.match_policy(policy, completions(job) or 0, tally.succeeded_indexes)
    return Verdict(SUCCESS_CRITERIA_MET, "SuccessPolicy", message) if message else None


def is_complete(job: Object, succeeded: int, active: int) -> bool:
    """A work queue is empty when a pod succeeded and none is left; any other Job counts its completions."""
    wanted = completions(job)
    return active == 0 and (succeeded > 0 if wanted is None else succeeded >= wanted)
