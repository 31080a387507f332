"""Which address each node and each pod has: the lowest that is free, so that it follows from the objects
alone.

Nodes count up from 172.18.0.2 and own a /22 each out of 10.128.0.0/9, which leaves the usual service ranges
alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from typing import Any

from gitrel.cluster.kubelet.status import TERMINAL_PHASES

NODES_FIRST = int(IPv4Address("172.18.0.2"))
PODS = IPv4Network("10.128.0.0/9")
POD_PREFIX = 22
PODS_PER_NODE = 1 << (32 - POD_PREFIX)
NODES_MAX = PODS.num_addresses // PODS_PER_NODE


def pod_cidr(number: int) -> str:
    """The addresses of the pods on the node with this number. Raises ValueError where there are no more."""
    if number >= NODES_MAX:
        raise ValueError(f"there are addresses for {NODES_MAX} nodes only")
    return f"{PODS[number * PODS_PER_NODE]}/{POD_PREFIX}"


def number_of(cidr: str) -> int | None:
    """Reads back what `pod_cidr` wrote; None for a range that is somebody else's."""
    try:
        network = IPv4Network(cidr)
    except ValueError:
        return None
    if network.prefixlen != POD_PREFIX or not network.subnet_of(PODS):
        return None
    return (int(network.network_address) - int(PODS.network_address)) // PODS_PER_NODE


def node_ip(number: int) -> str:
    return str(IPv4Address(NODES_FIRST + number))


class Lowest:
    """Hands out the lowest free number from `first` on."""

    def __init__(self, first: int, used: Iterable[int] = ()) -> None:
        taken = {number for number in used if number >= first}
        self._next = max(taken, default=first - 1) + 1
        self._free = [number for number in range(first, self._next) if number not in taken]

    def take(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def give_back(self, number: int) -> None:
        if number < self._next and number not in self._free:
            heapq.heappush(self._free, number)


class PodAddresses:
    """The addresses of one node's pods. Built from the pods it has, kept up to date by what the kubelet
    does.
    """

    def __init__(self, cidr: str, pods: Iterable[Mapping[str, Any]]) -> None:
        self._network = ip_network(cidr, strict=False)
        self._base = int(self._network.network_address)
        # The first address after the network's own is the node's end of the bridge.
        self._lowest = Lowest(
            2, (int(ip_address(ip)) - self._base for ip in map(held_ip, pods) if self._is_mine(ip))
        )

    def _is_mine(self, ip: str) -> bool:
        try:
            return bool(ip) and ip_address(ip) in self._network
        except ValueError:
            # A pod's status is whatever somebody wrote there.
            return False

    def take(self) -> str:
        address = self._base + self._lowest.take()
        return _dotted(address) if self._network.version == 4 else str(IPv6Address(address))

    def give_back(self, ip: str) -> None:
        if self._is_mine(ip):
            self._lowest.give_back(int(ip_address(ip)) - self._base)


def held_ip(pod: Mapping[str, Any]) -> str:
    """The address a pod holds; one that is over has given it back, though its status still shows it."""
    status = pod.get("status") or {}
    return "" if status.get("phase") in TERMINAL_PHASES else status.get("podIP") or ""


def _dotted(address: int) -> str:
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
