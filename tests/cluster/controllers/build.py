"""Objects for tests of the sums: as small as the sum allows, with every number that matters in the call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gitrel.clock import format_instant
from gitrel.kube.identity import Object

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """That many seconds after the start of every test."""
    return START + timedelta(seconds=seconds)


def stamp(seconds: float) -> str:
    return format_instant(at(seconds))


def pod(
    name: str = "p",
    *,
    phase: str = "Running",
    ready: float | None = None,
    created: float = 0,
    node: str = "n",
    cost: str | None = None,
    restarts: int = 0,
    deleting: bool = False,
    uid: str | None = None,
    labels: dict[str, str] | None = None,
    owner: str | None = None,
) -> Object:
    """`ready` is since when, in seconds; None for a pod that is not."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": "default",
        "uid": uid or name,
        "creationTimestamp": stamp(created),
        "labels": labels or {},
    }
    if cost is not None:
        metadata["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": cost}
    if deleting:
        metadata |= {"deletionTimestamp": stamp(created + 30), "deletionGracePeriodSeconds": 30}
    if owner is not None:
        metadata["ownerReferences"] = [{"uid": owner, "controller": True, "kind": "X", "name": "x"}]
    condition = {
        "type": "Ready",
        "status": "False" if ready is None else "True",
        "lastTransitionTime": stamp(ready or 0),
    }
    return {
        "metadata": metadata,
        "spec": {"nodeName": node, "containers": [{"name": "app"}]},
        "status": {
            "phase": phase,
            "conditions": [condition],
            "containerStatuses": [{"name": "app", "restartCount": restarts}],
        },
    }


def replicaset(
    name: str,
    size: int,
    available: int = 0,
    *,
    created: float = 0,
    desired: int | None = None,
    most: int | None = None,
    revision: int | None = None,
    image: str = "app:1",
    **status: Any,
) -> Object:
    """A set of `size` pods, `available` of them; `desired` and `most` as its annotations say."""
    noted = {"desired-replicas": desired, "max-replicas": most, "revision": revision}
    annotations = {f"deployment.kubernetes.io/{k}": str(v) for k, v in noted.items() if v is not None}
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": name,
            "creationTimestamp": stamp(created),
            "generation": 1,
            "annotations": annotations,
        },
        "spec": {
            "replicas": size,
            "template": {
                "metadata": {"labels": {"app": "web", "pod-template-hash": name}},
                "spec": {"containers": [{"image": image}]},
            },
        },
        "status": {
            "replicas": size,
            "readyReplicas": available,
            "availableReplicas": available,
            "observedGeneration": 1,
            **status,
        },
    }


def deployment(replicas: int = 3, *, image: str = "app:1", **spec: Any) -> Object:
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "web", "generation": 1, "annotations": {}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"image": image}]},
            },
            **spec,
        },
    }
