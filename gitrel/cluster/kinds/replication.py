"""ReplicationControllers and PodTemplates: what came before Deployments (`pkg/apis/core/v1/defaults.go`)."""

from __future__ import annotations

from collections.abc import Iterator

from gitrel.cluster.api.errors import FieldError, invalid_value, required
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.names import label_errors
from gitrel.cluster.kinds.podspec import default_template
from gitrel.cluster.kinds.workloads import template_errors
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object


def default_controller(obj: Object) -> Object:
    """Selector and labels come from the template's labels where they are left out."""
    labels = get(obj, "spec", "template", "metadata", "labels", default={})
    if labels and not get(obj, "spec", "selector"):
        obj = replaced(obj, ("spec", "selector"), labels)
    if labels and not obj["metadata"].get("labels"):
        obj = replaced(obj, ("metadata", "labels"), labels)

    def default_spec(spec: Object) -> Object:
        return changed(filled(spec, {"replicas": 1}), "template", default_template)

    return changed(obj, "spec", default_spec)


def prepare_controller(obj: Object) -> Object:
    return {**obj, "status": {"replicas": 0}}


def validate_controller(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from checks.non_negative(spec, "replicas", "minReadySeconds", at="spec")
    selector = spec.get("selector") or {}
    if not selector:
        yield required("spec.selector")
    yield from label_errors(selector, "spec.selector")
    labels = get(spec, "template", "metadata", "labels", default={})
    if selector and spec.get("template") is not None and not selector.items() <= labels.items():
        says = "`selector` does not match template `labels`"
        yield invalid_value("spec.template.metadata.labels", labels or None, says)
    yield from template_errors(spec, "spec")


def default_pod_template(obj: Object) -> Object:
    return changed(obj, "template", default_template)


def validate_pod_template(obj: Object) -> Iterator[FieldError]:
    yield from template_errors(obj, "", always=False)


KINDS = (
    Kind(
        "replicationcontrollers", "v1", "ReplicationController", short_names=("rc",), categories=("all",),
        status=True, scale=True, counted=spec_of, default=default_controller, prepare=prepare_controller,
        validate=validate_controller, orphans_by_default=True,
    ),
    Kind(
        "podtemplates", "v1", "PodTemplate", counted=lambda obj: obj.get("template"),
        default=default_pod_template, validate=validate_pod_template,
    ),
)  # fmt: skip
