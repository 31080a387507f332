"""RuntimeClass: what a pod's runtime costs and where it runs is written into the pod.

`plugin/pkg/admission/runtimeclass/admission.go`.
"""

from __future__ import annotations

from typing import Any

from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.api.admission.sharing import shared
from gitrel.kube.identity import Object

RESOURCE = "runtimeclasses.node.k8s.io"


def _with_class(spec: Object, found: Any) -> Object:
    new = dict(spec)
    if overhead := (found.get("overhead") or {}).get("podFixed"):
        new["overhead"] = overhead
    scheduling = found.get("scheduling") or {}
    if selector := scheduling.get("nodeSelector"):
        new["nodeSelector"] = {**(spec.get("nodeSelector") or {}), **selector}
    if tolerations := scheduling.get("tolerations"):
        own = list(spec.get("tolerations") or ())
        new["tolerations"] = [*own, *(row for row in tolerations if row not in own)]
    return new


_classed = shared(_with_class)


def _admit(attributes: Attributes, pod: Object) -> Object:
    spec = pod["spec"]
    name = spec.get("runtimeClassName")
    if not name:
        if spec.get("overhead"):
            raise attributes.forbidden(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            )
        return pod
    found = attributes.read.get(RESOURCE, "", name)
    if found is None:
        raise attributes.forbidden(f'pod rejected: RuntimeClass "{name}" not found')
    overhead = (found.get("overhead") or {}).get("podFixed")
    if spec.get("overhead") is not None and spec["overhead"] != overhead:
        why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
        raise attributes.forbidden(why)
    selector = (found.get("scheduling") or {}).get("nodeSelector") or {}
    for key, value in (spec.get("nodeSelector") or {}).items():
        if selector.get(key, value) != value:
            raise attributes.forbidden(
                f"pod rejected: conflict: runtimeClass.scheduling.nodeSelector[{key}] = {selector[key]}; "
                f"pod.spec.nodeSelector[{key}] = {value}"
            )
    return {**pod, "spec": _classed(spec, found)}


PLUGINS = (Plugin("RuntimeClass", {"pods": ("CREATE",)}, admit=_admit),)
