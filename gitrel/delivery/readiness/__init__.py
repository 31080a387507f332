"""Is this object what its spec asks for? One table from kind to rule, after the rules for every kind.

kstatus (cli-utils `5895ad6c`, `pkg/kstatus/status`): deletion first, then the observed generation, then
the conditions Reconciling and Stalled, then the kind's own rule, then a `Ready` or `Available` condition. A
component's own rule comes right after the observed generation, in place of all that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gitrel.delivery.readiness import others, pods, workloads
from gitrel.delivery.readiness.status import Status, Word, conditions, failed, in_progress
from gitrel.kube.fields import get
from gitrel.kube.identity import group_of
from gitrel.repo.model import HealthRule

Rule = Callable[[Mapping[str, Any], datetime], Status]

RULES: Mapping[tuple[str, str], Rule] = {
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("", "Pod"): pods.pod,
    ("batch", "Job"): others.job,
    ("", "PersistentVolumeClaim"): others.claim,
    ("", "Service"): others.service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): others.definition,
    ("policy", "PodDisruptionBudget"): others.disruption_budget,
    ("", "ConfigMap"): others.always,
    ("", "Secret"): others.always,
    ("batch", "CronJob"): others.always,
    ("", "ReplicationController"): workloads.replica_set,
    ("", "Namespace"): others.namespace,
    ("", "PersistentVolume"): others.volume,
    ("autoscaling", "HorizontalPodAutoscaler"): others.autoscaler,
    ("apiregistration.k8s.io", "APIService"): others.api_service,
    ("certificates.k8s.io", "CertificateSigningRequest"): others.certificate_request,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): others.flow_schema,
    ("networking.k8s.io", "Ingress"): others.always,
}


def assess(obj: Mapping[str, Any] | None, now: datetime, own_rule: HealthRule | None = None) -> Status:
    """The status of one live object; None stands for one that is not there. Never raises for odd content.

    `own_rule` is what the component says about objects of this kind.
    """
    if obj is None:
        return Status("not-found", "the object does not exist")
    if early := _on_its_way(obj):
        return early
    if own_rule is not None:
        # Imported late: few components have rules, and the expressions' engine takes its time to load.
        from gitrel.delivery.expressions import status_by

        return status_by(own_rule, obj)
    if early := _by_conditions_of_every_kind(obj):
        return early
    rule = RULES.get((group_of(str(obj.get("apiVersion", ""))), str(obj.get("kind"))), others.by_conditions)
    return rule(obj, now)


def _on_its_way(obj: Mapping[str, Any]) -> Status | None:
    if get(obj, "metadata", "deletionTimestamp") is not None:
        return Status("terminating", "the object is being deleted")
    generation, observed = get(obj, "metadata", "generation"), get(obj, "status", "observedGeneration")
    if isinstance(observed, int) and generation != observed:
        return in_progress(f"generation {generation} is not observed yet (observed: {observed})")
    return None


def _by_conditions_of_every_kind(obj: Mapping[str, Any]) -> Status | None:
    found = conditions(obj)
    if (reconciling := found.get("Reconciling", {})).get("status") == "True":
        return in_progress(reconciling.get("message") or "reconciling")
    if (stalled := found.get("Stalled", {})).get("status") == "True":
        return failed(stalled.get("message") or "stalled")
    return None


__all__ = ["RULES", "Status", "Word", "assess"]
