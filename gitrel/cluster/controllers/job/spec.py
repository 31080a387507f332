"""Reading a Job and its pods: the defaults, the modes, and the names that Kubernetes gave them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.cluster.controllers import podstate
from gitrel.kube.identity import Object, annotations_of

FINALIZER = "batch.kubernetes.io/job-tracking"
"""Keeps a finished pod until it was counted."""
INDEX = "batch.kubernetes.io/job-completion-index"
INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"
INDEX_IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"

COMPLETE = "Complete"
FAILED = "Failed"
SUSPENDED = "Suspended"
FAILURE_TARGET = "FailureTarget"
SUCCESS_CRITERIA_MET = "SuccessCriteriaMet"


def status_of(job: Object) -> Mapping[str, Any]:
    return job.get("status") or {}


def conditions_of(job: Object) -> list[Mapping[str, Any]]:
    return list(status_of(job).get("conditions") or ())


def condition(job: Object, type_: str) -> Mapping[str, Any] | None:
    """The condition if it is True."""
    return next((c for c in conditions_of(job) if c["type"] == type_ and c["status"] == "True"), None)


def is_finished(job: Object) -> bool:
    return condition(job, COMPLETE) is not None or condition(job, FAILED) is not None


def is_suspended(job: Object) -> bool:
    return bool(job["spec"].get("suspend"))


def is_indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def parallelism(job: Object) -> int:
    count: int = job["spec"].get("parallelism", 1)
    return count


def completions(job: Object) -> int | None:
    """None for a work queue: one success is enough, and means that the queue is empty."""
    count: int | None = job["spec"].get("completions")
    return count


def backoff_limit(job: Object) -> int:
    limit: int = job["spec"].get("backoffLimit", 6)
    return limit


def limits_each_index(job: Object) -> bool:
    return is_indexed(job) and job["spec"].get("backoffLimitPerIndex") is not None


def replaces_only_failed(job: Object) -> bool:
    """Whether a pod that is still terminating is waited for before it is replaced."""
    spec = job["spec"]
    return spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy") is not None


def index_of(pod: Object) -> int | None:
    """The completion index; None where there is none, or it is no number."""
    text = annotations_of(pod).get(INDEX, "")
    return int(text) if text.isascii() and text.isdigit() else None


def count_annotation(pod: Object, annotation: str) -> int:
    text = annotations_of(pod).get(annotation, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def is_tracked(pod: Object) -> bool:
    """Whether the pod was not yet counted."""
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def is_pod_failed(pod: Object, job: Object) -> bool:
    """A deleted pod counts as failed, for it may never get to say so; unless only real failures count."""
    phase = podstate.phase(pod)
    if phase == "Failed":
        return True
    return not replaces_only_failed(job) and podstate.is_deleting(pod) and phase != "Succeeded"
