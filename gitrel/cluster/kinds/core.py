"""Namespaces, nodes, accounts and records: the kinds of the core that run nothing and configure nothing."""

from __future__ import annotations

from collections.abc import Iterator

from gitrel.cluster.api.errors import FieldError, duplicate, forbidden_field, required
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import label_errors
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object


def default_namespace(obj: Object) -> Object:
    """The label by which selectors find a namespace by its name."""
    labels = obj["metadata"].get("labels") or {}
    name = obj["metadata"]["name"]
    if labels.get("kubernetes.io/metadata.name") == name:
        return obj
    return replaced(obj, ("metadata", "labels"), {**labels, "kubernetes.io/metadata.name": name})


def prepare_namespace(obj: Object) -> Object:
    spec = obj.get("spec") or {}
    finalizers = [name for name in spec.get("finalizers") or () if name != "kubernetes"]
    return {**obj, "spec": {"finalizers": [*finalizers, "kubernetes"]}, "status": {"phase": "Active"}}


def keep_spec(new: Object, old: Object) -> Object:
    """A namespace's finalizers are taken off by its `finalize` subresource alone."""
    return {**new, "spec": old.get("spec") or {}}


def _terminating_namespace(obj: Object) -> Object:
    """Its way out knows no grace period, so it says none."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "deletionGracePeriodSeconds"}
    return replaced({**obj, "metadata": metadata}, ("status", "phase"), "Terminating")


def _finalizing(obj: Object) -> bool:
    return bool((obj.get("spec") or {}).get("finalizers"))


def default_node(obj: Object) -> Object:
    """A node always says its spec, even an empty one (the type writes it out); its one range and its first
    range are the same, and of two that differ the one wins (`Convert_v1_NodeSpec_To_core_NodeSpec`).
    """
    spec = obj.get("spec") or {}
    one, all_ = spec.get("podCIDR"), spec.get("podCIDRs") or [None]
    if one != all_[0]:
        spec = {**spec, "podCIDR": one or all_[0], "podCIDRs": [one] if one else all_}
    return obj if spec is obj.get("spec") else {**obj, "spec": spec}


def validate_node(obj: Object) -> Iterator[FieldError]:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(get(obj, "spec", "taints", default=())):
        at = f"metadata.taints[{index}]"
        key, effect = taint.get("key") or "", taint.get("effect") or ""
        yield from label_errors({key: taint.get("value") or ""}, f"{at}.key")
        if not effect:
            yield required(f"{at}.effect")
        effects = ("", "NoExecute", "NoSchedule", "PreferNoSchedule")
        yield from checks.one_of(effect, effects, f"{at}.effect")
        if (key, effect) in seen:
            yield duplicate(at, taint)
        seen.add((key, effect))
    for index, cidr in enumerate(get(obj, "spec", "podCIDRs", default=())):
        yield from checks.cidr(cidr, f"spec.podCIDRs[{index}]")


def validate_node_update(new: Object, old: Object) -> Iterator[FieldError]:
    """What a node was given once it keeps (`ValidateNodeUpdate`)."""
    for key, name in (("podCIDRs", "podCIDR"), ("providerID", "providerID")):
        before = get(old, "spec", key, default=None)
        if before and before != get(new, "spec", key, default=None):
            says = f'node updates may not change {name} except from "" to valid'
            yield forbidden_field(f"spec.{key}", says)


def validate_lease(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from checks.positive(spec, "leaseDurationSeconds", at="spec")
    yield from checks.non_negative(spec, "leaseTransitions", at="spec")


KINDS = (
    Kind(
        "namespaces", "v1", "Namespace", namespaced=False, short_names=("ns",), status=True,
        name_rule="label", default=default_namespace, prepare=prepare_namespace,
        prepare_update=keep_spec, terminating=_terminating_namespace, held=_finalizing,
    ),
    Kind(
        "nodes", "v1", "Node", namespaced=False, short_names=("no",), status=True,
        default=default_node, validate=validate_node, validate_update=validate_node_update,
    ),
    Kind("serviceaccounts", "v1", "ServiceAccount", short_names=("sa",)),
    Kind(
        "leases.coordination.k8s.io", "coordination.k8s.io/v1", "Lease", unconditional_update=False,
        validate=validate_lease,
    ),
)  # fmt: skip
