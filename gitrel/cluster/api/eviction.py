"""Eviction: a deletion that asks the pod's disruption budget first.

The rules of `pkg/registry/core/pod/storage/eviction.go`. `decide` is pure; `evict` carries it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gitrel.cluster.api import errors
from gitrel.cluster.api.deletion import DeleteOptions
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.handler import Handler, Request
from gitrel.kube import selectors
from gitrel.kube.conditions import is_true, with_condition
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, labels_of

BUDGETS = "poddisruptionbudgets.policy"
DISRUPTED_MAX = 2000
"""Pods that a budget remembers as being disrupted; more than that and its controller is not keeping up."""
RETRY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """`charge` where a budget allows one disruption less afterwards."""

    act: Literal["delete", "charge"]
    budget: Object | None = None


def budgets_of(pod: Object, budgets: Sequence[Object]) -> list[Object]:
    """Those that select the pod; an empty selector selects every pod of its namespace, none at all none."""
    found = []
    for budget in budgets:
        selector = get(budget, "spec", "selector")
        if selector is not None and selectors.matches(selectors.from_object(selector), labels_of(pod)):
            found.append(budget)
    return found


def decide(pod: Object, budgets: Sequence[Object]) -> Verdict:
    """What becomes of an eviction. Raises ApiError 429 where it has to wait, 500 for more than one budget."""
    if _is_free(pod):
        return Verdict("delete")
    found = budgets_of(pod, budgets)
    if not found:
        return Verdict("delete")
    if len(found) > 1:
        message = (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
        raise ApiError(500, "InternalError", f"Internal error occurred: {message}")
    budget = found[0]
    if not is_true(pod, "Ready") and _lets_unready_go(budget):
        return Verdict("delete")
    _refuse(pod, budget)
    return Verdict("charge", budget)


def _is_free(pod: Object) -> bool:
    """Pods that serve nobody: over, not begun, or going already."""
    phase = get(pod, "status", "phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def _lets_unready_go(budget: Object) -> bool:
    if get(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    healthy = get(budget, "status", "currentHealthy", default=0)
    desired = get(budget, "status", "desiredHealthy", default=0)
    return bool(healthy >= desired > 0)


def _refuse(pod: Object, budget: Object) -> None:
    status, name = budget.get("status") or {}, budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise _too_many(why, RETRY_SECONDS)
    if len(status.get("disruptedPods") or {}) > DISRUPTED_MAX:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.forbidden("pods", pod["metadata"]["name"], why)
    if status.get("disruptionsAllowed", 0) < 1:
        needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        why = f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
        raise _too_many(why, 0)


def _too_many(why: str, retry_seconds: int) -> ApiError:
    details: dict[str, object] = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if retry_seconds:
        details["retryAfterSeconds"] = retry_seconds
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return ApiError(429, "TooManyRequests", message, details)


def evict(
    handler: Handler, namespace: str, name: str, options: DeleteOptions, request: Request
) -> Object | None:
    """As `Handler.delete`, with the budget charged and the reason in the pod's conditions."""
    pod = handler.store.get("pods", namespace, name)
    if pod is None:
        raise errors.not_found("pods", name)
    handler.admit("CREATE", "pods", "eviction", pod, _eviction(pod, options), None, request)
    verdict = decide(pod, handler.store.list(BUDGETS, namespace))
    # What follows is the eviction's own doing, about which nobody is asked.
    request = replace(request, admitted=True)
    own = replace(request, trusted=True)
    if verdict.budget is not None:
        budget, status = verdict.budget, verdict.budget["status"]
        disrupted = {**(status.get("disruptedPods") or {}), name: handler.timestamp()}
        left = {"disruptionsAllowed": status["disruptionsAllowed"] - 1, "disruptedPods": disrupted}
        handler.update_status(BUDGETS, {**budget, "status": {**status, **left}}, own)
    if not pod["metadata"].get("deletionTimestamp"):
        _mark(handler, pod, own)
    return handler.delete("pods", namespace, name, options, request)


def _eviction(pod: Object, options: DeleteOptions) -> Object:
    """As admission is shown it."""
    metadata = {key: pod["metadata"][key] for key in ("name", "namespace")}
    found: Object = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    if options.grace_seconds is not None:
        found["deleteOptions"] = {"gracePeriodSeconds": options.grace_seconds}
    return found


def _mark(handler: Handler, pod: Object, request: Request) -> None:
    status = pod.get("status") or {}
    conditions = with_condition(
        status.get("conditions"),
        "DisruptionTarget",
        "True",
        now=handler.timestamp(),
        reason="EvictionByEvictionAPI",
        message="Eviction API: evicting",
    )
    handler.update_status("pods", {**pod, "status": {**status, "conditions": conditions}}, request)
