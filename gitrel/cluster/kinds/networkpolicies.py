"""NetworkPolicies, IngressClasses, ServiceCIDRs and IPAddresses (`pkg/apis/networking/validation`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, unsupported
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, each, filled_pointers
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.names import name_problems
from gitrel.cluster.kinds.podvalidation import port_name_errors
from gitrel.kube.identity import Object

CONTROLLER_MAX = 250
"""Bytes of an ingress class's controller name."""

# --- NetworkPolicy ----------------------------------------------------------------------------------------


def default_policy(obj: Object) -> Object:
    return changed(obj, "spec", _default_policy_spec)


def _default_policy_spec(spec: Object) -> Object:
    types = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    spec = filled_pointers(spec, {"podSelector": {}, "policyTypes": types})
    for direction in ("ingress", "egress"):
        spec = changed(spec, direction, each(_default_rule))
    return spec


def _default_rule(rule: Object) -> Object:
    return changed(rule, "ports", each(lambda port: filled_pointers(port, {"protocol": "TCP"})))


def validate_policy(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from checks.label_selector(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            at = f"spec.{direction}[{index}]"
            for place, port in enumerate(rule.get("ports") or ()):
                yield from _port_errors(port, f"{at}.ports[{place}]")
            for place, peer in enumerate(rule.get(peers) or ()):
                yield from _peer_errors(peer, f"{at}.{peers}[{place}]")
    types = spec.get("policyTypes") or ()
    if len(types) > 2:
        yield invalid_value("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for index, type_ in enumerate(types):
        if type_ not in ("Ingress", "Egress"):
            yield unsupported(f"spec.policyTypes[{index}]", type_, ["Ingress", "Egress"])


def _port_errors(row: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    port, end = row.get("port"), row.get("endPort")
    protocols = ("TCP", "UDP", "SCTP")
    yield from checks.one_of(row.get("protocol"), protocols, f"{at}.protocol", as_told=True)
    if isinstance(port, int):
        yield from checks.port_number(port, f"{at}.port")
        if end is not None and end < port:
            yield invalid_value(f"{at}.endPort", end, "must be greater than or equal to `port`")
        if end is not None:
            yield from checks.port_number(end, f"{at}.endPort")
    elif port is not None:
        if end is not None:
            yield invalid_value(f"{at}.endPort", end, "may not be specified when `port` is non-numeric")
        yield from port_name_errors(port, f"{at}.port")
    elif end is not None:
        yield invalid_value(f"{at}.endPort", end, "may not be specified when `port` is not specified")


def _peer_errors(peer: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    given = [key for key in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(key) is not None]
    for key in given[:2]:
        if key != "ipBlock":
            yield from checks.label_selector(peer[key], f"{at}.{key}")
    if "ipBlock" in given:
        yield from _block_errors(peer["ipBlock"], f"{at}.ipBlock")
    if not given:
        yield required(at, "must specify a peer")
    elif len(given) > 1 and "ipBlock" in given:
        yield forbidden_field(at, "may not specify both ipBlock and another peer")


def _block_errors(block: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    outer = block.get("cidr")
    if not outer:
        yield required(f"{at}.cidr")
        return
    wrong = list(checks.cidr(outer, f"{at}.cidr"))
    yield from wrong
    if wrong:
        return
    whole = ip_network(outer, strict=False)
    for index, text in enumerate(block.get("except") or ()):
        field = f"{at}.except[{index}]"
        wrong = list(checks.cidr(text, field))
        yield from wrong
        if wrong:
            continue
        inner = ip_network(text, strict=False)
        if (
            inner.version != whole.version
            or inner.network_address not in whole
            or (inner.prefixlen <= whole.prefixlen)
        ):
            yield invalid_value(field, text, "must be a strict subset of `cidr`")


# --- IngressClass -----------------------------------------------------------------------------------------


def default_ingress_class(obj: Object) -> Object:
    def default_spec(spec: Object) -> Object:
        return changed(spec, "parameters", lambda known: filled_pointers(known, {"scope": "Cluster"}))

    return changed(obj, "spec", default_spec)


def validate_ingress_class(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    controller = spec.get("controller") or ""
    if not controller:
        yield required("spec.controller")
    else:
        if len(controller) > CONTROLLER_MAX:
            yield FieldError(
                "FieldValueTooLong", "spec.controller", "Too long: may not be more than 250 bytes"
            )
        yield from checks.domain_path(controller, "spec.controller")
    if spec.get("parameters") is not None:
        yield from _parameter_errors(spec["parameters"], "spec.parameters")


def _parameter_errors(parameters: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    if group := parameters.get("apiGroup"):
        for problem in name_problems(group, "subdomain"):
            yield invalid_value(f"{at}.apiGroup", group, problem)
    yield from checks.named(parameters.get("kind"), "path", f"{at}.kind")
    yield from checks.named(parameters.get("name"), "path", f"{at}.name")
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    yield from checks.one_of(scope, ("Cluster", "Namespace"), f"{at}.scope")
    if scope == "Namespace":
        if namespace is None:
            yield required(f"{at}.namespace", "`parameters.scope` is set to 'Namespace'")
        else:
            yield from checks.named(namespace, "label", f"{at}.namespace")
    elif scope == "Cluster" and namespace is not None:
        yield forbidden_field(f"{at}.namespace", "`parameters.scope` is set to 'Cluster'")


def validate_ingress_class_update(new: Object, old: Object) -> Iterator[FieldError]:
    before, after = ((obj.get("spec") or {}).get("controller") for obj in (old, new))
    yield from checks.immutable(after, before, "spec.controller")


# --- ServiceCIDR and IPAddress ----------------------------------------------------------------------------


def prepare_service_cidr(obj: Object) -> Object:
    return {**obj, "status": {}}


def validate_service_cidr(obj: Object) -> Iterator[FieldError]:
    ranges = (obj.get("spec") or {}).get("cidrs") or ()
    if not ranges:
        yield required("spec.cidrs", "at least one CIDR required")
    if len(ranges) > 2:
        says = "may only hold up to 2 values"
        yield invalid_value("spec.cidrs", list(ranges), says)
    for index, text in enumerate(ranges):
        yield from checks.cidr(text, f"spec.cidrs[{index}]")


def validate_service_cidr_update(new: Object, old: Object) -> Iterator[FieldError]:
    before, after = ((obj.get("spec") or {}).get("cidrs") for obj in (old, new))
    yield from checks.immutable(after, before, "spec.cidrs")


def validate_address(obj: Object) -> Iterator[FieldError]:
    name = obj["metadata"].get("name") or ""
    try:
        canonical = str(ip_address(name))
    except ValueError:
        says = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield invalid_value("metadata.name", name, says)
    else:
        if canonical != name:
            yield invalid_value("metadata.name", name, "must be a canonical format IP address")
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        yield required("spec.parentRef")
        return
    for key in ("resource", "name"):
        yield from checks.named(parent.get(key), "path", f"spec.parentRef.{key}")


def validate_address_update(new: Object, old: Object) -> Iterator[FieldError]:
    before, after = ((obj.get("spec") or {}).get("parentRef") for obj in (old, new))
    yield from checks.immutable(after, before, "spec.parentRef")


_V1 = "networking.k8s.io/v1"

KINDS = (
    Kind(
        "networkpolicies.networking.k8s.io", _V1, "NetworkPolicy", short_names=("netpol",), counted=spec_of,
        default=default_policy, validate=validate_policy,
    ),
    Kind(
        "ingressclasses.networking.k8s.io", _V1, "IngressClass", namespaced=False, counted=spec_of,
        default=default_ingress_class, validate=validate_ingress_class,
        validate_update=validate_ingress_class_update,
    ),
    Kind(
        "servicecidrs.networking.k8s.io", _V1, "ServiceCIDR", namespaced=False, status=True,
        prepare=prepare_service_cidr, validate=validate_service_cidr,
        validate_update=validate_service_cidr_update,
    ),
    Kind(
        "ipaddresses.networking.k8s.io", _V1, "IPAddress", namespaced=False, short_names=("ip",),
        validate=validate_address, validate_update=validate_address_update,
    ),
)  # fmt: skip
