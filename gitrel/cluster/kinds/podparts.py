"""What of a running pod is written by itself: containers added for debugging, and resources resized.

`pkg/registry/core/pod/strategy.go` (ephemeralContainersStrategy, podResizeStrategy).
"""

from __future__ import annotations

from collections.abc import Iterator

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value
from gitrel.cluster.kinds.kind import Subresource
from gitrel.cluster.kinds.podspec import default_container
from gitrel.cluster.kinds.podvalidation import pod_spec_errors, resource_errors
from gitrel.cluster.kinds.qos import qos_class
from gitrel.kube.identity import Object

_EPHEMERAL = "ephemeralContainers"
_NOT_EPHEMERAL = ("lifecycle", "livenessProbe", "ports", "readinessProbe", "resources", "startupProbe")


def take_ephemeral(sent: Object, old: Object) -> Object:
    containers = [_ephemeral(c) for c in (sent.get("spec") or {}).get(_EPHEMERAL) or ()]
    spec = {key: value for key, value in old["spec"].items() if key != _EPHEMERAL}
    return {**old, "spec": {**spec, _EPHEMERAL: containers} if containers else spec}


def _ephemeral(container: Object) -> Object:
    own = default_container(container)
    return own if own["resources"] else {**own, "resources": {}}


def validate_ephemeral(new: Object, old: Object) -> Iterator[FieldError]:
    """They are added and stay; none has what makes a container part of the service."""
    at = f"spec.{_EPHEMERAL}"
    before = {c["name"]: c for c in old["spec"].get(_EPHEMERAL) or ()}
    after = new["spec"].get(_EPHEMERAL) or ()
    names = {c.get("name") for c in after}
    for name in before:
        if name not in names:
            yield forbidden_field(at, f'existing ephemeral containers "{name}" may not be removed')
    others = {c["name"] for key in ("initContainers", "containers") for c in new["spec"].get(key) or ()}
    for index, container in enumerate(after):
        name = container.get("name")
        if name in before and before[name] != container:
            yield forbidden_field(at, f'existing ephemeral containers "{name}" may not be changed')
        if name in others:
            yield FieldError("FieldValueDuplicate", f"{at}[{index}].name", f'Duplicate value: "{name}"')
        for key in _NOT_EPHEMERAL:
            if container.get(key):
                yield forbidden_field(f"{at}[{index}].{key}", "cannot be set for an Ephemeral Container")
        target = container.get("targetContainerName")
        if target and target not in others:
            yield FieldError(
                "FieldValueNotFound", f"{at}[{index}].targetContainerName", f'Not found: "{target}"'
            )
    for error in pod_spec_errors({**new["spec"], "containers": list(after) or [{}]}, "spec"):
        if after and error.field.startswith("spec.containers"):
            yield error._replace(field=error.field.replace("spec.containers", at, 1))


def take_resize(sent: Object, old: Object) -> Object:
    """Of every container the resources and nothing else."""
    spec = dict(old["spec"])
    for key in ("initContainers", "containers"):
        wanted = {c.get("name"): c for c in (sent.get("spec") or {}).get(key) or ()}
        if old["spec"].get(key):
            spec[key] = [_resized(c, wanted.get(c["name"])) for c in old["spec"][key]]
    return old if spec == old["spec"] else {**old, "spec": spec}


def _resized(container: Object, wanted: Object | None) -> Object:
    if wanted is None:
        return container
    return {**container, "resources": wanted.get("resources") or {}}


def validate_resize(new: Object, old: Object) -> Iterator[FieldError]:
    """Only cpu and memory change, and not so that the pod's class of service does."""
    for index, container in enumerate(new["spec"]["containers"]):
        at = f"spec.containers[{index}].resources"
        before = old["spec"]["containers"][index].get("resources") or {}
        after = container.get("resources") or {}
        yield from resource_errors(after, at)
        for key in ("limits", "requests"):
            for name in {*(before.get(key) or {}), *(after.get(key) or {})} - {"cpu", "memory"}:
                if (before.get(key) or {}).get(name) != (after.get(key) or {}).get(name):
                    yield forbidden_field(at, "only cpu and memory resources are mutable")
    if qos_class(new["spec"]) != qos_class(old["spec"]):
        qos = qos_class(new["spec"])
        yield invalid_value("spec", qos, "Pod QOS Class may not change as a result of resizing")


SUBRESOURCES = {
    "ephemeralcontainers": Subresource(take_ephemeral, validate_ephemeral),
    "resize": Subresource(take_resize, validate_resize),
}
