"""Addresses and node ports for Services: what is asked for if it is free, else something free.

The used ones are read from the Services themselves, so there is nothing to leak or to repair. Ranges as in
kube-apiserver (`pkg/registry/core/service/ipallocator`, `portallocator`): the lower band is left to people
who choose an address by hand, automatic choices come from the upper band at random, and the lower serves
when that is full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from gitrel.cluster.api.errors import ApiError, FieldError, invalid, invalid_value, shown
from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.kinds.services import needs_cluster_ip, needs_node_ports
from gitrel.cluster.store.store import Store
from gitrel.kube.fields import get
from gitrel.kube.identity import Object


class Band:
    """Numbers `first` … `last`, of which the lowest `by_hand` are given out automatically only at the end."""

    def __init__(self, first: int, last: int, by_hand: int) -> None:
        self.first = first
        self.last = last
        self._upper = first + by_hand

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def choose(self, used: set[int], random: Callable[[], float]) -> int | None:
        """A free number, the upper band first, starting at a random place; None when all are used."""
        for low, high in ((self._upper, self.last), (self.first, self._upper - 1)):
            size = high - low + 1
            start = int(random() * size) if size > 0 else 0
            for step in range(size):
                number = low + (start + step) % size
                if number not in used:
                    return number
        return None


def address_band(network: IPv4Network) -> Band:
    """Without the network's own and its broadcast address; the first address is `kubernetes`' own."""
    size = network.num_addresses
    by_hand = min(max(16, size // 16), 256)
    first = int(network.network_address) + 1
    return Band(first, int(network.broadcast_address) - 1, min(by_hand, max(0, size - 2)))


def port_band(first: int, last: int) -> Band:
    size = last - first + 1
    return Band(first, last, min(max(16, size // 32), 128) if size > 16 else 0)


def _addresses(service: Object) -> Iterator[int]:
    for text in get(service, "spec", "clusterIPs", default=()):
        if text != "None":
            yield int(IPv4Address(text))


def _node_ports(service: Object) -> Iterator[int]:
    for port in get(service, "spec", "ports", default=()):
        if port.get("nodePort"):
            yield port["nodePort"]


class ServiceAllocator:
    """Follows the store's Services; the sets are a view that is rebuilt from them at any time."""

    def __init__(
        self, store: Store, network: IPv4Network, ports: tuple[int, int], random: Callable[[], float]
    ) -> None:
        self._network = network
        self._address_band = address_band(network)
        self._port_band = port_band(*ports)
        self._random = random
        self._used_addresses: set[int] = set()
        self._used_ports: dict[int, int] = {}
        for service in store.list("services"):
            self._follow(None, service)
        store.subscribe(self._on_change)

    def _on_change(self, change: Change) -> None:
        if change.resource == "services":
            self._follow(change.old, None if change.type == "DELETED" else change.new)

    def _follow(self, old: Object | None, new: Object | None) -> None:
        if old is not None:
            self._used_addresses.difference_update(_addresses(old))
            for port in _node_ports(old):
                self._used_ports[port] -= 1
        if new is not None:
            self._used_addresses.update(_addresses(new))
            for port in _node_ports(new):
                self._used_ports[port] = self._used_ports.get(port, 0) + 1

    def complete(self, new: Object, old: Object | None) -> Object:
        """The Service with all that its type needs allocated. Raises ApiError 422 for what is taken."""
        spec = dict(new.get("spec") or {})
        problems = [*self._with_address(spec, old), *self._with_ports(spec, old)]
        if problems:
            raise invalid("Service", "", new["metadata"]["name"], problems)
        return {**new, "spec": spec}

    def _with_address(self, spec: dict[str, Any], old: Object | None) -> Iterable[FieldError]:
        asked = spec.get("clusterIP")
        if asked == "None":
            spec["clusterIPs"] = ["None"]
        if not needs_cluster_ip(spec):
            return
        if not asked:
            number = self._address_band.choose(self._used_addresses, self._random)
            if number is None:
                raise ApiError(
                    500,
                    "InternalError",
                    "Internal error occurred: failed to allocate a serviceIP: range is full",
                )
            spec["clusterIP"] = str(IPv4Address(number))
        elif asked != get(old, "spec", "clusterIP") and (why := self._address_problem(asked)):
            says = f"failed to allocate IP {asked}: {why}"
            yield invalid_value("spec.clusterIPs", [asked], says)
        spec["clusterIPs"] = [spec["clusterIP"]]

    def _address_problem(self, text: str) -> str:
        try:
            number = int(IPv4Address(text))
        except ValueError:
            return f"not a valid IP address: {shown(text)}"
        if number not in self._address_band:
            return f"provided IP is not in the valid range. The range of valid IPs is {self._network}"
        return "provided IP is already allocated" if number in self._used_addresses else ""

    def _with_ports(self, spec: dict[str, Any], old: Object | None) -> Iterable[FieldError]:
        if not needs_node_ports(spec):
            return
        held = set(_node_ports(old)) if old else set()
        taken = {port for port, count in self._used_ports.items() if count} - held
        taken.update(port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))
        ports = []
        for index, port in enumerate(spec.get("ports") or ()):
            asked = port.get("nodePort")
            if not asked:
                number = self._port_band.choose(taken, self._random)
                if number is None:
                    says = "failed to allocate a nodePort: range is full"
                    yield invalid_value(f"spec.ports[{index}].nodePort", 0, says)
                    continue
                taken.add(number)
                port = {**port, "nodePort": number}
            elif asked not in held:
                yield from self._port_problem(asked, f"spec.ports[{index}].nodePort")
            ports.append(port)
        spec["ports"] = ports

    def _port_problem(self, number: int, field: str) -> Iterable[FieldError]:
        if number not in self._port_band:
            says = (
                "provided port is not in the valid range. The range of valid ports is "
                f"{self._port_band.first}-{self._port_band.last}"
            )
            yield invalid_value(field, number, says)
        elif self._used_ports.get(number):
            yield invalid_value(field, number, "provided port is already allocated")
