"""HorizontalPodAutoscalers, stored as v2 (`pkg/apis/autoscaling/v2/defaults.go`, `validation`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, unsupported
from gitrel.cluster.kinds import autoscaling_v1, checks
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.kind import Kind, Served
from gitrel.kube import quantities
from gitrel.kube.identity import Object

_RESOURCE = "horizontalpodautoscalers.autoscaling"
_CPU_80 = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_WINDOW_MAX, _PERIOD_MAX = 3600, 1800
"""Seconds: of a stabilization window, and of the period of a scaling policy."""
_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def default_autoscaler(obj: Object) -> Object:
    return changed(obj, "spec", _default_spec)


def _default_spec(spec: Object) -> Object:
    spec = filled(spec, {"minReplicas": 1, "metrics": [_CPU_80]})
    return changed(spec, "behavior", _default_behavior)


def _default_behavior(behavior: Object) -> Object:
    behavior = filled(behavior, {"scaleUp": {}, "scaleDown": {}})
    behavior = changed(behavior, "scaleUp", lambda rules: filled(rules, _UP))
    return changed(behavior, "scaleDown", lambda rules: filled(rules, _DOWN))


def prepare_autoscaler(obj: Object) -> Object:
    return {**obj, "status": {"currentMetrics": None, "desiredReplicas": 0}}


def validate_autoscaler(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if low is not None and low < 1:
        yield invalid_value("spec.minReplicas", low, "must be greater than or equal to 1")
    if high < 1:
        yield invalid_value("spec.maxReplicas", high, "must be greater than 0")
    elif low is not None and high < low:
        yield invalid_value("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for key in ("kind", "name"):
        if not target.get(key):
            yield required(f"spec.scaleTargetRef.{key}")
    if not target.get("apiVersion") and target.get("kind") not in ("ReplicationController", "", None):
        yield invalid_value("spec.scaleTargetRef.apiVersion", "", "apiVersion must specify API group")
    for index, metric in enumerate(spec.get("metrics") or ()):
        yield from _metric_errors(metric, f"spec.metrics[{index}]")
    behavior = spec.get("behavior") or {}
    for direction in ("scaleUp", "scaleDown"):
        yield from _rule_errors(behavior.get(direction) or {}, f"spec.behavior.{direction}")


_SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
"""Type of a metric → the field that describes it."""


def _metric_errors(metric: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    type_ = metric.get("type") or ""
    if not type_:
        yield required(f"{at}.type", "must specify a metric source type")
    if type_ not in _SOURCES:
        yield unsupported(f"{at}.type", type_, sorted(_SOURCES))
        return
    own = _SOURCES[type_]
    if metric.get(own) is None:
        yield required(f"{at}.{own}", "must populate information for the given metric source")
    for other in sorted(set(_SOURCES.values()) - {own}):
        if metric.get(other) is not None:
            yield forbidden_field(f"{at}.{other}", "must populate the given metric source only")
    source = metric.get(own) or {}
    if own in ("resource", "containerResource") and source and not source.get("name"):
        yield required(f"{at}.{own}.name", "must specify a resource name")
    if own == "containerResource" and source and not source.get("container"):
        yield required(f"{at}.{own}.container", "must specify a container")
    if source:
        yield from _target_errors(source.get("target") or {}, f"{at}.{own}.target", own)


def _target_errors(target: Mapping[str, Any], at: str, source: str) -> Iterator[FieldError]:
    type_ = target.get("type") or ""
    if not type_:
        yield required(f"{at}.type", "must specify a metric target type")
    if type_ not in ("AverageValue", "Utilization", "Value"):
        says = "must be either Utilization, Value, or AverageValue"
        yield invalid_value(f"{at}.type", type_, says)
    percent = target.get("averageUtilization")
    if percent is not None and percent < 1:
        yield invalid_value(f"{at}.averageUtilization", percent, "must be greater than 0")
    for key in ("value", "averageValue"):
        if target.get(key) is not None and quantities.parse(target[key]) <= 0:
            yield invalid_value(f"{at}.{key}", target[key], "must be positive")
    if source == "pods" and target.get("averageValue") is None:
        yield required(f"{at}.averageValue", "must specify a positive target averageValue")
    if source in ("resource", "containerResource"):
        if percent is None and target.get("averageValue") is None:
            says = "must set either a target raw value or a target utilization"
            yield required(f"{at}.averageUtilization", says)
        elif percent is not None and target.get("averageValue") is not None:
            says = "may not set both a target raw value and a target utilization"
            yield forbidden_field(f"{at}.averageValue", says)


def _rule_errors(rules: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        yield invalid_value(
            f"{at}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"
        )
    elif window is not None and window > _WINDOW_MAX:
        says = f"must be less than or equal to {_WINDOW_MAX}"
        yield invalid_value(f"{at}.stabilizationWindowSeconds", window, says)
    policies = ("Disabled", "Max", "Min")
    yield from checks.one_of(rules.get("selectPolicy"), policies, f"{at}.selectPolicy")
    if rules and not rules.get("policies"):
        yield required(f"{at}.policies", "must specify at least one Policy")
    for index, policy in enumerate(rules.get("policies") or ()):
        field, seconds = f"{at}.policies[{index}]", policy.get("periodSeconds") or 0
        yield from checks.one_of(policy.get("type"), ("Percent", "Pods"), f"{field}.type")
        if (policy.get("value") or 0) <= 0:
            yield invalid_value(f"{field}.value", policy.get("value") or 0, "must be greater than zero")
        if seconds <= 0:
            yield invalid_value(f"{field}.periodSeconds", seconds, "must be greater than zero")
        elif seconds > _PERIOD_MAX:
            says = f"must be less than or equal to {_PERIOD_MAX}"
            yield invalid_value(f"{field}.periodSeconds", seconds, says)


KINDS = (
    Kind(
        _RESOURCE, "autoscaling/v2", "HorizontalPodAutoscaler", short_names=("hpa",), categories=("all",),
        status=True, default=default_autoscaler, prepare=prepare_autoscaler, validate=validate_autoscaler,
        served=(Served(_RESOURCE, autoscaling_v1.VERSION, autoscaling_v1.to_v2, autoscaling_v1.to_v1),),
    ),
)  # fmt: skip
