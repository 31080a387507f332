"""Kinds that run nothing themselves: storage, networking, policies, definitions, certificates."""

from __future__ import annotations

import pytest

from gitrel.delivery.readiness import assess
from tests.delivery.support import NOW, load

CRD = "apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition"

CASES = {
    "config map": ("{apiVersion: v1, kind: ConfigMap}", "current", "always current"),
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
def test_how_an_object_of_another_kind_is(text: str, word: str, message: str) -> None:
    """The rule of each kind gives kstatus's word and sentence."""
    status = assess(load(text), NOW)
    assert (status.word, status.message) == (word, message)
