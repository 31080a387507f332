"""What counts against a ResourceQuota: how much an object uses, for which quotas, and the sum. Pure.

Kubernetes `pkg/quota/v1/evaluator/core`: pods by what they request, claims by what they store, services by
what they occupy, and every kind by its number (`count/deployments.apps`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from gitrel.cluster.api.quantity import written
from gitrel.cluster.controllers.controller import Reader
from gitrel.cluster.kinds.claims import class_of
from gitrel.cluster.kinds.filling import remembered
from gitrel.cluster.kinds.services import needs_node_ports
from gitrel.kube import quantities
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

Usage = Mapping[str, Fraction]

_ONE = Fraction(1)
_BY_OLD_NAME = frozenset(
    ("configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets",
     "services")
)  # fmt: skip
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_CLASS = ".storageclass.storage.k8s.io/"


def usage_of(resource: str, obj: Object) -> Usage:
    """What one object uses, by the names that quotas have for it."""
    match resource:
        case "pods":
            return _pod_usage(obj)
        case "services":
            return {**_counted(resource), **_service_usage(obj)}
        case "persistentvolumeclaims":
            return {**_counted(resource), **_claim_usage(obj)}
        case _:
            return _counted(resource)


def _counted(resource: str) -> dict[str, Fraction]:
    counted = {f"count/{resource}": _ONE}
    if resource in _BY_OLD_NAME:
        counted[resource] = _ONE
    return counted


# --- pods -------------------------------------------------------------------------------------------------


def is_terminal(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def _pod_usage(pod: Object) -> Usage:
    """A pod that has ended occupies nothing but its place in the store."""
    if is_terminal(pod):
        return {"count/pods": _ONE}
    usage: Usage = _spec_usage(pod["spec"])
    return usage


def _whole_spec_usage(spec: Object) -> Any:
    usage = dict(_counted("pods"))
    for name, amount in pod_total(spec, "requests").items():
        if name in _COMPUTE:
            usage[name] = amount
        if name in _COMPUTE or name.startswith("hugepages-") or "/" in name:
            usage[f"requests.{name}"] = amount
        if name.startswith("hugepages-"):
            usage[name] = amount
    for name, amount in pod_total(spec, "limits").items():
        if name in _COMPUTE:
            usage[f"limits.{name}"] = amount
    return usage


_spec_usage = remembered(_whole_spec_usage)


def pod_total(spec: Object, key: str) -> dict[str, Fraction]:
    """`requests` or `limits` of a whole pod: the containers, or the greediest step of starting up."""
    total: dict[str, Fraction] = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(container, key))
    beside: dict[str, Fraction] = {}
    step_max: dict[str, Fraction] = {}
    for container in spec.get("initContainers") or ():
        own = _amounts(container, key)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(beside, own)
            own = beside
        else:
            zero = Fraction(0)
            own = {name: own.get(name, zero) + beside.get(name, zero) for name in {*own, *beside}}
        for name, amount in own.items():
            step_max[name] = max(step_max.get(name, Fraction(0)), Fraction(amount))
    for name, amount in step_max.items():
        total[name] = max(total.get(name, Fraction(0)), amount)
    for name, amount in (spec.get("overhead") or {}).items():
        if key == "requests" or name in total:
            total[name] = total.get(name, Fraction(0)) + quantities.parse(amount)
    return total


def _amounts(container: Object, key: str) -> dict[str, Fraction]:
    amounts = (container.get("resources") or {}).get(key) or {}
    return {name: quantities.parse(amount) for name, amount in amounts.items()}


def _add(total: dict[str, Fraction], more: Mapping[str, Fraction]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Fraction(0)) + amount


def unstated(spec: Object, hard: Iterable[str]) -> str:
    """What containers have to say because a quota counts it: `limits.cpu for: app; …`; empty when they do."""
    missing: dict[str, list[str]] = {}
    wanted = sorted(name for name in hard if name in _MUST_STATE)
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        for name in wanted:
            key, resource = _MUST_STATE[name]
            if resource not in ((container.get("resources") or {}).get(key) or {}):
                missing.setdefault(name, []).append(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))


_MUST_STATE = {
    "cpu": ("requests", "cpu"),
    "memory": ("requests", "memory"),
    "requests.cpu": ("requests", "cpu"),
    "requests.memory": ("requests", "memory"),
    "limits.cpu": ("limits", "cpu"),
    "limits.memory": ("limits", "memory"),
}


# --- services and claims ----------------------------------------------------------------------------------


def _service_usage(service: Object) -> dict[str, Fraction]:
    spec = service.get("spec") or {}
    ports = Fraction(len(spec.get("ports") or ())) if needs_node_ports(spec) else Fraction(0)
    balanced = _ONE if spec.get("type") == "LoadBalancer" else Fraction(0)
    return {"services.nodeports": ports, "services.loadbalancers": balanced}


def _claim_usage(claim: Object) -> dict[str, Fraction]:
    asked = quantities.parse(get(claim, "spec", "resources", "requests", "storage", default="0"))
    usage = {"requests.storage": asked}
    if name := class_of(claim):
        usage[f"{name}{_CLASS}requests.storage"] = asked
        usage[f"{name}{_CLASS}persistentvolumeclaims"] = _ONE
    return usage


# --- which quota ------------------------------------------------------------------------------------------


def counts_for(quota: Object, resource: str, obj: Object) -> bool:
    """Whether the quota's scopes mean the object. Quotas with scopes are about pods (and claims' classes)."""
    spec = quota.get("spec") or {}
    rows = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    rows += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    if not rows:
        return True
    if resource == "persistentvolumeclaims":
        return all(row["scopeName"] == "VolumeAttributesClass" and _of_class(row, obj) for row in rows)
    return resource == "pods" and all(_SCOPES[row["scopeName"]](row, obj) for row in rows)


def _of_class(row: Mapping[str, Any], claim: Object) -> bool:
    return _chosen(row, get(claim, "spec", "volumeAttributesClassName"))


def _chosen(row: Mapping[str, Any], value: str | None) -> bool:
    values = row.get("values") or ()
    match row.get("operator"):
        case "Exists":
            return bool(value)
        case "DoesNotExist":
            return not value
        case "In":
            return value in values
        case _:
            return value not in values


def _is_best_effort(pod: Object) -> bool:
    spec = pod["spec"]
    return not any(
        name in ("cpu", "memory") and amount
        for key in ("requests", "limits")
        for name, amount in pod_total(spec, key).items()
    )


def _is_terminating(pod: Object) -> bool:
    return pod["spec"].get("activeDeadlineSeconds") is not None


def _reaches_other_namespaces(pod: Object) -> bool:
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = get(pod, "spec", "affinity", kind, default={})
        terms = [
            *(affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()),
            *(
                row.get("podAffinityTerm") or {}
                for row in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
            ),
        ]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


_SCOPES: Mapping[str, Callable[[Mapping[str, Any], Object], bool]] = {
    "BestEffort": lambda _, pod: _is_best_effort(pod),
    "NotBestEffort": lambda _, pod: not _is_best_effort(pod),
    "Terminating": lambda _, pod: _is_terminating(pod),
    "NotTerminating": lambda _, pod: not _is_terminating(pod),
    "CrossNamespacePodAffinity": lambda _, pod: _reaches_other_namespaces(pod),
    "PriorityClass": lambda row, pod: _chosen(row, pod["spec"].get("priorityClassName")),
    "VolumeAttributesClass": lambda row, pod: False,
}


# --- sums -------------------------------------------------------------------------------------------------


def resources_of(hard: Iterable[str]) -> Sequence[str]:
    """Which resources have to be looked at to fill in these names, in alphabetical order."""
    wanted: set[str] = set()
    for name in hard:
        if name.startswith("count/"):
            wanted.add(name.removeprefix("count/"))
        elif name in _BY_OLD_NAME:
            wanted.add(name)
        elif name.startswith("services."):
            wanted.add("services")
        elif name == "requests.storage" or _CLASS in name:
            wanted.add("persistentvolumeclaims")
        else:
            wanted.add("pods")
    return sorted(wanted)


def recount(quota: Object, read: Reader) -> dict[str, str]:
    """`status.used` for everything that `spec.hard` names, from what is there."""
    hard: Mapping[str, Any] = (quota.get("spec") or {}).get("hard") or {}
    total: dict[str, Fraction] = dict.fromkeys(hard, Fraction(0))
    namespace = quota["metadata"]["namespace"]
    for resource in resources_of(hard):
        for obj in read.list(resource, namespace):
            if counts_for(quota, resource, obj):
                for name, amount in usage_of(resource, obj).items():
                    if name in total:
                        total[name] += amount
    return {name: written(amount, like=str(hard[name])) for name, amount in total.items()}
