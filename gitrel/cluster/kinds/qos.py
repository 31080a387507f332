"""A pod's class of service: how much of a node it can count on (`pkg/apis/core/helper/qos`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.cluster.kinds.podspec import all_containers
from gitrel.kube import quantities
from gitrel.kube.identity import Object


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort (`pkg/apis/core/helper/qos`): only cpu and memory count."""
    guaranteed, anything = True, False
    for _, container in all_containers(spec):
        resources = container.get("resources") or {}
        limits, requests = _counted(resources.get("limits")), _counted(resources.get("requests"))
        anything = anything or bool(limits or requests)
        if len(limits) < 2 or {**limits, **requests} != limits:
            guaranteed = False
    if not anything:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _counted(amounts: Mapping[str, Any] | None) -> dict[str, int]:
    milli = {name: quantities.milli(v) for name, v in (amounts or {}).items() if name in ("cpu", "memory")}
    return {name: amount for name, amount in milli.items() if amount}
