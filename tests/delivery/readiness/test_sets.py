"""StatefulSets, DaemonSets and ReplicaSets: each counts its pods in a way of its own."""

from __future__ import annotations

import pytest

from gitrel.delivery.readiness import assess
from tests.delivery.support import NOW, load

SET = "apiVersion: apps/v1, kind: StatefulSet, metadata: {generation: 1}"
DAEMON = "apiVersion: apps/v1, kind: DaemonSet, metadata: {generation: 1}"
DAEMON_FULL = "observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 2"
REPLICAS = "apiVersion: apps/v1, kind: ReplicaSet, spec: {replicas: 2}"

CASES = {
    "set on delete": (
        f"{{{SET}, spec: {{replicas: 2, updateStrategy: {{type: OnDelete}}}}, "
        "status: {observedGeneration: 1, replicas: 2, readyReplicas: 2, updatedReplicas: 0}}",
        "current",
        "2 replicas are ready; they are updated when they are deleted",
    ),
    "set on delete, not ready": (
        f"{{{SET}, spec: {{replicas: 2, updateStrategy: {{type: OnDelete}}}}, "
        "status: {observedGeneration: 1, replicas: 2, readyReplicas: 1}}",
        "in-progress",
        "1 of 2 replicas are ready",
    ),
    "set too few": (
        f"{{{SET}, spec: {{replicas: 2}}, status: {{replicas: 1}}}}",
        "in-progress",
        "1 of 2 replicas exist",
    ),
    "set not ready": (
        f"{{{SET}, spec: {{replicas: 2}}, status: {{replicas: 2, readyReplicas: 1}}}}",
        "in-progress",
        "1 of 2 replicas are ready",
    ),
    "set too many": (
        f"{{{SET}, spec: {{replicas: 1}}, status: {{replicas: 2, readyReplicas: 2}}}}",
        "in-progress",
        "1 replicas are pending termination",
    ),
    "set below its partition": (
        f"{{{SET}, spec: {{replicas: 3, updateStrategy: {{rollingUpdate: {{partition: 1}}}}}}, "
        "status: {replicas: 3, readyReplicas: 3, updatedReplicas: 1}}",
        "in-progress",
        "1 of 2 replicas above the partition are updated",
    ),
    "set at its partition": (
        f"{{{SET}, spec: {{replicas: 3, updateStrategy: {{rollingUpdate: {{partition: 1}}}}}}, "
        "status: {replicas: 3, readyReplicas: 3, updatedReplicas: 2}}",
        "current",
        "2 replicas are updated, which is all above the partition",
    ),
    "set not at the current revision": (
        f"{{{SET}, spec: {{replicas: 2}}, status: {{replicas: 2, readyReplicas: 2, currentReplicas: 1}}}}",
        "in-progress",
        "1 of 2 replicas are at the current revision",
    ),
    "set between revisions": (
        f"{{{SET}, spec: {{replicas: 1}}, status: {{replicas: 1, readyReplicas: 1, currentReplicas: 1, "
        "currentRevision: a, updateRevision: b}}",
        "in-progress",
        "the revisions still differ",
    ),
    "set done": (
        f"{{{SET}, spec: {{replicas: 1}}, status: {{replicas: 1, readyReplicas: 1, currentReplicas: 1, "
        "currentRevision: a, updateRevision: a}}",
        "current",
        "1 of 1 replicas are ready",
    ),
    "daemon set unseen": (f"{{{DAEMON}}}", "in-progress", "status.observedGeneration is not there yet"),
    "daemon set uncounted": (
        f"{{{DAEMON}, status: {{observedGeneration: 1}}}}",
        "in-progress",
        "status.desiredNumberScheduled is not there yet",
    ),
    "daemon set not updated": (
        f"{{{DAEMON}, status: {{{DAEMON_FULL}, updatedNumberScheduled: 1}}}}",
        "in-progress",
        "1 of 2 pods are updated",
    ),
    "daemon set not available": (
        f"{{{DAEMON}, status: {{{DAEMON_FULL}, updatedNumberScheduled: 2, numberReady: 2}}}}",
        "in-progress",
        "0 of 2 pods are available",
    ),
    "daemon set done": (
        f"{{{DAEMON}, status: {{{DAEMON_FULL}, updatedNumberScheduled: 2, numberAvailable: 2, "
        "numberReady: 2}}",
        "current",
        "2 of 2 pods are ready",
    ),
    "replica set failing": (
        f"{{{REPLICAS}, status: {{conditions: [{{type: ReplicaFailure, status: 'True', message: quota}}]}}}}",
        "in-progress",
        "quota",
    ),
    "replica set not labelled": (f"{{{REPLICAS}}}", "in-progress", "0 of 2 replicas are labelled"),
    "replica set with extras": (
        f"{{{REPLICAS}, status: {{replicas: 3, fullyLabeledReplicas: 3, availableReplicas: 3, "
        "readyReplicas: 3}}",
        "in-progress",
        "1 replicas are pending termination",
    ),
    "replica set done": (
        f"{{{REPLICAS}, status: {{replicas: 2, fullyLabeledReplicas: 2, availableReplicas: 2, "
        "readyReplicas: 2}}",
        "current",
        "2 of 2 replicas are ready",
    ),
}


@pytest.mark.parametrize(("text", "word", "message"), CASES.values(), ids=CASES)
def test_how_far_a_set_is(text: str, word: str, message: str) -> None:
    """kstatus's word, and a sentence with the numbers in it."""
    status = assess(load(text), NOW)
    assert (status.word, status.message) == (word, message)
