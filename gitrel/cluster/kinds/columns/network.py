"""The tables of Services, EndpointSlices and Ingresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gitrel.cluster.kinds.columns.printing import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Columns,
    field,
    joined,
    labels_text,
    selector_text,
)
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

_SHOWN_MAX = 3


def _load_balancers(obj: Object) -> list[str]:
    rows = get(obj, "status", "loadBalancer", "ingress", default=())
    return [row.get("ip") or row.get("hostname") or "" for row in rows]


def _external(service: Object, now: datetime) -> str:
    spec = service.get("spec") or {}
    given = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName") or "")
        case "LoadBalancer":
            return joined([*_load_balancers(service), *given], "<pending>")
        case _:
            return joined(given)


def _ports(service: Object, now: datetime) -> str:
    rows = get(service, "spec", "ports", default=())
    return joined(map(_port, rows))


def _port(row: Mapping[str, Any]) -> str:
    on_nodes = f":{row['nodePort']}" if row.get("nodePort") else ""
    return f"{row['port']}{on_nodes}/{row.get('protocol', 'TCP')}"


SERVICES = Columns(
    (
        NAME,
        Column("Type", field("spec", "type", default=""), "How it can be reached."),
        Column("Cluster-IP", field("spec", "clusterIP"), "Its address in the cluster."),
        Column("External-IP", _external, "Its addresses outside."),
        Column("Port(s)", _ports, "Its ports."),
        AGE,
        Column("Selector", lambda o, now: labels_text(get(o, "spec", "selector")), "Its pods.", wide=True),
    )
)


def _some(values: Sequence[str]) -> str:
    if not values:
        return UNSET
    more = f" + {len(values) - _SHOWN_MAX} more..." if len(values) > _SHOWN_MAX else ""
    return ",".join(values[:_SHOWN_MAX]) + more


def _slice_ports(slice_: Object, now: datetime) -> str:
    rows = slice_.get("ports") or ()
    return _some([str(row["port"]) if row.get("port") is not None else row.get("name", "*") for row in rows])


def _endpoints(slice_: Object, now: datetime) -> str:
    return _some([address for row in slice_.get("endpoints") or () for address in row.get("addresses") or ()])


ENDPOINT_SLICES = Columns(
    (
        NAME,
        Column("AddressType", field("addressType", default=""), "What its addresses are."),
        Column("Ports", _slice_ports, "Its ports."),
        Column("Endpoints", _endpoints, "Its addresses."),
        AGE,
    )
)


def _hosts(ingress: Object, now: datetime) -> str:
    hosts = list(
        dict.fromkeys(row["host"] for row in get(ingress, "spec", "rules", default=()) if row.get("host"))
    )
    if not hosts:
        return "*"
    more = f" + {len(hosts) - _SHOWN_MAX} more..." if len(hosts) > _SHOWN_MAX else ""
    return ",".join(hosts[:_SHOWN_MAX]) + more


def _ingress_ports(ingress: Object, now: datetime) -> str:
    return "80, 443" if get(ingress, "spec", "tls") else "80"


INGRESSES = Columns(
    (
        NAME,
        Column("Class", field("spec", "ingressClassName", default=NONE), "Who serves it."),
        Column("Hosts", _hosts, "The hosts it is for."),
        Column("Address", lambda o, now: joined(_load_balancers(o), ""), "Where it is served."),
        Column("Ports", _ingress_ports, "Its ports."),
        AGE,
    )
)


def _endpoint_addresses(endpoints: Object, now: datetime) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    more = f" + {len(found) - _SHOWN_MAX} more..." if len(found) > _SHOWN_MAX else ""
    return ",".join(found[:_SHOWN_MAX]) + more or NONE


ENDPOINTS = Columns((NAME, Column("Endpoints", _endpoint_addresses, "Its addresses."), AGE))
NETWORK_POLICIES = Columns(
    (
        NAME,
        Column("Pod-Selector", lambda o, now: selector_text(get(o, "spec", "podSelector")), "Its pods."),
        AGE,
    )
)


def _parameters(ingress_class: Object, now: datetime) -> str:
    ref = get(ingress_class, "spec", "parameters")
    if not ref:
        return NONE
    group = f".{ref['apiGroup']}" if ref.get("apiGroup") else ""
    return f"{ref.get('kind', '')}{group}/{ref.get('name', '')}"


INGRESS_CLASSES = Columns(
    (
        NAME,
        Column("Controller", field("spec", "controller", default=""), "Who serves it."),
        Column("Parameters", _parameters, "What it is configured by."),
        AGE,
    )
)
SERVICE_CIDRS = Columns(
    (NAME, Column("CIDRs", lambda o, now: joined(get(o, "spec", "cidrs", default=())), "Its ranges."), AGE)
)


def _parent(address: Object, now: datetime) -> str:
    ref = get(address, "spec", "parentRef")
    if not ref:
        return NONE
    group = f".{ref['group']}" if ref.get("group") else ""
    place = f"{ref['namespace']}/" if ref.get("namespace") else ""
    return f"{ref.get('resource', '')}{group}/{place}{ref.get('name', '')}"


ADDRESSES = Columns((NAME, Column("ParentRef", _parent, "Whose it is."), AGE))
