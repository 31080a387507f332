"""Pods: deletion in their own time, and a status that starts as Pending."""

from __future__ import annotations

from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.kube.identity import Object


def grace(pod: Object, asked: int | None) -> int:
    """Seconds that a pod has to stop (`pkg/registry/core/pod/strategy.go` CheckGracefulDelete)."""
    spec = pod["spec"]
    if not spec.get("nodeName") or (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return 0
    seconds = spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked
    return 1 if seconds < 0 else int(seconds)


def prepare_pod(pod: Object) -> Object:
    return {**pod, "status": {"phase": "Pending"}}


KINDS = (
    Kind(
        "pods", "v1", "Pod", short_names=("po",), categories=("all",), status=True, counted=spec_of,
        prepare=prepare_pod, grace=grace,
    ),
)  # fmt: skip
