"""One situation a row: what an object looks like, and the word and sentence that kstatus has for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.clock import format_instant
from gitrel.delivery.readiness import RULES, assess
from tests.delivery.support import NOW, load

DEPLOYMENT = "apiVersion: apps/v1, kind: Deployment, metadata: {generation: 2}"
AVAILABLE = "{type: Available, status: 'True', lastTransitionTime: '2026-01-31T11:00:00Z'}"
COMPLETE = (
    "{type: Progressing, status: 'True', reason: NewReplicaSetAvailable, "
    "lastUpdateTime: '2026-01-31T11:05:00Z'}"
)
FULL = "observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3"
SET = "apiVersion: apps/v1, kind: StatefulSet, metadata: {generation: 1}"
DAEMON = "apiVersion: apps/v1, kind: DaemonSet, metadata: {generation: 1}"
DAEMON_FULL = "observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 2"
REPLICAS = "apiVersion: apps/v1, kind: ReplicaSet, spec: {replicas: 2}"
POD = "apiVersion: v1, kind: Pod"
JOB = "apiVersion: batch/v1, kind: Job"
CRD = "apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition"
CUSTOM = "apiVersion: example.com/v1, kind: Widget"


def deployment(status: str, spec: str = "replicas: 3", conditions: str = f"{COMPLETE}, {AVAILABLE}") -> str:
    return f"{{{DEPLOYMENT}, spec: {{{spec}}}, status: {{{status}, conditions: [{conditions}]}}}}"


def recently(seconds: int) -> str:
    return format_instant(NOW - timedelta(seconds=seconds))


CASES = {
    # Every kind.
    "deleted": (
        f"{{{CUSTOM}, metadata: {{deletionTimestamp: x, generation: 2}}, status: {{observedGeneration: 1}}}}",
        "terminating",
        "the object is being deleted",
    ),
    "not observed": (
        f"{{{CUSTOM}, metadata: {{generation: 2}}, status: {{observedGeneration: 1}}}}",
        "in-progress",
        "generation 2 is not observed yet (observed: 1)",
    ),
    "observed generation from the future": (
        f"{{{CUSTOM}, metadata: {{generation: 1}}, status: {{observedGeneration: 2}}}}",
        "in-progress",
        "generation 1 is not observed yet (observed: 2)",
    ),
    "reconciling": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Reconciling, status: 'True', message: busy}}]}}}}",
        "in-progress",
        "busy",
    ),
    "stalled": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Stalled, status: 'True', message: no quota}}]}}}}",
        "failed",
        "no quota",
    ),
    "generic without conditions": (f"{{{CUSTOM}}}", "current", "the object is there"),
    "generic ready": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Ready, status: 'True'}}]}}}}",
        "current",
        "ready",
    ),
    "generic not ready": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Ready, status: 'False', message: wait}}]}}}}",
        "in-progress",
        "wait",
    ),
    "config map": ("{apiVersion: v1, kind: ConfigMap}", "current", "always current"),
    # Deployment.
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
    # StatefulSet.
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
    "controller": (
        "{apiVersion: v1, kind: ReplicationController, spec: {replicas: 2}, status: {replicas: 2}}",
        "in-progress",
        "0 of 2 replicas are labelled",
    ),
    "namespace": (
        "{apiVersion: v1, kind: Namespace, status: {phase: Active}}",
        "current",
        "the namespace is active",
    ),
    "claim lost": (
        "{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Lost}}",
        "failed",
        "the volume of the claim is gone",
    ),
    "volume": (
        "{apiVersion: v1, kind: PersistentVolume, status: {phase: Available}}",
        "current",
        "the volume is available",
    ),
    "volume failed": (
        "{apiVersion: v1, kind: PersistentVolume, status: {phase: Failed, message: no plugin}}",
        "failed",
        "no plugin",
    ),
    "volume not seen": (
        "{apiVersion: v1, kind: PersistentVolume}",
        "in-progress",
        "the volume is not available yet",
    ),
    "ingress": ("{apiVersion: networking.k8s.io/v1, kind: Ingress}", "current", "always current"),
    "budget that cannot be computed": (
        "{apiVersion: policy/v1, kind: PodDisruptionBudget, status: {conditions: [{type: DisruptionAllowed, "
        "status: 'False', reason: SyncFailed, message: found no controllers}]}}",
        "in-progress",
        "found no controllers",
    ),
    "budget that allows nothing": (
        "{apiVersion: policy/v1, kind: PodDisruptionBudget, status: {conditions: [{type: DisruptionAllowed, "
        "status: 'False', reason: InsufficientPods}]}}",
        "current",
        "the budget is there",
    ),
    "autoscaler without metrics": (
        "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, status: {conditions: "
        "[{type: ScalingActive, status: 'False', reason: FailedGetResourceMetric}]}}",
        "current",
        "the autoscaler is there",
    ),
    "autoscaler of nothing": (
        "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, status: {conditions: "
        "[{type: AbleToScale, status: 'False', reason: FailedGetScale, message: no such deployment}]}}",
        "in-progress",
        "no such deployment",
    ),
    "api service": (
        "{apiVersion: apiregistration.k8s.io/v1, kind: APIService, status: {conditions: [{type: Available, "
        "status: 'False', message: no endpoints}]}}",
        "in-progress",
        "no endpoints",
    ),
    "api service up": (
        "{apiVersion: apiregistration.k8s.io/v1, kind: APIService, status: {conditions: [{type: Available, "
        "status: 'True'}]}}",
        "current",
        "the API is available",
    ),
    "certificate denied": (
        "{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, status: {conditions: "
        "[{type: Denied, status: 'True', message: not today}]}}",
        "failed",
        "not today",
    ),
    "certificate issued": (
        "{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, status: {certificate: eA==}}",
        "current",
        "the certificate is issued",
    ),
    "certificate awaited": (
        "{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest}",
        "in-progress",
        "the certificate is not issued",
    ),
    "flow schema": (
        "{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: FlowSchema, status: {conditions: "
        "[{type: Dangling, status: 'True', message: no such level}]}}",
        "in-progress",
        "no such level",
    ),
    "generic available": (
        f"{{{CUSTOM}, status: {{conditions: [{{type: Available, status: 'False', message: one of two}}]}}}}",
        "in-progress",
        "one of two",
    ),
    "generic ready of another generation": (
        f"{{{CUSTOM}, metadata: {{generation: 3}}, status: {{conditions: "
        "[{type: Ready, status: 'True', observedGeneration: 2}]}}",
        "in-progress",
        "the condition Ready is that of generation 2",
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
    # DaemonSet.
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
    # ReplicaSet.
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
    # Pod.
    "pod succeeded": (f"{{{POD}, status: {{phase: Succeeded}}}}", "current", "the pod has completed"),
    "pod failed": (
        f"{{{POD}, status: {{phase: Failed}}}}",
        "current",
        "the pod has completed, but not successfully",
    ),
    "pod ready": (
        f"{{{POD}, status: {{phase: Running, conditions: [{{type: Ready, status: 'True'}}]}}}}",
        "current",
        "the pod is ready",
    ),
    "pod not ready": (
        f"{{{POD}, status: {{phase: Running}}}}",
        "in-progress",
        "the pod is running but not ready",
    ),
    "pod crashing": (
        f"{{{POD}, status: {{phase: Running, containerStatuses: "
        "[{name: app, state: {waiting: {reason: CrashLoopBackOff}}}]}}",
        "failed",
        "CrashLoopBackOff app",
    ),
    "pod whose init crashes": (
        f"{{{POD}, status: {{phase: Pending, initContainerStatuses: "
        "[{name: init, state: {waiting: {reason: CrashLoopBackOff}}}]}}",
        "failed",
        "CrashLoopBackOff init",
    ),
    "pod pending": (f"{{{POD}, status: {{phase: Pending}}}}", "in-progress", "the pod is pending"),
    "pod unschedulable for 14 s": (
        f"{{{POD}, metadata: {{creationTimestamp: '{recently(14)}'}}, status: {{phase: Pending, "
        "conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: no node}]}}",
        "in-progress",
        "no node",
    ),
    "pod unschedulable for 15 s": (
        f"{{{POD}, metadata: {{creationTimestamp: '{recently(15)}'}}, status: {{phase: Pending, "
        "conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: no node}]}}",
        "failed",
        "no node",
    ),
    # Job.
    "job complete": (
        f"{{{JOB}, status: {{conditions: [{{type: Complete, status: 'True'}}]}}}}",
        "current",
        "the job is complete",
    ),
    "job suspended": (
        f"{{{JOB}, status: {{conditions: [{{type: Suspended, status: 'True'}}]}}}}",
        "current",
        "the job is suspended",
    ),
    "job failed": (
        f"{{{JOB}, status: {{conditions: [{{type: Failed, status: 'True', message: too often}}]}}}}",
        "failed",
        "too often",
    ),
    "job not started": (f"{{{JOB}}}", "in-progress", "the job has not started"),
    "job running": (
        f"{{{JOB}, status: {{startTime: x, active: 2, failed: 1}}}}",
        "current",
        "the job is running: 0 succeeded, 2 active, 1 failed",
    ),
    # Others.
    "claim bound": (
        "{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Bound}}",
        "current",
        "the claim is bound",
    ),
    "claim pending": (
        "{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Pending}}",
        "in-progress",
        "the claim is not bound",
    ),
    "service": (
        "{apiVersion: v1, kind: Service, spec: {type: ClusterIP}}",
        "current",
        "the service is there",
    ),
    "load balancer without address": (
        "{apiVersion: v1, kind: Service, spec: {type: LoadBalancer}}",
        "in-progress",
        "the cluster IP is not assigned",
    ),
    "load balancer": (
        "{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, clusterIP: 10.0.0.1}}",
        "current",
        "the service is there",
    ),
    "definition with taken names": (
        f"{{{CRD}, status: {{conditions: [{{type: NamesAccepted, status: 'False', message: taken}}]}}}}",
        "failed",
        "taken",
    ),
    "definition established": (
        f"{{{CRD}, status: {{conditions: [{{type: Established, status: 'True'}}]}}}}",
        "current",
        "the definition is established",
    ),
    "definition new": (f"{{{CRD}}}", "in-progress", "the definition is not established"),
    "budget": ("{apiVersion: policy/v1, kind: PodDisruptionBudget}", "current", "the budget is there"),
    "cron job": ("{apiVersion: batch/v1, kind: CronJob}", "current", "always current"),
}


@pytest.mark.parametrize(("text", "word", "message"), CASES.values(), ids=CASES)
def test_readiness(text: str, word: str, message: str) -> None:
    """The rule of each kind gives kstatus's word and a sentence with the numbers in it."""
    status = assess(load(text), NOW)
    assert (status.word, status.message) == (word, message)


def test_what_is_not_there() -> None:
    """An object that does not exist has a word of its own."""
    assert assess(None, NOW).word == "not-found"


def test_since_is_the_later_of_available_and_complete() -> None:
    """A Deployment is Current since its rollout completed, not since it was first available."""
    status = assess(load(deployment(FULL)), NOW)
    assert status.since is not None
    assert format_instant(status.since) == "2026-01-31T11:05:00Z"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["status", "conditions", "type", "metadata", "generation", "state", "spec", "reason"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(RULES)), ODD, ODD, ODD)
def test_no_object_can_stop_a_pass(
    group_kind: tuple[str, str], spec: object, status: object, more: object
) -> None:
    """Whatever an object holds, it gets a status: one poisoned object must not kill the loop."""
    group, kind = group_kind
    obj = {
        "apiVersion": f"{group}/v1" if group else "v1",
        "kind": kind,
        "spec": spec,
        "status": status,
        "metadata": more,
    }
    assert assess(obj, NOW).message is not None
