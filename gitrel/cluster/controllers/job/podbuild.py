"""A Job's pod: the template's, held by the tracking finalizer, and told its index where there are indexes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.cluster.controllers import podtemplate
from gitrel.cluster.controllers.job import failure_policy
from gitrel.cluster.controllers.job.spec import (
    FINALIZER,
    INDEX,
    INDEX_FAILURES,
    INDEX_IGNORED,
    count_annotation,
    limits_each_index,
)
from gitrel.kube.identity import Object

NAME_BASE_MAX = 58
_ENV = {
    "name": "JOB_COMPLETION_INDEX",
    "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}},
}


def build_pod(
    job: Object, reference: Mapping[str, Any], index: int | None, replaced: Object | None
) -> Object:
    """`replaced` is the failed pod of the same index, whose count of failures goes on in this one."""
    pod = podtemplate.new_pod(job["spec"]["template"], job, reference)
    metadata = pod["metadata"]
    finalizers = [name for name in metadata.get("finalizers") or () if name != FINALIZER]
    metadata = {**metadata, "finalizers": [*finalizers, FINALIZER]}
    if index is None:
        return {**pod, "metadata": metadata}
    annotations = {**(metadata.get("annotations") or {}), INDEX: str(index)}
    if limits_each_index(job):
        annotations |= _failure_counts(job, replaced)
    name = job["metadata"]["name"]
    suffix = f"-{index}-"
    metadata |= {
        "annotations": annotations,
        "labels": {**(metadata.get("labels") or {}), INDEX: str(index)},
        "generateName": name[: NAME_BASE_MAX - len(suffix)] + suffix,
    }
    return {**pod, "metadata": metadata, "spec": _indexed_spec(pod["spec"], f"{name}-{index}")}


def _failure_counts(job: Object, replaced: Object | None) -> dict[str, str]:
    if replaced is None:
        return {INDEX_FAILURES: "0"}
    counts = failure_policy.match_policy(job["spec"].get("podFailurePolicy"), replaced).counts
    failures = count_annotation(replaced, INDEX_FAILURES) + counts
    ignored = count_annotation(replaced, INDEX_IGNORED) + (not counts)
    return {INDEX_FAILURES: str(failures), **({INDEX_IGNORED: str(ignored)} if ignored else {})}


def _indexed_spec(spec: Mapping[str, Any], hostname: str) -> dict[str, Any]:
    new = {**spec, "hostname": hostname}
    for field in ("containers", "initContainers"):
        if containers := spec.get(field):
            new[field] = [_with_index(container) for container in containers]
    return new


def _with_index(container: Mapping[str, Any]) -> dict[str, Any]:
    """An environment variable of that name in the template wins."""
    env = container.get("env") or ()
    if any(variable["name"] == _ENV["name"] for variable in env):
        return dict(container)
    return {**container, "env": [*env, _ENV]}
