"""Priority: a pod's class becomes a number, and there is one default class at most.

`plugin/pkg/admission/priority/admission.go`.
"""

from __future__ import annotations

from typing import Any

from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.api.admission.sharing import shared
from gitrel.cluster.controllers.controller import Reader
from gitrel.kube.identity import Object

RESOURCE = "priorityclasses.scheduling.k8s.io"
_NONE: Object = {"value": 0, "preemptionPolicy": "PreemptLowerPriority"}
"""What holds where no class is named and none is the default."""


def _with_class(spec: Object, found: Any) -> Object:
    new = dict(spec)
    if name := (found.get("metadata") or {}).get("name"):
        new["priorityClassName"] = name
    new["priority"] = found.get("value") or 0
    if new.get("preemptionPolicy") is None:
        new["preemptionPolicy"] = found.get("preemptionPolicy") or "PreemptLowerPriority"
    return new


_classed = shared(_with_class)


def default_class(read: Reader) -> Object | None:
    """The default with the lowest value, where there are several after all."""
    defaults = [found for found in read.list(RESOURCE) if found.get("globalDefault")]
    return min(defaults, key=lambda found: found.get("value") or 0) if defaults else None


def _admit(attributes: Attributes, pod: Object) -> Object:
    spec = pod["spec"]
    if attributes.operation == "UPDATE":
        return _kept(attributes, pod)
    name = spec.get("priorityClassName")
    if name:
        found = attributes.read.get(RESOURCE, "", name)
        if found is None:
            raise attributes.forbidden(f"no PriorityClass with name {name} was found")
    else:
        found = default_class(attributes.read) or _NONE
    asked, value = spec.get("priority"), found.get("value") or 0
    if asked is not None and asked != value:
        raise attributes.forbidden(
            f"the integer value of priority ({asked}) must not be provided in pod spec; priority admission "
            f"controller computed {value} from the given PriorityClass name"
        )
    policy, own = spec.get("preemptionPolicy"), found.get("preemptionPolicy") or "PreemptLowerPriority"
    if policy is not None and policy != own:
        raise attributes.forbidden(
            f"the string value of PreemptionPolicy ({policy}) must not be provided in pod spec; priority "
            f"admission controller computed {own} from the given PriorityClass name"
        )
    return {**pod, "spec": _classed(spec, found)}


def _kept(attributes: Attributes, pod: Object) -> Object:
    """An update that leaves priority out keeps what was worked out at creation."""
    spec, old = pod["spec"], (attributes.old or {}).get("spec") or {}
    kept = {key: old[key] for key in ("priority", "preemptionPolicy") if key in old and spec.get(key) is None}
    return {**pod, "spec": {**spec, **kept}} if kept else pod


def _validate(attributes: Attributes, obj: Object) -> None:
    if not obj.get("globalDefault"):
        return
    other = default_class(attributes.read)
    if other is not None and other["metadata"]["name"] != attributes.name:
        known = other["metadata"]["name"]
        raise attributes.forbidden(
            f"PriorityClass {known} is already marked as default. Only one default can exist"
        )


PLUGINS = (
    Plugin("Priority", {"pods": ("CREATE", "UPDATE")}, admit=_admit),
    Plugin("Priority", {RESOURCE: ("CREATE", "UPDATE")}, validate=_validate),
)
