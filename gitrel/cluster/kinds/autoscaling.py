"""HorizontalPodAutoscalers, v2 (`pkg/apis/autoscaling/v2/defaults.go`, `pkg/apis/autoscaling/validation`)."""

from __future__ import annotations

from collections.abc import Iterator

from gitrel.cluster.api.errors import FieldError, invalid_value, required
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

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
    kinds = ("ContainerResource", "External", "Object", "Pods", "Resource")
    for index, metric in enumerate(spec.get("metrics") or ()):
        yield from checks.one_of(metric.get("type", ""), kinds, f"spec.metrics[{index}].type")


KINDS = (
    Kind(
        "horizontalpodautoscalers.autoscaling", "autoscaling/v2", "HorizontalPodAutoscaler",
        short_names=("hpa",), categories=("all",), status=True, default=default_autoscaler,
        prepare=prepare_autoscaler, validate=validate_autoscaler,
    ),
)  # fmt: skip
