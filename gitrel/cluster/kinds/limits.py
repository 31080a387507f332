"""LimitRanges and ResourceQuotas (`pkg/apis/core/v1/defaults.go`, `pkg/apis/core/validation`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid_value,
    required,
    unsupported,
)
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, each, filled
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import qualified_name_problems
from gitrel.kube import quantities
from gitrel.kube.identity import Object

# --- LimitRange -------------------------------------------------------------------------------------------

_LISTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def default_limit_range(obj: Object) -> Object:
    return changed(obj, "spec", lambda spec: changed(spec, "limits", each(_default_limit)))


def _default_limit(limit: Object) -> Object:
    """For containers: the default limit is the maximum, the default request that limit, else the minimum."""
    if limit.get("type") != "Container":
        return limit
    default = {**(limit.get("max") or {}), **(limit.get("default") or {})}
    request = {**(limit.get("min") or {}), **default, **(limit.get("defaultRequest") or {})}
    new = {**limit, **({"default": default} if default else {})}
    new.update({"defaultRequest": request} if request else {})
    return limit if new == limit else new


def validate_limit_range(obj: Object) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, limit in enumerate((obj.get("spec") or {}).get("limits") or ()):
        at, type_ = f"spec.limits[{index}]", limit.get("type") or ""
        yield from _limit_type_errors(type_, f"{at}.type")
        if type_ in seen:
            yield duplicate(f"{at}.type", type_)
        seen.add(type_)
        yield from _limit_errors(limit, type_, at)


def _limit_type_errors(type_: str, field: str) -> Iterator[FieldError]:
    for problem in qualified_name_problems(type_):
        yield invalid_value(field, type_, problem)
    if "/" not in type_ and type_ not in ("Pod", "Container", "PersistentVolumeClaim"):
        yield invalid_value(field, type_, "must be a standard limit type or fully qualified")


def _limit_errors(limit: Mapping[str, Any], type_: str, at: str) -> Iterator[FieldError]:
    for key in _LISTS:
        for name, amount in (limit.get(key) or {}).items():
            yield from checks.quantity(amount, f"{at}.{key}[{name}]")
    if type_ == "Pod":
        for key in ("default", "defaultRequest"):
            if limit.get(key):
                says = "may not be specified when `type` is 'Pod'"
                yield forbidden_field(f"{at}.{key}", says)
    if type_ == "PersistentVolumeClaim" and not (
        "storage" in (limit.get("min") or {}) or "storage" in (limit.get("max") or {})
    ):
        yield required(
            f"{at}.limits", "either minimum or maximum storage value is required, but neither was provided"
        )
    for name in sorted({name for key in _LISTS for name in limit.get(key) or {}}):
        yield from _order_errors(limit, name, at)


def _order_errors(limit: Mapping[str, Any], name: str, at: str) -> Iterator[FieldError]:
    """min ≤ defaultRequest ≤ default ≤ max, as far as they are given."""
    chain = [(key, amount) for key in ("min", "defaultRequest", "default", "max")
             if (amount := (limit.get(key) or {}).get(name)) is not None]  # fmt: skip
    words = {"min": "min", "defaultRequest": "default request", "default": "default", "max": "max"}
    for low, (key, amount) in enumerate(chain):
        for above, ceiling in chain[low + 1 :]:
            if quantities.parse(amount) > quantities.parse(ceiling):
                says = f"{words[key]} value {amount} is greater than {words[above]} value {ceiling}"
                yield invalid_value(f"{at}.{key}[{name}]", amount, says)
    ratio = (limit.get("maxLimitRequestRatio") or {}).get(name)
    if ratio is not None and quantities.parse(ratio) < 1:
        yield invalid_value(f"{at}.maxLimitRequestRatio[{name}]", ratio, f"ratio {ratio} is less than 1")


# --- ResourceQuota ----------------------------------------------------------------------------------------

STANDARD = frozenset((
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage",
    "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods",
    "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims",
    "configmaps", "services.nodeports", "services.loadbalancers",
))  # fmt: skip
_WHOLE = frozenset((
    "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims",
    "configmaps", "services.nodeports", "services.loadbalancers",
))  # fmt: skip
SCOPES = (
    "BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass",
    "Terminating", "VolumeAttributesClass",
)  # fmt: skip
_COMPUTE = frozenset((
    "pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory",
))  # fmt: skip


def prepare_quota(obj: Object) -> Object:
    return {**obj, "status": {}}


def validate_quota(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    hard = spec.get("hard") or {}
    yield from amount_errors(hard, "spec.hard")
    yield from _scope_errors(spec, hard)


def amount_errors(amounts: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    for name, amount in amounts.items():
        field = f"{at}[{name}]"
        for problem in qualified_name_problems(name):
            yield invalid_value(field, name, problem)
        if (
            "/" not in name
            and name not in STANDARD
            and not name.startswith(("hugepages-", "requests.hugepages-"))
        ):
            yield invalid_value(field, name, "must be a standard resource for quotas")
        yield from checks.quantity(amount, field)
        if (name in _WHOLE or name.startswith("count/")) and quantities.parse(amount).denominator != 1:
            yield invalid_value(field, amount, "must be an integer")


def _scope_errors(spec: Mapping[str, Any], hard: Mapping[str, Any]) -> Iterator[FieldError]:
    scopes: Sequence[str] = spec.get("scopes") or ()
    for scope in scopes:
        if scope not in SCOPES:
            yield invalid_value("spec.scopes", list(scopes), "unsupported scope")
    for pair in (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")):
        if set(pair) <= set(scopes):
            yield invalid_value("spec.scopes", list(scopes), "conflicting scopes")
    for name in hard:
        allowed = _allowed(name, scopes)
        if not allowed:
            yield invalid_value("spec.scopes", list(scopes), "unsupported scope applied to resource")
    for index, row in enumerate((spec.get("scopeSelector") or {}).get("matchExpressions") or ()):
        yield from _selector_errors(row, f"spec.scopeSelector.matchExpressions[{index}]")


def _allowed(name: str, scopes: Sequence[str]) -> bool:
    if "BestEffort" in scopes and name != "pods":
        return False
    pods_only = {"NotBestEffort", "Terminating", "NotTerminating"} & set(scopes)
    return not pods_only or name in _COMPUTE or name.startswith(("requests.", "limits."))


def _selector_errors(row: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    scope, operator, values = row.get("scopeName") or "", row.get("operator"), row.get("values") or ()
    if scope not in SCOPES:
        yield invalid_value(f"{at}.scopeName", scope, "unsupported scope")
    if operator in ("In", "NotIn"):
        if not values:
            says = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            yield required(f"{at}.values", says)
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            says = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            yield invalid_value(f"{at}.values", list(values), says)
    else:
        yield unsupported(f"{at}.operator", operator, ["DoesNotExist", "Exists", "In", "NotIn"])
    if scope not in ("PriorityClass", "VolumeAttributesClass") and operator not in (None, "Exists"):
        names = (
            "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity",
        )  # fmt: skip
        *most, last = (f"ResourceQuotaScope{name}" for name in names)
        says = f"must be 'Exist' when scope is any of {', '.join(most)} or {last}"
        yield invalid_value(f"{at}.operator", operator, says)


def validate_quota_update(new: Object, old: Object) -> Iterator[FieldError]:
    before, after = (obj.get("spec") or {} for obj in (old, new))
    if sorted(before.get("scopes") or ()) != sorted(after.get("scopes") or ()):
        yield invalid_value("spec.scopes", after.get("scopes"), "field is immutable")


def validate_quota_status(new: Object, old: Object) -> Iterator[FieldError]:
    for key in ("hard", "used"):
        yield from amount_errors((new.get("status") or {}).get(key) or {}, f"status.{key}")


KINDS = (
    Kind(
        "limitranges", "v1", "LimitRange", short_names=("limits",), default=default_limit_range,
        validate=validate_limit_range,
    ),
    Kind(
        "resourcequotas", "v1", "ResourceQuota", short_names=("quota",), status=True,
        prepare=prepare_quota, validate=validate_quota, validate_update=validate_quota_update,
        validate_status=validate_quota_status, default=lambda obj: filled(obj, {"spec": {}}),
    ),
)  # fmt: skip
