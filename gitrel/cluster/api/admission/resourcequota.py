"""ResourceQuota: what a write would use is charged to every quota of its namespace, or refused.

The last of the chain: nothing refuses after it, so charging and writing are one transaction. The rules are
those of apiserver `pkg/admission/plugin/resourcequota/controller.go` (CheckRequest).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from gitrel.cluster.api import quotas
from gitrel.cluster.api.admission.plugin import Attributes, Operation, Plugin
from gitrel.cluster.api.quantity import written
from gitrel.kube import quantities
from gitrel.kube.identity import Object

RESOURCE = "resourcequotas"
_CHANGING = ("services", "persistentvolumeclaims")
"""Kinds of which an update can use more than before; pods do by their `resize` subresource."""

Charge = Callable[[Object], object]


def plugins(charge: Charge) -> Sequence[Plugin]:
    """`charge` stores a quota with its new status."""

    def validate(attributes: Attributes, obj: Object) -> None:
        found = attributes.read.list(RESOURCE, attributes.namespace) if attributes.namespace else ()
        if not found:
            return
        charged = _charged(attributes, obj, found)
        if not attributes.dry_run:
            for quota in charged:
                charge(quota)

    looks_at: dict[str, Sequence[Operation]] = {
        "*": ("CREATE",),
        **dict.fromkeys((*_CHANGING, "pods/resize"), ("CREATE", "UPDATE")),
    }
    return (Plugin("ResourceQuota", looks_at, validate=validate),)


def _charged(attributes: Attributes, obj: Object, found: Sequence[Object]) -> list[Object]:
    """The quotas that change, with what they will have used. Raises ApiError 403 where one is exceeded."""
    resource = attributes.kind.resource
    changed = []
    usage = quotas.usage_of(resource, obj)
    for quota in found:
        if not quotas.counts_for(quota, resource, obj):
            continue
        hard: Mapping[str, Any] = (quota.get("spec") or {}).get("hard") or {}
        name = quota["metadata"]["name"]
        if resource == "pods" and (missing := quotas.unstated(obj["spec"], hard)):
            raise attributes.forbidden(f"failed quota: {name}: must specify {missing}")
        delta = _delta(usage, attributes, quota, hard)
        if not delta:
            continue
        used = _used(quota, hard, attributes)
        _refuse_excess(attributes, name, hard, used, delta)
        new = {**used, **{key: _sum(used[key], amount, hard[key]) for key, amount in delta.items()}}
        changed.append({**quota, "status": {"hard": dict(hard), "used": new}})
    return changed


def _delta(
    usage: quotas.Usage, attributes: Attributes, quota: Object, hard: Mapping[str, Any]
) -> dict[str, Fraction]:
    """What changes, of what this quota counts."""
    resource, old = attributes.kind.resource, attributes.old
    before: quotas.Usage = {}
    if old is not None and quotas.counts_for(quota, resource, old):
        before = quotas.usage_of(resource, old)
    delta = {name: amount - before.get(name, 0) for name, amount in usage.items() if name in hard}
    return {name: amount for name, amount in delta.items() if amount}


def _used(quota: Object, hard: Mapping[str, Any], attributes: Attributes) -> dict[str, str]:
    """As the quota's status has it; counted now where the status is older than the spec."""
    status = quota.get("status") or {}
    known: Mapping[str, str] = status.get("used") or {}
    if all(name in known for name in hard):
        return dict(known)
    return quotas.recount(quota, attributes.read)


def _refuse_excess(
    attributes: Attributes,
    name: str,
    hard: Mapping[str, Any],
    used: Mapping[str, str],
    delta: Mapping[str, Fraction],
) -> None:
    over = sorted(
        key
        for key, amount in delta.items()
        if amount > 0 and quantities.parse(used[key]) + amount > quantities.parse(hard[key])
    )
    if not over:
        return
    asked = ",".join(f"{key}={written(delta[key], like=str(hard[key]))}" for key in over)
    had = ",".join(f"{key}={used[key]}" for key in over)
    limit = ",".join(f"{key}={hard[key]}" for key in over)
    raise attributes.forbidden(f"exceeded quota: {name}, requested: {asked}, used: {had}, limited: {limit}")


def _sum(used: str, amount: Fraction, like: Any) -> str:
    return written(quantities.parse(used) + amount, like=str(like))
