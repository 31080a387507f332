"""Pods of nodes that are gone: how long they wait, and what is said of them."""

from __future__ import annotations

from typing import Any

from gitrel.cluster.controllers.podgc.controller import PodGarbageCollector
from gitrel.kube.conditions import find
from tests.cluster import harness
from tests.cluster.controllers.stories import forward, pods
from tests.cluster.harness import WatchedCluster


def stranded() -> WatchedCluster:
    """Two nodes, a running pod on each; the first node is then deleted."""
    c = harness.cluster(PodGarbageCollector, nodes=2)
    for number in range(2):
        c.writer.create("pods", harness.pod(f"p{number}"))
        c.writer.bind("default", f"p{number}", f"node-{number}")
        harness.mark(c, "default", f"p{number}")
    c.settle()
    c.writer.delete("nodes", "", "node-0")
    return c


def names(c: WatchedCluster) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods(c)]


def test_the_pods_of_a_missing_node_go_after_forty_seconds() -> None:
    """Proves the instant, and that pods elsewhere stay."""
    c = stranded()
    forward(c, 39)
    assert names(c) == ["p0", "p1"]
    forward(c, 1)
    assert names(c) == ["p1"]


def test_they_are_failed_before_they_are_deleted() -> None:
    """Proves the phase and the condition that an owner sees last."""
    c = stranded()
    last: list[dict[str, Any]] = []
    c.store.subscribe(lambda change: last.append(change.new))
    forward(c, 40)
    status = last[-1]["status"]
    condition = find(status["conditions"], "DisruptionTarget")
    assert condition is not None
    assert (status["phase"], condition["reason"]) == ("Failed", "DeletionByPodGC")
    c.verify()


def test_a_node_that_comes_back_in_time_keeps_its_pods() -> None:
    """Proves that the quarantine ends with a second look."""
    c = stranded()
    forward(c, 20)
    c.writer.create("nodes", {"metadata": {"name": "node-0"}, "spec": {}})
    forward(c, 60)
    assert names(c) == ["p0", "p1"]
    assert c.next_due() is None
