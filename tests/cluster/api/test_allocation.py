"""Addresses and ports of Services: chosen once, kept, given back, never given twice."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.api.allocation import port_band
from gitrel.cluster.api.errors import ApiError
from gitrel.kube.fields import replaced
from tests.cluster.harness import cluster


def service(name: str, type_: str = "ClusterIP", **spec: Any) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": type_, "ports": [{"port": 80}], **spec},
    }


def test_each_service_gets_an_address_of_its_own() -> None:
    """From the upper band of the range while that lasts, then from the lower, then none."""
    c = cluster(service_cidr="10.0.0.0/27")
    addresses = [c.api.create(service(f"s{n}"))["spec"]["clusterIP"] for n in range(29)]
    assert len(set(addresses)) == 29
    assert "10.0.0.1" not in addresses
    last_octets = [int(address.rpartition(".")[2]) for address in addresses]
    assert min(last_octets[:14]) > max(last_octets[14:])
    with pytest.raises(ApiError, match="range is full"):
        c.api.create(service("one-too-many"))


def test_a_headless_service_has_none() -> None:
    """`None` is kept as it is; an ExternalName has no address at all."""
    c = cluster()
    assert c.api.create(service("a", clusterIP="None"))["spec"]["clusterIPs"] == ["None"]
    made = c.api.create(service("b", "ExternalName", externalName="example.org"))
    assert "clusterIP" not in made["spec"]


def test_an_update_keeps_what_was_allocated() -> None:
    """Writing the manifest again, without the address, changes nothing."""
    c = cluster()
    first = c.api.create(service("a", "NodePort"))
    assert c.api.update(service("a", "NodePort")) is first


def test_a_changed_type_takes_and_gives_back_node_ports() -> None:
    """ClusterIP → NodePort allocates, and back again frees the port for another."""
    c = cluster()
    c.api.create(service("a"))
    port = c.api.update(service("a", "NodePort"))["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    with pytest.raises(ApiError, match="provided port is already allocated"):
        c.api.create(service("b", "NodePort", ports=[{"port": 80, "nodePort": port}]))
    assert "nodePort" not in c.api.update(service("a"))["spec"]["ports"][0]
    assert c.api.create(service("b", "NodePort", ports=[{"port": 80, "nodePort": port}]))


def test_an_address_is_free_again_after_its_service() -> None:
    """What is used is read from the Services, so a deleted one holds nothing."""
    c = cluster()
    made = c.api.create(service("a", clusterIP="10.96.0.77"))
    with pytest.raises(ApiError, match="provided IP is already allocated"):
        c.api.create(service("b", clusterIP="10.96.0.77"))
    c.api.delete("services", "a", "default")
    assert c.api.create(replaced(made, ("metadata",), {"name": "b", "namespace": "default"}))


def test_a_fork_knows_what_is_taken() -> None:
    """The view of used addresses is rebuilt from the objects."""
    c = cluster()
    c.api.create(service("a", clusterIP="10.96.0.77"))
    with pytest.raises(ApiError, match="provided IP is already allocated"):
        c.fork().api.create(service("b", clusterIP="10.96.0.77"))


def test_node_ports_leave_the_lower_band_to_people() -> None:
    """86 of the default range (kube-apiserver's portallocator)."""
    band = port_band(30000, 32767)
    assert band.choose(set(), lambda: 0.0) == 30086
    assert band.choose(set(range(30086, 32768)), lambda: 0.0) == 30000
    assert band.choose(set(range(30000, 32768)), lambda: 0.0) is None
