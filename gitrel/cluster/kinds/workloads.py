"""Deployments, ReplicaSets and Jobs."""

from __future__ import annotations

from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.kube.identity import Object


def without_status(obj: Object) -> Object:
    return {**obj, "status": {}}


KINDS = (
    Kind(
        "deployments.apps", "apps/v1", "Deployment", short_names=("deploy",), categories=("all",),
        status=True, scale=True, counted=spec_of, prepare=without_status,
    ),
    Kind(
        "replicasets.apps", "apps/v1", "ReplicaSet", short_names=("rs",), categories=("all",), status=True,
        scale=True, counted=spec_of, prepare=without_status,
    ),
    Kind(
        "jobs.batch", "batch/v1", "Job", categories=("all",), status=True, counted=spec_of,
        prepare=without_status, orphans_by_default=True,
    ),
)  # fmt: skip
