"""Services and EndpointSlices (`pkg/apis/core/v1/defaults.go`, `pkg/registry/core/service/strategy.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from gitrel.cluster.api.errors import FieldError, duplicate, invalid_value, required
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, each, filled, filled_pointers
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import label_errors, name_problems, qualified_name_problems
from gitrel.cluster.kinds.podvalidation import port_name_errors
from gitrel.kube.identity import Object

AFFINITY_SECONDS = 10800
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def needs_cluster_ip(spec: Mapping[str, Any]) -> bool:
    return spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None"


_AFFINITY_MAX = 86400


def needs_node_ports(spec: Mapping[str, Any]) -> bool:
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts", True) is not False
    return spec.get("type") == "NodePort"


def default_service(obj: Object) -> Object:
    return changed(obj, "spec", _default_spec)


def _default_spec(spec: Object) -> Object:
    spec = filled(spec, {"type": "ClusterIP", "sessionAffinity": "None"})
    if spec["sessionAffinity"] == "ClientIP":
        client = {"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}}
        given = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if given.get("timeoutSeconds") is None:
            spec = {**spec, "sessionAffinityConfig": client}
    elif "sessionAffinityConfig" in spec:
        spec = {key: value for key, value in spec.items() if key != "sessionAffinityConfig"}
    if spec["type"] != "ExternalName":
        families = {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
        spec = filled(spec, {"internalTrafficPolicy": "Cluster", **families})
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec = filled(spec, {"externalTrafficPolicy": "Cluster"})
    if spec["type"] == "LoadBalancer":
        spec = filled(spec, {"allocateLoadBalancerNodePorts": True})
    return changed(spec, "ports", each(_default_port))


def _default_port(port: Object) -> Object:
    if not port.get("targetPort"):
        port = {**port, "targetPort": port.get("port")}
    return filled(port, {"protocol": "TCP"})


def prepare_service(obj: Object) -> Object:
    return {**obj, "status": {"loadBalancer": {}}}


def prepare_service_update(new: Object, old: Object) -> Object:
    """Keeps what was allocated when the client leaves it out, drops what the new type has no use for."""
    spec, before = dict(new.get("spec") or {}), old["spec"]
    if needs_cluster_ip(spec) and needs_cluster_ip(before):
        for key in ("clusterIP", "clusterIPs"):
            if not spec.get(key) and before.get(key):
                spec[key] = before[key]
    elif spec["type"] == "ExternalName" and before["type"] != "ExternalName":
        for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            spec.pop(key, None)
    spec["ports"] = _ports_after_update(spec, before)
    if not spec["ports"]:
        del spec["ports"]
    return {**new, "spec": spec}


def _ports_after_update(spec: Mapping[str, Any], before: Mapping[str, Any]) -> list[Object]:
    known = {(p["port"], p["protocol"]): p.get("nodePort") for p in before.get("ports") or ()}
    ports = []
    for port in spec.get("ports") or ():
        held = known.get((port.get("port"), port.get("protocol")))
        if needs_node_ports(spec) and held and not port.get("nodePort"):
            port = {**port, "nodePort": held}
        elif not needs_node_ports(spec) and port.get("nodePort") and port["nodePort"] == held:
            port = {key: value for key, value in port.items() if key != "nodePort"}
        ports.append(port)
    return ports


def validate_service(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    type_ = spec.get("type")
    ports = spec.get("ports") or ()
    if not ports and type_ != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    yield from checks.one_of(type_, TYPES, "spec.type")
    yield from checks.one_of(spec.get("sessionAffinity"), ("ClientIP", "None"), "spec.sessionAffinity")
    for key in ("internalTrafficPolicy", "externalTrafficPolicy"):
        yield from checks.one_of(spec.get(key) or None, ("Cluster", "Local"), f"spec.{key}")
    yield from _affinity_errors(spec.get("sessionAffinityConfig") or {})
    policies = ("PreferDualStack", "RequireDualStack", "SingleStack")
    yield from checks.one_of(spec.get("ipFamilyPolicy"), policies, "spec.ipFamilyPolicy")
    if type_ == "ExternalName":
        yield from _external_name_errors(spec)
    if type_ == "LoadBalancer" and spec.get("clusterIP") == "None":
        yield invalid_value(
            "spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services"
        )
    if address := spec.get("clusterIP"):
        yield from _address_errors(address)
    yield from label_errors(spec.get("selector"), "spec.selector")
    yield from _port_errors(ports)


def _affinity_errors(config: Mapping[str, Any]) -> Iterator[FieldError]:
    seconds = (config.get("clientIP") or {}).get("timeoutSeconds")
    if seconds is not None and not 0 < seconds <= _AFFINITY_MAX:
        says = f"must be greater than 0 and less than {_AFFINITY_MAX}"
        yield invalid_value("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, says)


def _external_name_errors(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        yield required("spec.externalName")
        return
    for problem in name_problems(name, "subdomain"):
        yield invalid_value("spec.externalName", name, problem)


def _address_errors(address: str) -> Iterator[FieldError]:
    if address == "None":
        return
    try:
        ip_address(address)
    except ValueError:
        says = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield invalid_value("spec.clusterIPs[0]", address, says)


def _port_errors(ports: Any) -> Iterator[FieldError]:
    names: set[str] = set()
    numbers: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        name = port.get("name")
        if not name and len(ports) > 1:
            yield required(f"{at}.name")
        elif name:
            for problem in name_problems(name, "label"):
                yield invalid_value(f"{at}.name", name, problem)
            if name in names:
                yield duplicate(f"{at}.name", name)
            names.add(name)
        yield from checks.port_number(port.get("port"), f"{at}.port")
        yield from checks.one_of(port.get("protocol"), ("SCTP", "TCP", "UDP"), f"{at}.protocol")
        if protocol := port.get("appProtocol"):
            for problem in qualified_name_problems(protocol):
                yield invalid_value(f"{at}.appProtocol", protocol, problem)
        target = port.get("targetPort")
        if isinstance(target, str):
            yield from port_name_errors(target, f"{at}.targetPort")
        elif target is not None:
            yield from checks.port_number(target, f"{at}.targetPort")
    for index, port in enumerate(ports):
        key = (port.get("port"), port.get("protocol"))
        if key in numbers:
            empty = {"AppProtocol": None, "Port": key[0], "TargetPort": 0, "NodePort": 0}
            yield duplicate(f"spec.ports[{index}]", {"Name": "", "Protocol": key[1], **empty})
        numbers.add(key)


def validate_service_update(new: Object, old: Object) -> Iterator[FieldError]:
    before, after = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    both = old["spec"]["type"] != "ExternalName" and new["spec"]["type"] != "ExternalName"
    if both and before and after != before:
        yield invalid_value("spec.clusterIPs[0]", [after] if after else None, "may not change once set")


def default_slice(obj: Object) -> Object:
    return changed(obj, "ports", each(lambda port: filled_pointers(port, {"name": "", "protocol": "TCP"})))


def validate_slice(obj: Object) -> Iterator[FieldError]:
    families = ("FQDN", "IPv4", "IPv6")
    if not obj.get("addressType"):
        yield required("addressType")
    yield from checks.one_of(obj.get("addressType"), families, "addressType")
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        if not endpoint.get("addresses"):
            yield required(f"endpoints[{index}].addresses", "must contain at least 1 address")
    for index, port in enumerate(obj.get("ports") or ()):
        name = port.get("name") or ""
        for problem in name_problems(name, "label") if name else ():
            yield invalid_value(f"ports[{index}].name", name, problem)
        yield from checks.one_of(port.get("protocol"), ("SCTP", "TCP", "UDP"), f"ports[{index}].protocol")


def validate_slice_update(new: Object, old: Object) -> Iterator[FieldError]:
    yield from checks.immutable(new.get("addressType"), old.get("addressType"), "addressType")


def _slice_content(obj: Object) -> object:
    return obj.get("endpoints"), obj.get("ports"), obj.get("addressType"), obj["metadata"].get("labels")


KINDS = (
    Kind(
        "services", "v1", "Service", short_names=("svc",), categories=("all",), status=True,
        name_rule="service", default=default_service, prepare=prepare_service,
        prepare_update=prepare_service_update, validate=validate_service,
        validate_update=validate_service_update,
    ),
    Kind(
        "endpointslices.discovery.k8s.io", "discovery.k8s.io/v1", "EndpointSlice", counted=_slice_content,
        default=default_slice, validate=validate_slice, validate_update=validate_slice_update,
    ),
)  # fmt: skip
