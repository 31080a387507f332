"""StatefulSets, DaemonSets and the ControllerRevisions both keep (`pkg/apis/apps`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, unsupported
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.claims import claim_spec_errors, default_claim
from gitrel.cluster.kinds.filling import changed, each, filled
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.podspec import default_template
from gitrel.cluster.kinds.workloads import selector_errors, template_errors
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object

# --- StatefulSet ------------------------------------------------------------------------------------------

_SET = {
    "podManagementPolicy": "OrderedReady",
    "updateStrategy": {},
    "persistentVolumeClaimRetentionPolicy": {},
    "replicas": 1,
    "revisionHistoryLimit": 10,
}
_RETAIN = {"whenDeleted": "Retain", "whenScaled": "Retain"}
_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_SET_UPDATE_SAYS = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def default_stateful_set(obj: Object) -> Object:
    def default_spec(spec: Object) -> Object:
        spec = filled(spec, _SET)
        spec = changed(spec, "updateStrategy", _default_set_strategy)
        spec = changed(spec, "persistentVolumeClaimRetentionPolicy", lambda old: filled(old, _RETAIN))
        spec = changed(spec, "volumeClaimTemplates", each(_default_claim_template))
        return changed(spec, "template", default_template)

    return changed(obj, "spec", default_spec)


def _default_set_strategy(strategy: Object) -> Object:
    strategy = filled(strategy, {"type": "RollingUpdate"})
    if strategy["type"] != "RollingUpdate":
        return strategy
    strategy = filled(strategy, {"rollingUpdate": {}})
    return changed(strategy, "rollingUpdate", lambda old: filled(old, {"partition": 0}))


def _default_claim_template(claim: Object) -> Object:
    claim = filled(claim, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {}})
    return changed(default_claim(claim), "status", lambda status: filled(status, {"phase": "Pending"}))


def prepare_stateful_set(obj: Object) -> Object:
    return {**without_gated(obj), "status": {"replicas": 0, "availableReplicas": 0}}


def without_gated(obj: Object, old: Object | None = None) -> Object:
    """Without `maxUnavailable`: the gate MaxUnavailableStatefulSet is closed by default in 1.36."""
    rolling = get(obj, "spec", "updateStrategy", "rollingUpdate") or {}
    if "maxUnavailable" not in rolling:
        return obj
    kept = {key: value for key, value in rolling.items() if key != "maxUnavailable"}
    return replaced(obj, ("spec", "updateStrategy", "rollingUpdate"), kept)


def validate_stateful_set(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        says = "must be 'OrderedReady' or 'Parallel'"
        yield invalid_value("spec.podManagementPolicy", policy, says)
    yield from _set_strategy_errors(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for key in ("whenDeleted", "whenScaled"):
        field = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
        yield from checks.one_of(retention.get(key), ("Retain", "Delete"), field, as_told=True)
    yield from checks.non_negative(spec, "replicas", "minReadySeconds", "revisionHistoryLimit", at="spec")
    yield from checks.non_negative(spec.get("ordinals") or {}, "start", at="spec.ordinals")
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        yield from claim_spec_errors(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")
    yield from selector_errors(spec, "spec", "statefulset")
    claims = [(claim.get("metadata") or {}).get("name") for claim in spec.get("volumeClaimTemplates") or ()]
    yield from template_errors(spec, "spec", extra_volumes=[name for name in claims if name])


def _set_strategy_errors(strategy: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    type_, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if type_ not in ("RollingUpdate", "OnDelete"):
        partition = (rolling or {}).get("partition", 0)
        shown = None if rolling is None else {"Partition": partition, "MaxUnavailable": None}
        told = {"Type": type_ or "", "RollingUpdate": shown}
        yield invalid_value(at, told, "must be 'RollingUpdate' or 'OnDelete'")
    elif type_ == "OnDelete" and rolling is not None:
        says = "only allowed for updateStrategy 'RollingUpdate'"
        yield invalid_value(f"{at}.rollingUpdate", rolling, says)
    elif rolling is not None:
        yield from checks.non_negative(rolling, "partition", at=f"{at}.rollingUpdate")
        field, unavailable = f"{at}.rollingUpdate.maxUnavailable", rolling.get("maxUnavailable")
        yield from checks.int_or_percent(unavailable, field, percent_max=100)
        if unavailable in (0, "0%"):
            yield invalid_value(field, unavailable, "cannot be 0")


def validate_stateful_set_update(new: Object, old: Object) -> Iterator[FieldError]:
    before, after = old["spec"], new["spec"]
    fixed = {**before, **{key: after.get(key) for key in _CHANGEABLE}}
    if {k: v for k, v in fixed.items() if v is not None} != {k: v for k, v in after.items() if v is not None}:
        yield forbidden_field("spec", _SET_UPDATE_SAYS)


def validate_stateful_set_status(new: Object, old: Object) -> Iterator[FieldError]:
    status, before = new.get("status") or {}, old.get("status") or {}
    parts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    yield from checks.non_negative(
        status, "replicas", *parts, "observedGeneration", "collisionCount", at="status"
    )
    for key in parts:
        if status.get(key, 0) > status.get("replicas", 0):
            yield invalid_value(f"status.{key}", status[key], "cannot be greater than status.replicas")
    if status.get("collisionCount", 0) < before.get("collisionCount", 0):
        says = "cannot be decremented"
        yield invalid_value("status.collisionCount", status.get("collisionCount", 0), says)


# --- DaemonSet --------------------------------------------------------------------------------------------


def default_daemon_set(obj: Object) -> Object:
    def default_spec(spec: Object) -> Object:
        spec = filled(spec, {"updateStrategy": {}, "revisionHistoryLimit": 10})
        return changed(
            changed(spec, "updateStrategy", _default_daemon_strategy), "template", default_template
        )

    return changed(obj, "spec", default_spec)


def _default_daemon_strategy(strategy: Object) -> Object:
    strategy = filled(strategy, {"type": "RollingUpdate"})
    if strategy["type"] != "RollingUpdate":
        return strategy
    strategy = filled(strategy, {"rollingUpdate": {}})
    return changed(strategy, "rollingUpdate", lambda old: filled(old, {"maxUnavailable": 1, "maxSurge": 0}))


_DAEMON_STATUS = {
    "currentNumberScheduled": 0,
    "numberMisscheduled": 0,
    "desiredNumberScheduled": 0,
    "numberReady": 0,
}


_TEMPLATE_GENERATION = ("metadata", "annotations", "deprecated.daemonset.template.generation")


def prepare_daemon_set(obj: Object) -> Object:
    return {**replaced(obj, _TEMPLATE_GENERATION, "1"), "status": _DAEMON_STATUS}


def prepare_daemon_set_update(new: Object, old: Object) -> Object:
    """Counts changes of the template, where older clients look for it (`daemonset/strategy.go`)."""
    before = get(old, *_TEMPLATE_GENERATION, default="0")
    changes = get(new, "spec", "template") != get(old, "spec", "template")
    count = int(before) + 1 if changes and before.isdecimal() else before
    return replaced(new, _TEMPLATE_GENERATION, str(count))


def validate_daemon_set(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from selector_errors(spec, "spec", "daemonset")
    yield from template_errors(spec, "spec")
    yield from checks.non_negative(spec, "minReadySeconds", "revisionHistoryLimit", at="spec")
    yield from _daemon_strategy_errors(spec.get("updateStrategy") or {}, "spec.updateStrategy")


def _daemon_strategy_errors(strategy: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    type_, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if type_ not in ("RollingUpdate", "OnDelete"):
        names = {"MaxUnavailable": "maxUnavailable", "MaxSurge": "maxSurge"}
        shown = None if rolling is None else {go: rolling.get(name, 0) for go, name in names.items()}
        told = {"Type": type_ or "", "RollingUpdate": shown}
        yield unsupported(at, told, ["RollingUpdate", "OnDelete"])
        return
    if type_ == "OnDelete":
        return
    if rolling is None:
        yield required(f"{at}.rollingUpdate")
        return
    surge, unavailable = rolling.get("maxSurge"), rolling.get("maxUnavailable")
    at = f"{at}.rollingUpdate"
    yield from checks.int_or_percent(unavailable, f"{at}.maxUnavailable", percent_max=100)
    yield from checks.int_or_percent(surge, f"{at}.maxSurge", percent_max=100)
    none = (0, "0%", None)
    if surge in none and unavailable in none:
        yield required(f"{at}.maxUnavailable", "cannot be 0 when maxSurge is 0")
    elif surge not in none and unavailable not in none:
        yield invalid_value(f"{at}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")


def _selector_unchanged(new: Object, old: Object) -> Iterator[FieldError]:
    yield from checks.immutable(new["spec"].get("selector"), old["spec"].get("selector"), "spec.selector")


# --- ControllerRevision -----------------------------------------------------------------------------------


def validate_revision(obj: Object) -> Iterator[FieldError]:
    if obj.get("data") is None:
        yield required("data", "data is mandatory")
    if (obj.get("revision") or 0) < 0:
        yield invalid_value("revision", obj["revision"], checks.NEGATIVE)


def validate_revision_update(new: Object, old: Object) -> Iterator[FieldError]:
    yield from checks.immutable(new.get("data"), old.get("data"), "data")


KINDS = (
    Kind(
        "statefulsets.apps", "apps/v1", "StatefulSet", short_names=("sts",), categories=("all",),
        status=True, scale=True, counted=spec_of, default=default_stateful_set,
        prepare=prepare_stateful_set, prepare_update=without_gated, validate=validate_stateful_set,
        validate_update=validate_stateful_set_update, validate_status=validate_stateful_set_status,
    ),
    Kind(
        "daemonsets.apps", "apps/v1", "DaemonSet", short_names=("ds",), categories=("all",), status=True,
        counted=spec_of, default=default_daemon_set, prepare=prepare_daemon_set,
        prepare_update=prepare_daemon_set_update,
        validate=validate_daemon_set, validate_update=_selector_unchanged,
    ),
    Kind(
        "controllerrevisions.apps", "apps/v1", "ControllerRevision", validate=validate_revision,
        validate_update=validate_revision_update,
    ),
)  # fmt: skip
