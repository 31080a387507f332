"""A whole cluster that is forked, or written to a file and read back, in the middle of things."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from gitrel.cluster.cluster import Cluster
from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.spec import ClusterSpec, NodePool
from tests.cluster.harness import deployment
from tests.cluster.kubelet.stories import visible

RULES: Any = (
    {"image": "example.org/app:*", "crash": {"after": "90s", "again": "7s"}, "readyAfter": 3},
    {"image": "example.org/slow:*", "pullFails": 100},
)


SPEC = ClusterSpec(nodes=(NodePool(count=3, cpu="2"),), behaviours=RULES)


def populate(cluster: Cluster) -> Cluster:
    """Crashing pods, pods that wait for a registry, pods that wait for room, and a node about to die."""
    cluster.settle()
    for name, image, cpu in (
        ("crashing", "example.org/app:1", "100m"),
        ("waiting", "example.org/slow:1", "10m"),
        ("large", "example.org/app:2", "1500m"),
    ):
        resources = {"requests": {"cpu": cpu}}
        probe = {"periodSeconds": 5, "failureThreshold": 2}
        spec = {
            "containers": [{"name": "app", "image": image, "resources": resources, "readinessProbe": probe}]
        }
        template = {"metadata": {"labels": {"app": name}}, "spec": spec}
        cluster.writer.create("deployments.apps", deployment(name, 4, template=template))
    return cluster


def story(cluster: Cluster) -> list[tuple[Any, ...]]:
    """Everything that changes from here on for ten minutes, in its order, a dead node included."""
    lines: list[tuple[Any, ...]] = []
    cluster.store.subscribe(
        lambda change: lines.append((cluster.now, change.type, change.resource, change.new))
    )
    cluster.advance(timedelta(seconds=100))
    node = cluster.reader.get("nodes", "", "node-1")
    assert node is not None
    annotations = {"gitrel.dev/power": "off"}
    cluster.writer.update("nodes", {**node, "metadata": {**node["metadata"], "annotations": annotations}})
    cluster.advance(timedelta(seconds=500))
    return lines


def test_a_fork_goes_on_exactly_as_the_original() -> None:
    """The same changes at the same instants with the same names, to the byte, forked in the middle of a
    back-off.
    """
    original = populate(Cluster(SPEC))
    original.advance(timedelta(seconds=123))
    fork = original.fork()
    assert story(fork) == story(original)


def test_a_cluster_read_back_from_its_file_lives_the_same_life(tmp_path: Path) -> None:
    """Closed and opened again a dozen times, at odd moments: every pod shows the same, second by second.

    Only which of two things goes first where both fall due in one instant may differ.
    """
    original = populate(Cluster(SPEC))
    expected = lives(original)
    original.settle()
    path = tmp_path / "cluster"
    with Cluster.open(path, SPEC) as kept:
        seen = lives(populate(kept))
        kept.settle()
    for step in range(12):
        by = timedelta(seconds=7 * step, milliseconds=300)
        original.advance(by)
        with Cluster.open(path) as kept:
            later = lives(kept)
            kept.advance(by)
            seen |= later
    assert seen == expected
    assert len(seen) > 80


def lives(cluster: Cluster) -> set[tuple[Any, ...]]:
    """(instant, pod, what it shows) of every change of a pod from here on."""
    lines: set[tuple[Any, ...]] = set()

    def tell(change: Change) -> None:
        if change.resource == "pods":
            shown = tuple(sorted(visible(change.new).items()))
            lines.add((cluster.now, change.new["metadata"]["name"], change.type, shown))

    cluster.store.subscribe(tell)
    return lines
