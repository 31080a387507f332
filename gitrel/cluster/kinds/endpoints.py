"""Endpoints, the elder sibling of slices (`pkg/apis/core/v1/defaults.go`, `validation.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_address
from typing import Any

from gitrel.cluster.api.errors import FieldError, invalid_value, required
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, each, filled
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import name_problems
from gitrel.kube.identity import Object

LINK_LOCAL_MULTICAST = IPv4Network("224.0.0.0/24")


def default_endpoints(obj: Object) -> Object:
    def default_subset(subset: Object) -> Object:
        return changed(subset, "ports", each(lambda port: filled(port, {"protocol": "TCP"})))

    return changed(obj, "subsets", each(default_subset))


def validate_endpoints(obj: Object) -> Iterator[FieldError]:
    for index, subset in enumerate(obj.get("subsets") or ()):
        at = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield required(at, "must specify `addresses` or `notReadyAddresses`")
        for key in ("addresses", "notReadyAddresses"):
            for place, address in enumerate(subset.get(key) or ()):
                yield from _address_errors(address, f"{at}.{key}[{place}]")
        ports = subset.get("ports") or ()
        for place, port in enumerate(ports):
            yield from _port_errors(port, f"{at}.ports[{place}]", named=len(ports) > 1)


def _address_errors(address: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    text = address.get("ip") or ""
    try:
        place = ip_address(text)
    except ValueError:
        says = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield invalid_value(f"{at}.ip", text, says)
    else:
        if place.is_unspecified:
            yield invalid_value(f"{at}.ip", text, "may not be unspecified (0.0.0.0 or ::)")
        elif place.is_loopback:
            yield invalid_value(f"{at}.ip", text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
        elif place.is_link_local:
            says = "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
            yield invalid_value(f"{at}.ip", text, says)
        elif place.version == 4 and place in LINK_LOCAL_MULTICAST:
            says = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
            yield invalid_value(f"{at}.ip", text, says)
    if hostname := address.get("hostname"):
        for problem in name_problems(hostname, "label"):
            yield invalid_value(f"{at}.hostname", hostname, problem)


def _port_errors(port: Mapping[str, Any], at: str, *, named: bool) -> Iterator[FieldError]:
    name = port.get("name")
    if named and not name:
        yield required(f"{at}.name")
    for problem in name_problems(name, "label") if name else ():
        yield invalid_value(f"{at}.name", name, problem)
    yield from checks.port_number(port.get("port", 0), f"{at}.port")
    yield from checks.one_of(port.get("protocol"), ("SCTP", "TCP", "UDP"), f"{at}.protocol")


KINDS = (
    Kind(
        "endpoints", "v1", "Endpoints", short_names=("ep",), default=default_endpoints,
        validate=validate_endpoints,
    ),
)  # fmt: skip
