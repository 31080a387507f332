"""A Deployment's status: sums over its ReplicaSets, and whether enough of them is available.

Kubernetes `calculateStatus` (`pkg/controller/deployment/sync.go`). Counters that are zero are left out, as
Go's `omitempty` does; only `terminatingReplicas` tells zero from unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gitrel.cluster.controllers.deployment import progress
from gitrel.cluster.controllers.deployment.fenceposts import Fenceposts
from gitrel.cluster.controllers.deployment.replicasets import Sets, asked_total, reported, reported_total
from gitrel.kube.identity import Object

Conditions = Sequence[Mapping[str, Any]]


def calculate_status(
    deployment: Object, sets: Sets, posts: Fenceposts, conditions: Conditions, now: datetime
) -> dict[str, Any]:
    """`conditions` are those so far; `Available` is set among them."""
    available = reported_total(sets.all, "availableReplicas")
    counts = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": reported_total(sets.all),
        "updatedReplicas": reported(sets.new) if sets.new else 0,
        "readyReplicas": reported_total(sets.all, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, asked_total(sets.all) - available),
    }
    status: dict[str, Any] = {field: count for field, count in counts.items() if count}
    if all("terminatingReplicas" in (s.get("status") or {}) for s in sets.all):
        status["terminatingReplicas"] = reported_total(sets.all, "terminatingReplicas")
    if "collisionCount" in (deployment.get("status") or {}):
        status["collisionCount"] = deployment["status"]["collisionCount"]
    status["conditions"] = progress.with_condition(
        conditions, availability(available >= posts.least_available), now
    )
    return status


def availability(enough: bool) -> progress.Verdict:
    if enough:
        return progress.Verdict(
            "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."
        )
    return progress.Verdict(
        "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    )


def is_complete(deployment: Object, status: Mapping[str, Any]) -> bool:
    """Whether the status says that every pod wanted, and no other, is updated and available."""
    wanted = deployment["spec"].get("replicas", 1)
    return all(
        status.get(field, 0) == wanted for field in ("updatedReplicas", "replicas", "availableReplicas")
    ) and status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
