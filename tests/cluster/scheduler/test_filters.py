"""Which nodes a pod can go to, and what is said where it can go to none."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.scheduler.plugins import nodeaffinity, nodename
from gitrel.kube.identity import Object
from tests.cluster.scheduler.worlds import World, node, pod

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


def required_nodes(*expressions: Any) -> Object:
    terms = [{"matchExpressions": [expression]} for expression in expressions]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def pods_rule(kind: str, key: str, labels: dict[str, str], **more: Any) -> Object:
    term = {"topologyKey": key, "labelSelector": {"matchLabels": labels}, **more}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("nodes", "wanted", "feasible"),
    [
        pytest.param([node("a", unschedulable=True), node("b")], pod("p"), {"b"}, id="cordoned"),
        pytest.param(
            [node("a", unschedulable=True)],
            pod("p", tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]),
            {"a"},
            id="cordoned but tolerated",
        ),
        pytest.param([node("a", taints=[TAINT]), node("b")], pod("p"), {"b"}, id="tainted"),
        pytest.param(
            [node("a", taints=[TAINT])],
            pod("p", tolerations=[{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]),
            {"a"},
            id="tolerated",
        ),
        pytest.param(
            [node("a", labels={"disk": "ssd"}), node("b")],
            pod("p", nodeSelector={"disk": "ssd"}),
            {"a"},
            id="node selector",
        ),
        pytest.param(
            [node("a", labels={"gen": "7"}), node("b", labels={"gen": "3"}), node("c")],
            pod("p", affinity=required_nodes({"key": "gen", "operator": "Gt", "values": ["5"]})),
            {"a"},
            id="node affinity Gt",
        ),
        pytest.param(
            [node("a", labels={"disk": "ssd"}), node("b", labels={"disk": "hdd"}), node("c")],
            pod("p", affinity=required_nodes({"key": "disk", "operator": "NotIn", "values": ["hdd"]})),
            {"a", "c"},
            id="NotIn is met by nodes without the label",
        ),
        pytest.param(
            [node("a"), node("b")],
            pod(
                "p",
                affinity={
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}
                            ]
                        }
                    }
                },
            ),
            {"b"},
            id="a DaemonSet's own node",
        ),
        pytest.param([node("a", cpu="1"), node("b", cpu="2")], pod("p", cpu="1500m"), {"b"}, id="cpu"),
        pytest.param([node("a", pods=0), node("b")], pod("p"), {"b"}, id="pods"),
        pytest.param(
            [node("a", extended={"example.org/gpu": "1"}), node("b")],
            pod("p", containers=[{"name": "a", "resources": {"requests": {"example.org/gpu": "1"}}}]),
            {"a"},
            id="extended resource",
        ),
    ],
)
def test_nodes_alone(nodes: list[Object], wanted: Object, feasible: set[str]) -> None:
    """Rules that only the node and the pod decide; the row-wise answer is the predicate's answer."""
    world = World(nodes)
    assert world.feasible(wanted) == feasible
    template = world.template(wanted)
    for one in nodes:
        if not nodeaffinity.fits(one, template):
            assert one["metadata"]["name"] not in feasible


def test_a_named_node_is_the_only_one() -> None:
    """spec.nodeName means there or nowhere."""
    assert nodename.fits(node("a"), pod("p", node="a"))
    assert not nodename.fits(node("b"), pod("p", node="a"))
    assert nodename.fits(node("b"), pod("p"))


def hosting(name: str, node_name: str | None = None, **port: Any) -> Object:
    port = {"containerPort": 80, "hostPort": 80, **port}
    return pod(name, node=node_name, containers=[{"name": "a", "image": "a", "ports": [port]}])


@pytest.mark.parametrize(
    ("port", "feasible"),
    [
        ({}, {"b"}),
        ({"hostPort": 81}, {"a", "b"}),
        ({"protocol": "UDP"}, {"a", "b"}),
        ({"hostIP": "10.0.0.1"}, {"b"}),
    ],
)
def test_host_ports(port: dict[str, Any], feasible: set[str]) -> None:
    """Same number and protocol clash, and 0.0.0.0 clashes with every address."""
    world = World([node("a"), node("b")], [hosting("there", "a")])
    assert world.feasible(hosting("p", **port)) == feasible


def test_anti_affinity_both_ways() -> None:
    """A pod avoids those it names, and is avoided by those that name it."""
    zones = [node(n, labels={ZONE: z}) for n, z in (("a", "1"), ("b", "1"), ("c", "2"))]
    hates = pods_rule("podAntiAffinity", ZONE, {"app": "web"})
    world = World(zones, [pod("there", labels={"app": "web"}, node="a")])
    assert world.feasible(pod("p", affinity=hates)) == {"c"}
    world = World(zones, [pod("there", node="a", affinity=hates)])
    assert world.feasible(pod("p", labels={"app": "web"})) == {"c"}
    assert world.feasible(pod("p", labels={"app": "db"})) == {"a", "b", "c"}
    assert "1 node(s) didn't" not in world.why(pod("p", labels={"app": "web"}))


def test_affinity_and_its_first_pod() -> None:
    """Near those it names; the first of a group that names itself may go wherever the key exists."""
    zones = [
        node("a", labels={ZONE: "1"}),
        node("b", labels={ZONE: "1"}),
        node("c", labels={ZONE: "2"}),
        node("d"),
    ]
    likes = pods_rule("podAffinity", ZONE, {"app": "web"})
    world = World(zones, [pod("there", labels={"app": "web"}, node="a")])
    assert world.feasible(pod("p", affinity=likes)) == {"a", "b"}
    world = World(zones)
    assert world.feasible(pod("p", affinity=likes)) == set()
    assert world.feasible(pod("p", labels={"app": "web"}, affinity=likes)) == {"a", "b", "c"}


def test_affinity_across_namespaces() -> None:
    """Only the pod's own namespace is meant, unless names or a selector for namespaces say otherwise."""
    there = pod("there", labels={"app": "web"}, node="a")
    there["metadata"]["namespace"] = "other"
    world = World([node("a"), node("b")], [there])
    avoid = {"app": "web"}
    assert world.feasible(pod("p", affinity=pods_rule("podAntiAffinity", HOST, avoid))) == {"a", "b"}
    named = pods_rule("podAntiAffinity", HOST, avoid, namespaces=["other"])
    assert world.feasible(pod("p", affinity=named)) == {"b"}
    chosen = pods_rule("podAntiAffinity", HOST, avoid, namespaceSelector={"matchLabels": {"team": "b"}})
    assert world.feasible(pod("p", affinity=chosen)) == {"b"}


def spread(**more: Any) -> list[Object]:
    row = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    return [{**row, **more}]


def test_spread_constraints() -> None:
    """No zone may have more than one pod above the emptiest; nodes without the label are out."""
    nodes = [node(n, labels={ZONE: z}) for n, z in (("a", "1"), ("b", "2"), ("c", "3"))] + [node("d")]
    web = {"app": "web"}
    world = World(nodes, [pod("p1", labels=web, node="a"), pod("p2", labels=web, node="b")])
    assert world.feasible(pod("p", labels=web, topologySpreadConstraints=spread())) == {"c"}
    assert world.feasible(pod("p", labels=web, topologySpreadConstraints=spread(maxSkew=2))) == {
        "a",
        "b",
        "c",
    }
    other = pod("p", topologySpreadConstraints=spread())
    assert world.feasible(other) == {"a", "b", "c"}, "a pod that is not counted does not add to the skew"


def test_too_few_domains_count_as_an_empty_one() -> None:
    """minDomains above the number of zones makes the least count 0."""
    nodes = [node("a", labels={ZONE: "1"}), node("b", labels={ZONE: "2"})]
    web = {"app": "web"}
    world = World(nodes, [pod("p1", labels=web, node="a"), pod("p2", labels=web, node="b")])
    assert world.feasible(pod("p", labels=web, topologySpreadConstraints=spread())) == {"a", "b"}
    assert world.feasible(pod("p", labels=web, topologySpreadConstraints=spread(minDomains=3))) == set()


def test_a_pod_that_is_being_deleted_does_not_count_for_spreading() -> None:
    """It leaves soon; its place is free for its successor."""
    nodes = [node("a", labels={ZONE: "1"}), node("b", labels={ZONE: "2"})]
    web = {"app": "web"}
    leaving = pod("p1", labels=web, node="a")
    world = World(nodes, [leaving])
    wanted = pod("p", labels=web, topologySpreadConstraints=spread())
    assert world.feasible(wanted) == {"b"}
    world.place({**leaving, "metadata": {**leaving["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}})
    assert world.feasible(wanted) == {"a", "b"}


def test_every_node_is_counted_under_its_first_refusal() -> None:
    """Reasons are sorted as texts; a node that is short of two things gives both."""
    world = World(
        [
            node("a", unschedulable=True),
            node("b", taints=[TAINT]),
            node("c", taints=[TAINT]),
            node("d", cpu="1", memory="1Gi"),
            node("e", cpu="1"),
            node("f", labels={"disk": "hdd"}, cpu="1"),
        ]
    )
    wanted = pod(
        "p", cpu="2", memory="2Gi", affinity=required_nodes({"key": "disk", "operator": "DoesNotExist"})
    )
    assert world.why(wanted) == (
        "0/6 nodes are available: 1 Insufficient memory, "
        "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable, "
        "2 Insufficient cpu, 2 node(s) had untolerated taint(s)."
    )


def test_reasons_about_other_pods() -> None:
    """Spreading and affinity have their own words."""
    nodes = [node("a", labels={ZONE: "1"}), node("b")]
    web = {"app": "web"}
    hates = pods_rule("podAntiAffinity", HOST, web)
    world = World(nodes, [pod("p1", labels=web, node="a"), pod("p2", labels=web, affinity=hates, node="b")])
    assert world.why(pod("p", labels=web, affinity=hates)) == (
        "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."
    )
    assert world.why(pod("p", affinity=pods_rule("podAffinity", ZONE, {"app": "none"}))) == (
        "0/2 nodes are available: 2 node(s) didn't match pod affinity rules."
    )
    assert "1 node(s) didn't match pod topology spread constraints (missing required label)" in world.why(
        pod("p", labels=web, topologySpreadConstraints=spread())
    )


def test_a_cluster_without_nodes_says_so() -> None:
    """There is nothing to count."""
    assert World([]).why(pod("p")) == "no nodes available to schedule pods"
