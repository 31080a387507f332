"""Keeps the status of every PodDisruptionBudget, which evictions ask (`pkg/controller/disruption`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.controllers import instants
from gitrel.cluster.controllers.claiming import matcher
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.controllers.disruption import sums
from gitrel.cluster.controllers.disruption.sums import Budget, Unknown
from gitrel.kube.conditions import with_condition
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, controller_of, labels_of

RESOURCE = "poddisruptionbudgets.policy"
_SCALED = {
    "ReplicaSet": "replicasets.apps",
    "Deployment": "deployments.apps",
    "StatefulSet": "statefulsets.apps",
    "ReplicationController": "replicationcontrollers",
}
"""Whose pods have a number that they should be."""


def _of_pod(change: Change, read: Reader) -> Iterator[Key]:
    """The budgets that select the pod, or did."""
    namespace = change.new["metadata"]["namespace"]
    for budget in read.list(RESOURCE, namespace):
        matches = _matcher(budget)
        if any(matches(labels_of(pod)) for pod in (change.old, change.new) if pod is not None):
            yield Key(namespace, budget["metadata"]["name"])


def _matcher(budget: Object) -> Callable[[Mapping[str, str]], bool]:
    """No selector selects nothing, an empty one everything."""
    selector = get(budget, "spec", "selector")
    return matcher(selector) if selector is not None else lambda labels: False


class DisruptionController:
    name = "disruption"
    watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {
        RESOURCE: own_key,
        "pods": _of_pod,
    }

    def reconcile(self, key: Key, context: Context) -> None:
        budget = context.read.get(RESOURCE, key.namespace, key.name)
        if budget is None:
            return
        matches = _matcher(budget)
        pods = [pod for pod in context.read.list("pods", key.namespace) if matches(labels_of(pod))]
        if not pods:
            context.write.event(budget, "Normal", "NoPods", "No matching pods found")
        old = budget.get("status") or {}
        kept, late = sums.still_disrupted(old.get("disruptedPods") or {}, pods, context.now)
        for pod in late:
            says = "Pod was expected by PDB {}/{} to be deleted but it wasn't"
            context.write.event(pod, "Warning", "NotDeleted", says.format(key.namespace, key.name))
        try:
            new = _status(budget, pods, kept, context)
        except Unknown as unknown:
            context.write.event(budget, "Warning", "CalculateExpectedPodCountFailed", str(unknown))
            new = _failed(budget, str(unknown), context)
        if new != old:
            context.write.update_status(RESOURCE, {**budget, "status": new})
        for at in kept.values():
            context.requeue_at(key, instants.read(at) + sums.DELETION_TIMEOUT)


def _status(budget: Object, pods: Sequence[Object], kept: Mapping[str, str], context: Context) -> Object:
    """Raises Unknown."""
    spec = budget.get("spec") or {}
    expected, desired = sums.expected_and_desired(spec, pods, lambda: _scale(pods, context.read))
    found = Budget(expected, desired, sums.healthy(pods, kept, context.now))
    reason = "SufficientPods" if found.allowed else "InsufficientPods"
    status: dict[str, Any] = {
        "conditions": _conditions(budget, found.allowed > 0, reason, "", context),
        "currentHealthy": found.healthy,
        "desiredHealthy": found.desired,
        "disruptionsAllowed": found.allowed,
        "expectedPods": found.expected,
        "observedGeneration": budget["metadata"].get("generation", 0),
    }
    return {**status, "disruptedPods": dict(kept)} if kept else status


def _failed(budget: Object, message: str, context: Context) -> Object:
    """Nobody is let go while nobody can count."""
    status = {**(budget.get("status") or {}), "disruptionsAllowed": 0}
    status["observedGeneration"] = budget["metadata"].get("generation", 0)
    status["conditions"] = _conditions(budget, False, "SyncFailed", message, context)
    return status


def _conditions(budget: Object, holds: bool, reason: str, message: str, context: Context) -> list[Any]:
    conditions = with_condition(
        get(budget, "status", "conditions"),
        "DisruptionAllowed",
        "True" if holds else "False",
        now=instants.stamp(context.now),
        reason=reason,
        message=message,
        observedGeneration=budget["metadata"].get("generation", 0),
    )
    # A meta/v1 Condition has a message, if only an empty one.
    return [{"message": "", **row} for row in conditions]


def _scale(pods: Iterable[Object], read: Reader) -> int:
    """How many pods their owners want, each owner counted once; pods of nobody do not count.

    Raises Unknown for an owner that has no such number.
    """
    found: dict[str, int] = {}
    for pod in pods:
        reference = controller_of(pod)
        if reference is None:
            continue
        owner = _scaled_owner(reference, pod["metadata"]["namespace"], read)
        if owner is None:
            name = pod["metadata"]["name"]
            kind, of = reference["kind"], reference["name"]
            raise Unknown(f'found no controllers with a scale for pod "{name}": {kind} "{of}" has none')
        found[owner["metadata"]["uid"]] = get(owner, "spec", "replicas", default=0)
    return sum(found.values())


def _scaled_owner(reference: Mapping[str, Any], namespace: str, read: Reader) -> Object | None:
    """The owner, or the Deployment behind it."""
    resource = _SCALED.get(reference["kind"])
    owner = read.get(resource, namespace, reference["name"]) if resource else None
    if owner is None or owner["metadata"]["uid"] != reference["uid"]:
        return None
    above = controller_of(owner) if reference["kind"] == "ReplicaSet" else None
    return (_scaled_owner(above, namespace, read) if above else None) or owner
