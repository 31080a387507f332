"""A Deployment is ready when its rollout is complete, and since then."""

from __future__ import annotations

import pytest

from gitrel.clock import format_instant
from gitrel.delivery.readiness import assess
from tests.delivery.support import NOW, load

DEPLOYMENT = "apiVersion: apps/v1, kind: Deployment, metadata: {generation: 2}"
AVAILABLE = "{type: Available, status: 'True', lastTransitionTime: '2026-01-31T11:00:00Z'}"
COMPLETE = (
    "{type: Progressing, status: 'True', reason: NewReplicaSetAvailable, "
    "lastUpdateTime: '2026-01-31T11:05:00Z'}"
)
FULL = "observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3"


def deployment(status: str, spec: str = "replicas: 3", conditions: str = f"{COMPLETE}, {AVAILABLE}") -> str:
    return f"{{{DEPLOYMENT}, spec: {{{spec}}}, status: {{{status}, conditions: [{conditions}]}}}}"


CASES = {
    "deployment done": (deployment(FULL), "current", "3 of 3 replicas are available"),
    "deployment of another generation": (
        deployment(FULL.replace("observedGeneration: 2", "observedGeneration: 1")),
        "in-progress",
        "generation 2 is not observed yet (observed: 1)",
    ),
    "deployment beyond its deadline": (
        deployment(
            FULL,
            conditions="{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, "
            "message: 'ReplicaSet \"web\" has timed out progressing.'}",
        ),
        "failed",
        'ReplicaSet "web" has timed out progressing.',
    ),
    "deployment too few": (
        deployment("observedGeneration: 2, replicas: 2"),
        "in-progress",
        "2 of 3 replicas exist",
    ),
    "deployment not updated": (
        deployment("observedGeneration: 2, replicas: 3, updatedReplicas: 1"),
        "in-progress",
        "1 of 3 replicas are updated",
    ),
    "deployment with old ones": (
        deployment("observedGeneration: 2, replicas: 4, updatedReplicas: 3"),
        "in-progress",
        "1 old replicas are pending termination",
    ),
    "deployment not available": (
        deployment(FULL.replace("availableReplicas: 3", "availableReplicas: 2")),
        "in-progress",
        "2 of 3 updated replicas are available",
    ),
    "deployment not ready": (
        deployment(FULL.replace("readyReplicas: 3", "readyReplicas: 2")),
        "in-progress",
        "2 of 3 replicas are ready",
    ),
    "deployment by quota": (
        deployment(
            "observedGeneration: 2, replicas: 2",
            conditions="{type: ReplicaFailure, status: 'True', message: exceeded quota}",
        ),
        "in-progress",
        "2 of 3 replicas exist: exceeded quota",
    ),
    "deployment not yet progressed": (
        deployment(FULL, conditions=COMPLETE.replace("NewReplicaSetAvailable", "ReplicaSetUpdated")),
        "in-progress",
        "the new ReplicaSet is not available yet",
    ),
    "deployment without a deadline": (
        deployment(FULL, "replicas: 3, progressDeadlineSeconds: 2147483647", AVAILABLE),
        "current",
        "3 of 3 replicas are available",
    ),
    "deployment unavailable": (
        deployment(FULL, conditions=f"{COMPLETE}, {{type: Available, status: 'False'}}"),
        "in-progress",
        "the Deployment is not available",
    ),
    "deployment of nothing": (
        deployment("observedGeneration: 2", "replicas: 0"),
        "current",
        "0 of 0 replicas are available",
    ),
    "deployment without replicas means one": (
        deployment("observedGeneration: 2", "paused: false"),
        "in-progress",
        "0 of 1 replicas exist",
    ),
}


@pytest.mark.parametrize(("text", "word", "message"), CASES.values(), ids=CASES)
def test_how_far_a_deployment_is(text: str, word: str, message: str) -> None:
    """kstatus's word, and a sentence with the numbers in it."""
    status = assess(load(text), NOW)
    assert (status.word, status.message) == (word, message)


def test_since_is_the_later_of_available_and_complete() -> None:
    """A Deployment is Current since its rollout completed, not since it was first available."""
    status = assess(load(deployment(FULL)), NOW)
    assert status.since is not None
    assert format_instant(status.since) == "2026-01-31T11:05:00Z"
