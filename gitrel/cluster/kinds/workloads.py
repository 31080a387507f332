"""Deployments and ReplicaSets (`pkg/apis/apps/v1/defaults.go`, `pkg/apis/apps/validation/validation.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, unsupported
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.names import label_errors
from gitrel.cluster.kinds.podspec import default_template
from gitrel.cluster.kinds.podvalidation import pod_spec_errors
from gitrel.kube import selectors
from gitrel.kube.identity import Object, annotations_of

_ROLLING = {"maxUnavailable": "25%", "maxSurge": "25%"}


def without_status(obj: Object) -> Object:
    return {**obj, "status": {}}


def with_no_replicas(obj: Object) -> Object:
    """A ReplicaSet's status always says how many there are."""
    return {**obj, "status": {"replicas": 0}}


def template_errors(
    spec: Mapping[str, Any], at: str, *, always: bool = True, extra_volumes: Sequence[str] = ()
) -> Iterator[FieldError]:
    """The pod template in a workload's spec; `always` where its pods may not be allowed to end.

    `extra_volumes` are those that a StatefulSet's claims will add to each pod.
    """
    template = spec.get("template")
    field = f"{at}.template" if at else "template"
    if template is None:
        yield required(field)
        return
    yield from label_errors((template.get("metadata") or {}).get("labels"), f"{field}.labels")
    pod = template.get("spec") or {}
    yield from pod_spec_errors(pod, f"{field}.spec", extra_volumes=extra_volumes)
    if not always:
        return
    if pod.get("restartPolicy", "Always") != "Always":
        yield unsupported(f"{field}.spec.restartPolicy", pod["restartPolicy"], ["Always"])
    if pod.get("activeDeadlineSeconds") is not None:
        yield forbidden_field(f"{field}.spec.activeDeadlineSeconds", "must not be set")


def selector_errors(spec: Mapping[str, Any], at: str, owner: str) -> Iterator[FieldError]:
    """It must be there, must not select everything, and must select the template's own pods."""
    selector = spec.get("selector")
    if selector is None:
        if owner != "daemonset":
            yield required(f"{at}.selector")
        # None selects nothing, so not the template's pods either.
        yield from _labels_errors(spec, {}, at, matches=False)
        return
    wrong = list(checks.label_selector(selector, f"{at}.selector"))
    yield from wrong
    if checks.selects_nothing(selector):
        yield invalid_value(f"{at}.selector", selector, f"empty selector is invalid for {owner}")
    if not wrong and not checks.selects_nothing(selector):
        yield from _labels_errors(spec, selector, at)


def _labels_errors(
    spec: Mapping[str, Any], selector: Mapping[str, Any], at: str, *, matches: bool = True
) -> Iterator[FieldError]:
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if not matches or not selectors.matches(selectors.from_object(selector), labels):
        says = "`selector` does not match template `labels`"
        yield invalid_value(f"{at}.template.metadata.labels", labels or None, says)


# --- Deployment -------------------------------------------------------------------------------------------


def default_deployment(obj: Object) -> Object:
    def default_spec(spec: Object) -> Object:
        spec = filled(
            spec, {"replicas": 1, "strategy": {}, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
        )
        return changed(changed(spec, "strategy", _default_strategy), "template", default_template)

    return changed(obj, "spec", default_spec)


def _default_strategy(strategy: Object) -> Object:
    strategy = filled(strategy, {"type": "RollingUpdate"})
    if strategy["type"] != "RollingUpdate":
        return strategy
    return changed(
        filled(strategy, {"rollingUpdate": {}}), "rollingUpdate", lambda old: filled(old, _ROLLING)
    )


def validate_deployment(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from checks.non_negative(spec, "replicas", "minReadySeconds", "revisionHistoryLimit", at="spec")
    yield from selector_errors(spec, "spec", "deployment")
    yield from template_errors(spec, "spec")
    yield from _strategy_errors(spec.get("strategy") or {}, "spec.strategy")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        yield from checks.non_negative(spec, "progressDeadlineSeconds", at="spec")
        if deadline <= spec.get("minReadySeconds", 0):
            yield invalid_value(
                "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"
            )


def _strategy_errors(strategy: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    type_, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if type_ not in ("Recreate", "RollingUpdate"):
        yield unsupported(at, _go_strategy(strategy), ["Recreate", "RollingUpdate"])
    elif type_ == "Recreate" and rolling is not None:
        says = "may not be specified when strategy `type` is 'Recreate'"
        yield forbidden_field(f"{at}.rollingUpdate", says)
    elif rolling is not None:
        surge, unavailable = rolling.get("maxSurge"), rolling.get("maxUnavailable")
        field = f"{at}.rollingUpdate"
        yield from checks.int_or_percent(unavailable, f"{field}.maxUnavailable", percent_max=100)
        yield from checks.int_or_percent(surge, f"{field}.maxSurge")
        if surge in (0, "0%") and unavailable in (0, "0%"):
            says = "may not be 0 when `maxSurge` is 0"
            yield invalid_value(f"{field}.maxUnavailable", unavailable, says)


def _go_strategy(strategy: Mapping[str, Any]) -> Mapping[str, Any]:
    """A strategy as a message shows it: by the names of Go's fields."""
    rolling = strategy.get("rollingUpdate")
    names = {"MaxUnavailable": "maxUnavailable", "MaxSurge": "maxSurge"}
    shown = {go: rolling.get(name) for go, name in names.items()} if rolling is not None else None
    return {"Type": strategy.get("type", ""), "RollingUpdate": shown}


def _selector_unchanged(new: Object, old: Object) -> Iterator[FieldError]:
    yield from checks.immutable(new["spec"].get("selector"), old["spec"].get("selector"), "spec.selector")


def _spec_and_annotations(obj: Object) -> object:
    """A Deployment's generation also counts its annotations (`pkg/registry/apps/deployment/strategy.go`)."""
    return obj.get("spec"), annotations_of(obj)


# --- ReplicaSet -------------------------------------------------------------------------------------------


def default_replica_set(obj: Object) -> Object:
    def default_spec(spec: Object) -> Object:
        return changed(filled(spec, {"replicas": 1}), "template", default_template)

    return changed(obj, "spec", default_spec)


def validate_replica_set(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from checks.non_negative(spec, "replicas", "minReadySeconds", at="spec")
    yield from selector_errors(spec, "spec", "replica set")
    yield from template_errors(spec, "spec")


KINDS = (
    Kind(
        "deployments.apps", "apps/v1", "Deployment", short_names=("deploy",), categories=("all",),
        status=True, scale=True, counted=_spec_and_annotations, default=default_deployment,
        prepare=without_status, validate=validate_deployment, validate_update=_selector_unchanged,
    ),
    Kind(
        "replicasets.apps", "apps/v1", "ReplicaSet", short_names=("rs",), categories=("all",),
        status=True, scale=True, counted=spec_of, default=default_replica_set,
        prepare=with_no_replicas, validate=validate_replica_set, validate_update=_selector_unchanged,
    ),
)  # fmt: skip
