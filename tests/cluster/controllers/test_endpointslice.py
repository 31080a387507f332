"""EndpointSlices: which pods are listed, with which ports, and how few writes it takes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.controllers.endpointslice import endpoint
from gitrel.cluster.controllers.endpointslice.controller import SLICES
from gitrel.cluster.controllers.endpointslice.packing import calculate_packing
from gitrel.kube.identity import Object
from tests.cluster.controllers.build import pod
from tests.cluster.controllers.podstarter import PodStarter
from tests.cluster.controllers.stories import DEPLOYMENTS, change, cluster, forward, pods
from tests.cluster.harness import WatchedCluster, deployment, get


def service(name: str = "web", **spec: Any) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


def addressed(**more: Any) -> Object:
    found = pod(**more)
    found["status"] |= {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}
    return found


CONDITIONS = [
    pytest.param({"ready": 0}, {}, (True, True, False), id="ready"),
    pytest.param({}, {}, (False, False, False), id="not ready"),
    pytest.param({"ready": 0, "deleting": True}, {}, (False, True, True), id="still serving"),
    pytest.param({}, {"publishNotReadyAddresses": True}, (True, False, False), id="published anyway"),
]


@pytest.mark.parametrize(("of_pod", "of_service", "expected"), CONDITIONS)
def test_the_three_conditions(
    of_pod: dict[str, Any], of_service: dict[str, Any], expected: tuple[bool, bool, bool]
) -> None:
    """Proves ready, serving and terminating."""
    found = endpoint.calculate_endpoint(service(**of_service), addressed(**of_pod), None, "IPv4")
    assert found is not None
    conditions = found["conditions"]
    assert (conditions["ready"], conditions["serving"], conditions["terminating"]) == expected


def test_an_endpoint_has_one_family_a_zone_and_a_hostname() -> None:
    """Proves the address by family, and the fields that come from the node and the subdomain."""
    found = addressed()
    found["spec"] |= {"hostname": "db-0", "subdomain": "web"}
    node = {"metadata": {"labels": {endpoint.ZONE: "eu-1"}}}
    row = endpoint.calculate_endpoint(service(), found, node, "IPv6")
    assert row is not None
    assert (row["addresses"], row["zone"], row["hostname"]) == (["fd00::1"], "eu-1", "db-0")
    other = endpoint.calculate_endpoint(service("other"), found, node, "IPv4")
    assert other is not None and "hostname" not in other


def test_named_ports_are_resolved_on_each_pod() -> None:
    """Proves a name by protocol, in a sidecar, and one that is not there."""
    found = addressed()
    found["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": 1, "protocol": "UDP"}]
    side = {"name": "side", "restartPolicy": "Always", "ports": [{"name": "web", "containerPort": 9}]}
    found["spec"]["initContainers"] = [side]
    ports = [
        {"name": "a", "port": 80, "targetPort": "web"},
        {"name": "b", "port": 81, "targetPort": "gone"},
        {"name": "c", "port": 82},
    ]
    resolved = endpoint.resolve_ports(service(ports=ports), found)
    assert [(p.name, p.port) for p in resolved] == [("a", 9), ("c", 82)]


def places(*names: str) -> list[dict[str, Any]]:
    return [{"addresses": [name], "targetRef": {"namespace": "n", "name": name}} for name in names]


def test_changed_slices_are_filled_before_others_are_touched() -> None:
    """Proves that a removal and an addition are one write."""
    existing = {"one": places("a", "b"), "two": places("c")}
    packing = calculate_packing(existing, places("a", "c", "d"), limit=3)
    assert packing.updated == {"one": places("a", "d")}
    assert not packing.created and not packing.deleted


def test_what_is_left_goes_where_it_fits_best() -> None:
    """Proves that of the unchanged slices the one it fills closest to full is taken, and only one."""
    existing = {"one": places("a"), "two": places("b", "c")}
    packing = calculate_packing(existing, places("a", "b", "c", "d"), limit=3)
    assert packing.updated == {"two": places("b", "c", "d")}
    packing = calculate_packing(existing, places("a", "b", "c", "d", "e", "f"), limit=3)
    assert packing.created == [places("d", "e", "f")]


NAMES = st.lists(st.integers(0, 40).map(str), unique=True, max_size=30)


@settings(max_examples=150, deadline=None)
@given(before=st.lists(NAMES, max_size=4), after=NAMES, limit=st.integers(1, 8))
def test_every_endpoint_is_listed_once_in_slices_that_are_not_too_large(
    before: list[list[str]], after: list[str], limit: int
) -> None:
    """Proves, from any slices to any endpoints: exactly the desired ones, each once, within the limit; and
    that doing it again changes nothing."""
    existing = {f"s{i}": places(*names[:limit]) for i, names in enumerate(before)}
    packing = calculate_packing(existing, places(*after), limit)
    result = {**existing, **packing.updated}
    for name in packing.deleted:
        del result[name]
    result |= {f"new{i}": contents for i, contents in enumerate(packing.created)}
    assert sorted(e["addresses"][0] for contents in result.values() for e in contents) == sorted(after)
    assert all(len(contents) <= limit for contents in result.values())
    again = calculate_packing({k: v for k, v in result.items() if v}, places(*after), limit)
    assert not again.updated and not again.deleted and not again.created


def listed(c: WatchedCluster) -> list[tuple[bool, bool]]:
    """(ready, terminating) of every endpoint."""
    return [
        (row["conditions"]["ready"], row["conditions"]["terminating"])
        for slice_ in c.reader.list(SLICES)
        for row in slice_["endpoints"] or ()
    ]


def test_a_service_without_pods_has_one_empty_slice() -> None:
    """Proves the placeholder, and that it is filled instead of replaced."""
    c = cluster()
    c.writer.create("services", service())
    c.settle()
    (placeholder,) = c.reader.list(SLICES)
    assert placeholder["endpoints"] == [] and placeholder["ports"] == []
    c.writer.create(DEPLOYMENTS, deployment("web"))
    forward(c, 5)
    (filled,) = c.reader.list(SLICES)
    assert filled["metadata"]["uid"] == placeholder["metadata"]["uid"]
    assert listed(c) == [(True, False)] * 3
    assert filled["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]
    c.verify()


def test_terminating_pods_stay_listed_until_they_are_gone() -> None:
    """Proves that an endpoint says that it is leaving before it leaves."""
    c = cluster(PodStarter(stop_seconds=10))
    c.writer.create("services", service())
    c.writer.create(DEPLOYMENTS, deployment("web", 1))
    forward(c, 5)
    c.writer.delete("pods", "default", pods(c)[0]["metadata"]["name"])
    forward(c, 5)
    assert sorted(listed(c)) == [(False, True), (True, False)]
    forward(c, 10)
    assert listed(c) == [(True, False)]


def test_many_pods_take_several_slices() -> None:
    """Proves the limit of a hundred, and that the slices go with the Service."""
    c = cluster()
    c.writer.create("services", service())
    c.writer.create(DEPLOYMENTS, deployment("web", 250))
    forward(c, 5)
    assert sorted(len(s["endpoints"]) for s in c.reader.list(SLICES)) == [50, 100, 100]
    c.writer.delete("services", "default", "web")
    forward(c, 5)
    assert c.reader.list(SLICES) == []


def test_a_changed_selector_and_a_relabelled_pod_move_the_endpoints() -> None:
    """Proves that both ends of the match are followed."""
    c = cluster()
    c.writer.create("services", service())
    c.writer.create(DEPLOYMENTS, deployment("web", 2))
    forward(c, 5)
    change(c, "services", "web", "spec", "selector", to={"app": "other"})
    c.settle()
    assert listed(c) == []
    change(c, "pods", pods(c)[0]["metadata"]["name"], "metadata", "labels", to={"app": "other"})
    forward(c, 5)
    assert listed(c) == [(True, False)]


@pytest.mark.parametrize("spec", [{"selector": None}, {"type": "ExternalName", "externalName": "x.org"}])
def test_services_that_are_somebody_elses_business_have_no_slices(spec: dict[str, Any]) -> None:
    """Proves that selector-less Services and ExternalName are left alone."""
    c = cluster()
    c.writer.create("services", service(**spec))
    forward(c, 5)
    assert c.reader.list(SLICES) == []


def test_a_slice_that_somebody_deleted_comes_back() -> None:
    """Proves that slices are watched too."""
    c = cluster()
    c.writer.create("services", service())
    c.writer.create(DEPLOYMENTS, deployment("web", 2))
    forward(c, 5)
    name = c.reader.list(SLICES)[0]["metadata"]["name"]
    c.writer.delete(SLICES, "default", name)
    c.settle()
    assert listed(c) == [(True, False)] * 2


def test_a_headless_service_says_so() -> None:
    """Proves the label, and that the Service's own labels travel."""
    c = cluster()
    headless = service(clusterIP="None")
    headless["metadata"]["labels"] = {"team": "blue"}
    c.writer.create("services", headless)
    c.settle()
    name = c.reader.list(SLICES)[0]["metadata"]["name"]
    labels = get(c, SLICES, "default", name)["metadata"]["labels"]
    assert labels["service.kubernetes.io/headless"] == ""
    assert labels["team"] == "blue"
