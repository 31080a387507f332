"""Pods: what the server decides at creation, what may change afterwards, and deletion in their own time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, required, unsupported
from gitrel.cluster.kinds.filling import changed, each, filled, kept, remembered
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.podparts import SUBRESOURCES
from gitrel.cluster.kinds.podspec import default_pod_spec, default_resources
from gitrel.cluster.kinds.podvalidation import pod_spec_errors
from gitrel.cluster.kinds.qos import qos_class
from gitrel.kube.identity import Object

_MUTABLE = frozenset(
    ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "schedulingGates")
)
_UPDATE_SAYS = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def grace(pod: Object, asked: int | None) -> int:
    """Seconds that a pod has to stop (`pkg/registry/core/pod/strategy.go` CheckGracefulDelete)."""
    spec = pod["spec"]
    if not spec.get("nodeName") or (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return 0
    seconds = spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked
    return 1 if seconds < 0 else int(seconds)


def _default_spec(spec: Object) -> Object:
    """A pod's own defaults beside those of its template (SetDefaults_Pod)."""
    spec = filled(default_pod_spec(spec), {"enableServiceLinks": True})
    for key in ("initContainers", "containers"):
        spec = changed(spec, key, each(_with_requests))
    return spec


def _with_requests(container: Object) -> Object:
    return changed(container, "resources", default_resources)


_default_own_spec = remembered(_default_spec)


def default_pod(pod: Object) -> Object:
    # A pod without a spec has an empty one: what it lacks is for validation to say.
    return changed(pod if pod.get("spec") else {**pod, "spec": {}}, "spec", _default_own_spec)


def prepare_pod(pod: Object) -> Object:
    """A new pod is Pending, with the class of service that its resources give it."""
    return {**pod, "status": _first_status(pod.get("spec") or {})}


_first_status = remembered(lambda spec: {"phase": "Pending", "qosClass": qos_class(spec)})


_spec_errors = kept(lambda spec: tuple(pod_spec_errors(spec, "spec")))


def validate_pod(pod: Object) -> Iterable[FieldError]:
    return _spec_errors(pod.get("spec"))


def validate_pod_update(new: Object, old: Object) -> Iterator[FieldError]:
    """Only images, the deadline, gates and further tolerations may change."""
    before, after = old["spec"], new["spec"]
    if before == after:
        return
    fixed_before, fixed_after = _fixed(before), _fixed(after)
    kept = all(t in (after.get("tolerations") or ()) for t in before.get("tolerations") or ())
    if fixed_before != fixed_after or not kept:
        yield forbidden_field("spec", _UPDATE_SAYS)


def _fixed(spec: Object) -> dict[str, Any]:
    rest = {key: value for key, value in spec.items() if key not in _MUTABLE}
    for key in ("containers", "initContainers", "ephemeralContainers"):
        rest[key] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get(key) or ()]
    return rest


BINDINGS = "bindings"


def validate_binding(binding: Object) -> Iterator[FieldError]:
    """`ValidatePodBinding`: a pod is bound to a node, and to nothing else."""
    target = binding.get("target") or {}
    if target.get("kind") not in (None, "", "Node"):
        yield unsupported("target.kind", target["kind"], ("Node", "<empty>"))
    if not target.get("name"):
        yield required("target.name")


KINDS = (
    Kind(
        BINDINGS, "v1", "Binding", verbs=("create",), name_rule="any", validate=validate_binding,
    ),
    Kind(
        "pods", "v1", "Pod", short_names=("po",), categories=("all",), status=True, counted=spec_of,
        default=default_pod, prepare=prepare_pod, validate=validate_pod,
        validate_update=validate_pod_update, grace=grace, subresources=SUBRESOURCES,
    ),
)  # fmt: skip
