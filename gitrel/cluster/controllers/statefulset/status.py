"""What a StatefulSet says of itself, from its pods (Kubernetes `updateStatus`, `completeRollingUpdate`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gitrel.cluster.controllers import podstate
from gitrel.cluster.controllers.statefulset import members
from gitrel.kube.identity import Object


def calculate_status(
    set_: Object, pods: Sequence[Object], current: str, update: str, collisions: int, now: datetime
) -> dict[str, Any]:
    """`current` and `update` are names of revisions; a rollout that is complete makes both the same."""
    least, wanted = set_["spec"].get("minReadySeconds", 0), set_["spec"].get("replicas", 1)
    ready = [pod for pod in pods if members.is_running_and_ready(pod)]
    staying = [members.revision_of(pod) for pod in pods if not podstate.is_deleting(pod)]
    updated = staying.count(update)
    counts = {"currentReplicas": staying.count(current), "updatedReplicas": updated}
    rolling = set_["spec"]["updateStrategy"].get("type") == "RollingUpdate"
    if rolling and updated == len(ready) == len(pods) == wanted:
        current, counts["currentReplicas"] = update, updated
    some = {**counts, "readyReplicas": len(ready)}
    return {
        "observedGeneration": set_["metadata"].get("generation", 0),
        "replicas": len(pods),
        "availableReplicas": sum(members.is_available(pod, least, now) for pod in ready),
        **{field: count for field, count in some.items() if count},
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": collisions,
    }
