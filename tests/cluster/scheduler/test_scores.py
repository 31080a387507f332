"""How good a node is for a pod: each plugin's sum, their weights, and the tie-break."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from gitrel.cluster.scheduler.plugins import (
    balancedallocation,
    imagelocality,
    nodeaffinity,
    noderesourcesfit,
    podtopologyspread,
    tainttoleration,
)
from gitrel.kube import selectors
from gitrel.kube.identity import Object
from tests.cluster.scheduler.worlds import World, node, pod

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


@pytest.mark.parametrize(
    ("cpu", "memory", "score"),
    [
        pytest.param((4000, 0), (8000, 0), 100, id="empty"),
        pytest.param((4000, 1000), (8000, 6000), (75 + 25) // 2, id="the mean of both"),
        pytest.param((4000, 5000), (8000, 0), 50, id="overcommitted counts as full"),
        pytest.param((0, 0), (8000, 4000), 50, id="what a node lacks does not count"),
        pytest.param((3000, 1000), (3000, 1000), 66, id="integers are cut"),
    ],
)
def test_least_allocated(cpu: tuple[int, int], memory: tuple[int, int], score: int) -> None:
    """(capacity − requested) × 100 / capacity, in whole numbers, the mean over CPU and memory."""
    assert noderesourcesfit.score(cpu, memory) == score


@pytest.mark.parametrize(
    ("cpu", "memory", "score"),
    [
        pytest.param((1000, 500), (1000, 500), 100, id="even"),
        pytest.param((1000, 1000), (1000, 0), 50, id="as uneven as can be"),
        pytest.param((1000, 800), (1000, 400), 80, id="in between"),
        pytest.param((1000, 3000), (1000, 1000), 100, id="shares end at one"),
    ],
)
def test_balanced_allocation(cpu: tuple[int, int], memory: tuple[int, int], score: int) -> None:
    """(1 − |cpu share − memory share| / 2) × 100."""
    assert balancedallocation.score(cpu, memory) == score


def test_taints_and_preferences_are_relative_to_the_feasible_nodes() -> None:
    """The most disliked node gets 0, the most preferred 100."""
    everything = np.ones(3, dtype=bool)
    assert tainttoleration.normalized(np.array([0, 1, 2]), everything).tolist() == [100, 50, 0]
    assert nodeaffinity.normalized(np.array([0, 10, 40]), everything).tolist() == [0, 25, 100]


@pytest.mark.parametrize(
    ("megabytes", "share", "containers", "score"),
    [(23, 1.0, 1, 0), (1000, 1.0, 1, 100), (2000, 1.0, 1, 100), (1000, 0.5, 1, 48), (1000, 1.0, 2, 49)],
)
def test_image_locality(megabytes: int, share: float, containers: int, score: int) -> None:
    """From 23 MB up to 1000 MB a container, scaled down by the share of nodes that have the image."""
    sizes = {"a:latest": megabytes * 2**20}
    assert imagelocality.score(["a"], sizes, {"a:latest": share}, containers) == score


def test_weights() -> None:
    """Taints 3, node affinity 2, room 1 and balance 1: the sum as a scheduler shows it in its log."""
    world = World(
        [
            node("plain"),
            node("liked", labels={"disk": "ssd"}),
            node("disliked", taints=[{"key": "old", "effect": "PreferNoSchedule"}]),
        ]
    )
    preference = {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preference]}}
    # 1 of 4 CPUs and 2 of 8 GiB leave 75 free of each, in perfect balance.
    room = 75 + 100
    scores = world.scores(pod("p", cpu="1", memory="2Gi", affinity=affinity))
    assert scores == {"plain": room + 300, "liked": room + 300 + 200, "disliked": room}


def wish(kind: str, weight: int, labels: dict[str, str]) -> Object:
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": labels}}
    rows = [{"weight": weight, "podAffinityTerm": term}]
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": rows}}


def test_wishes_about_other_pods_count_both_ways() -> None:
    """A pod likes to be near another, and one that is there likes it to come."""
    web = {"app": "web"}
    nodes = [node("a"), node("b"), node("c")]
    world = World(nodes, [pod("w", labels=web, node="a", cpu="1", memory="1Gi")])
    assert world.find(pod("p", affinity=wish("podAffinity", 10, web))) == "a"
    assert world.find(pod("p", affinity=wish("podAntiAffinity", 10, web))) in ("b", "c")
    world = World(nodes, [pod("w", node="b", cpu="1", memory="1Gi", affinity=wish("podAffinity", 5, web))])
    assert world.find(pod("p", labels=web)) == "b"


def test_siblings_are_spread_over_nodes_and_zones_without_asking() -> None:
    """The defaults of the cluster: hostname and zone, soft, for pods that an owner selects."""
    nodes = [node(n, labels={ZONE: z}) for n, z in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b"))]
    web = {"app": "web"}
    world = World(nodes)
    spreads = podtopologyspread.defaults(selectors.from_labels(web))
    placed: list[str] = []
    for number in range(8):
        wanted = pod(f"p{number}", labels=web, cpu="10m", memory="10Mi")
        found = world.find(wanted, spreads)
        assert found is not None
        placed.append(found)
        world.place(pod(f"p{number}", labels=web, cpu="10m", memory="10Mi", node=found))
    assert {name[0] for name in placed[:2]} == {"a", "b"}
    assert set(placed[:4]) == {"a1", "a2", "b1", "b2"}
    assert set(Counter(placed).values()) == {2}


def test_the_soft_score_is_kubernetes_sum() -> None:
    """Two nodes with 3 and 1 siblings: raw 3 × ln 4 + 2 = 6 and 1 × ln 4 + 2 = 3, so 50 and 100 of 100,
    twice.
    """
    web = {"app": "web"}
    placed = [pod(f"p{n}", labels=web, node="a") for n in range(3)] + [pod("p3", labels=web, node="b")]
    world = World([node("a"), node("b")], placed)
    constraint = podtopologyspread.defaults(selectors.from_labels(web))[:1]
    with_spread = world.scores(pod("p", labels=web), constraint)
    without = world.scores(pod("p", labels=web))
    assert {name: with_spread[name] - without[name] for name in without} == {"a": 2 * 50, "b": 2 * 100}


def test_ties_are_spread_and_repeatable() -> None:
    """Equal nodes share equal pods about evenly, and the same pod always goes to the same node, whatever the
    order.
    """
    names = [f"n{number}" for number in range(10)]
    world = World([node(name) for name in names])
    backwards = World([node(name) for name in reversed(names)])
    chosen = [world.find(pod(f"p{number}")) for number in range(1000)]
    assert chosen == [backwards.find(pod(f"p{number}")) for number in range(1000)]
    assert min(Counter(chosen).values()) > 60
    assert len(Counter(chosen)) == 10


def test_a_nearly_full_node_is_left_alone() -> None:
    """With all else equal the emptier node wins."""
    busy: list[Any] = [pod("w", node="a", cpu="3", memory="6Gi")]
    assert World([node("a"), node("b")], busy).find(pod("p", cpu="100m", memory="100Mi")) == "b"
