"""autoscaling/v1: the old face of an autoscaler (`pkg/apis/autoscaling/v1/conversion.go`).

It knows one metric, a percentage of the requested CPU; everything else travels in annotations as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gitrel.kube.identity import Object

VERSION = "autoscaling/v1"
_PREFIX = "autoscaling.alpha.kubernetes.io/"
_METRICS, _BEHAVIOR = f"{_PREFIX}metrics", f"{_PREFIX}behavior"
_CONDITIONS, _CURRENT = f"{_PREFIX}conditions", f"{_PREFIX}current-metrics"
_ANNOTATIONS = (_METRICS, _BEHAVIOR, _CONDITIONS, _CURRENT)


def _cpu_percent(metric: Mapping[str, Any]) -> int | None:
    """The target of a metric that v1 can say in a field of its own."""
    resource = metric.get("resource") or {}
    target = resource.get("target") or {}
    if metric.get("type") == "Resource" and resource.get("name") == "cpu":
        percent: int | None = target.get("averageUtilization")
        return percent
    return None


def to_v1(obj: Object) -> Object:
    """From what is stored, which is v2."""
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    notes: dict[str, Any] = {}
    others = []
    for metric in spec.pop("metrics", None) or ():
        percent = _cpu_percent(metric)
        if percent is not None and "targetCPUUtilizationPercentage" not in spec:
            spec["targetCPUUtilizationPercentage"] = percent
        else:
            others.append(metric)
    notes[_METRICS] = others
    notes[_BEHAVIOR] = spec.pop("behavior", None)
    notes[_CONDITIONS] = status.pop("conditions", None)
    current = status.pop("currentMetrics", None) or ()
    for metric in current:
        resource = metric.get("resource") or {}
        percent = (resource.get("current") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and percent is not None:
            status["currentCPUUtilizationPercentage"] = percent
    notes[_CURRENT] = list(current)
    status.setdefault("currentReplicas", 0)
    written = {key: orjson.dumps(value).decode() for key, value in notes.items() if value}
    return {**_annotated(obj, written), "apiVersion": VERSION, "spec": spec, "status": status}


def to_v2(obj: Object) -> Object:
    """Into what is stored. An annotation that is not JSON says nothing, as in Kubernetes."""
    annotations = obj["metadata"].get("annotations") or {}
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics = list(_read(annotations, _METRICS, list) or ())
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        metrics.insert(0, {"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if metrics:
        spec["metrics"] = metrics
    if behavior := _read(annotations, _BEHAVIOR, dict):
        spec["behavior"] = behavior
    status.pop("currentCPUUtilizationPercentage", None)
    if conditions := _read(annotations, _CONDITIONS, list):
        status["conditions"] = conditions
    if current := _read(annotations, _CURRENT, list):
        status["currentMetrics"] = current
    new = {**_annotated(obj, {}), "apiVersion": "autoscaling/v2", "spec": spec}
    return {**new, "status": status} if status else {k: v for k, v in new.items() if k != "status"}


def _read(annotations: Mapping[str, str], key: str, wanted: type) -> Any:
    try:
        value = orjson.loads(annotations.get(key) or "null")
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, wanted) else None


def _annotated(obj: Object, notes: Mapping[str, str]) -> Object:
    """With these instead of the conversion's own annotations."""
    old = obj["metadata"].get("annotations") or {}
    new = {**{key: value for key, value in old.items() if key not in _ANNOTATIONS}, **notes}
    metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
    return {**obj, "metadata": {**metadata, "annotations": new} if new else metadata}
