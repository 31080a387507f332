"""Is this object what its spec asks for? One table from kind to rule, after the rules for every kind.

kstatus (cli-utils `5895ad6c`, `pkg/kstatus/status`): deletion first, then the observed generation, then
the conditions Reconciling and Stalled, then the kind's own rule, then a `Ready` condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gitrel.delivery.readiness import others, pods, workloads
from gitrel.delivery.readiness.status import Status, Word, conditions, failed, in_progress
from gitrel.kube.fields import get
from gitrel.kube.identity import group_of

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
    ("policy", "PodDisruptionBudget"): others.always,
    ("", "ConfigMap"): others.always,
    ("", "Secret"): others.always,
    ("batch", "CronJob"): others.always,
}


def assess(obj: Mapping[str, Any] | None, now: datetime) -> Status:
    """The status of one live object; None stands for one that is not there. Never raises for odd content."""
    if obj is None:
        return Status("not-found", "the object does not exist")
    if early := _for_every_kind(obj):
        return early
    rule = RULES.get(
        (group_of(str(obj.get("apiVersion", ""))), str(obj.get("kind"))), others.by_ready_condition
    )
    return rule(obj, now)


def _for_every_kind(obj: Mapping[str, Any]) -> Status | None:
    if get(obj, "metadata", "deletionTimestamp") is not None:
        return Status("terminating", "the object is being deleted")
    generation, observed = get(obj, "metadata", "generation"), get(obj, "status", "observedGeneration")
    if isinstance(observed, int) and generation != observed:
        return in_progress(f"generation {generation} is not observed yet (observed: {observed})")
    found = conditions(obj)
    if (reconciling := found.get("Reconciling", {})).get("status") == "True":
        return in_progress(reconciling.get("message") or "reconciling")
    if (stalled := found.get("Stalled", {})).get("status") == "True":
        return failed(stalled.get("message") or "stalled")
    return None


__all__ = ["RULES", "Status", "Word", "assess"]
