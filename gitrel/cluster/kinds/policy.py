"""PodDisruptionBudgets (`pkg/apis/policy/validation/validation.go`, `pkg/registry/policy`)."""

from __future__ import annotations

from collections.abc import Iterator

from gitrel.cluster.api.errors import FieldError, invalid_value
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.kube.identity import Object

_STATUS = {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}


def prepare_budget(obj: Object) -> Object:
    return {**obj, "status": _STATUS}


def validate_budget(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield invalid_value("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for key in ("minAvailable", "maxUnavailable"):
        yield from checks.int_or_percent(spec.get(key), f"spec.{key}", percent_max=100)
    yield from checks.label_selector(spec.get("selector"), "spec.selector")
    policies = ("AlwaysAllow", "IfHealthyBudget")
    policy = spec.get("unhealthyPodEvictionPolicy")
    yield from checks.one_of(policy, policies, "spec.unhealthyPodEvictionPolicy")


def validate_budget_status(new: Object, old: Object) -> Iterator[FieldError]:
    status = new.get("status") or {}
    yield from checks.conditions(status.get("conditions") or (), "status.conditions")
    yield from checks.non_negative(status, *_STATUS, at="status")


KINDS = (
    Kind(
        "poddisruptionbudgets.policy", "policy/v1", "PodDisruptionBudget", short_names=("pdb",), status=True,
        counted=spec_of, prepare=prepare_budget, validate=validate_budget,
        validate_status=validate_budget_status,
    ),
)  # fmt: skip
