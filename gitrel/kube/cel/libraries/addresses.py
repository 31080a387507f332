"""IP addresses and ranges (apiserver `pkg/cel/library/{ip,cidr}.go`)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)

from gitrel.kube.cel.library import TABLE, function, method
from gitrel.kube.cel.values import CelError

_IP, _CIDR = "net.IP", "net.CIDR"


@dataclass(frozen=True, slots=True)
class Ip:
    address: IPv4Address | IPv6Address
    cel_type = _IP


@dataclass(frozen=True, slots=True)
class Cidr:
    """As it was written: `10.1.2.3/8` keeps its address until it is masked."""

    address: IPv4Address | IPv6Address
    network: IPv4Network | IPv6Network
    cel_type = _CIDR


def _parsed(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address.scope_id):
        raise ValueError("IPv4-mapped IPv6 addresses and zones are not allowed")
    return address


@function("ip", f"string -> {_IP}")
def ip(text: str) -> Ip:
    try:
        return Ip(_parsed(text))
    except ValueError:
        raise CelError(f'IP Address "{text}" parse error during conversion from string') from None


@function("isIP", "string -> bool")
def is_ip(text: str) -> bool:
    try:
        _parsed(text)
    except ValueError:
        return False
    return True


@function("ip.isCanonical", "string -> bool")
def is_canonical(text: str) -> bool:
    return str(ip(text).address) == text


@method("family", f"{_IP} -> int")
def family(one: Ip) -> int:
    return one.address.version


for _name, _test in (
    ("isUnspecified", lambda one: one.address.is_unspecified),
    ("isLoopback", lambda one: one.address.is_loopback),
    ("isLinkLocalUnicast", lambda one: one.address.is_link_local),
):
    TABLE.add(_name, f"{_IP} -> bool", _test, method=True)


@method("isLinkLocalMulticast", f"{_IP} -> bool")
def is_link_local_multicast(one: Ip) -> bool:
    block = "224.0.0.0/24" if one.address.version == 4 else "ff02::/16"
    return one.address in ip_network(block)


@method("isGlobalUnicast", f"{_IP} -> bool")
def is_global_unicast(one: Ip) -> bool:
    """As Go has it: neither unspecified, loopback, multicast, link-local nor broadcast."""
    a = one.address
    special = a.is_unspecified or a.is_loopback or a.is_multicast or a.is_link_local
    return not special and str(a) != "255.255.255.255"


def _cidr(text: str) -> Cidr:
    if "/" not in text:
        raise ValueError("no prefix")
    address = text.partition("/")[0]
    return Cidr(_parsed(address), ip_interface(text).network)


@function("cidr", f"string -> {_CIDR}")
def cidr(text: str) -> Cidr:
    try:
        return _cidr(text)
    except ValueError:
        raise CelError(f'network address parse error during conversion from string: "{text}"') from None


@function("isCIDR", "string -> bool")
def is_cidr(text: str) -> bool:
    try:
        _cidr(text)
    except ValueError:
        return False
    return True


@method("containsIP", f"{_CIDR} string -> bool", f"{_CIDR} {_IP} -> bool")
def contains_ip(one: Cidr, other: str | Ip) -> bool:
    address = ip(other) if isinstance(other, str) else other
    return address.address in one.network


@method("containsCIDR", f"{_CIDR} string -> bool", f"{_CIDR} {_CIDR} -> bool")
def contains_cidr(one: Cidr, other: str | Cidr) -> bool:
    inner = (cidr(other) if isinstance(other, str) else other).network
    outer = one.network
    return (
        inner.version == outer.version
        and inner.prefixlen >= outer.prefixlen
        and (inner.network_address in outer)
    )


@method("ip", f"{_CIDR} -> {_IP}")
def ip_of(one: Cidr) -> Ip:
    return Ip(one.address)


@method("masked", f"{_CIDR} -> {_CIDR}")
def masked(one: Cidr) -> Cidr:
    return Cidr(one.network.network_address, one.network)


@method("prefixLength", f"{_CIDR} -> int")
def prefix_length(one: Cidr) -> int:
    return one.network.prefixlen


TABLE.add("string", f"{_IP} -> string", lambda one: str(one.address), method=False)
TABLE.add("string", f"{_CIDR} -> string", lambda one: f"{one.address}/{one.network.prefixlen}", method=False)
