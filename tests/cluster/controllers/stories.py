"""What the stories share: a cluster with every controller and a pod starter, and short ways to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from gitrel.cluster.cluster import EPOCH, Cluster
from gitrel.cluster.controllers.registry import controllers
from gitrel.kube.conditions import find
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object
from tests.cluster import harness
from tests.cluster.controllers.podstarter import PodStarter
from tests.cluster.harness import WatchedCluster, container, get

DEPLOYMENTS, REPLICASETS, JOBS = "deployments.apps", "replicasets.apps", "jobs.batch"


def cluster(starter: PodStarter | None = None, **spec: Any) -> WatchedCluster:
    """Every controller, the pod starter, and one node."""
    parts = (*controllers(), starter or PodStarter())
    return harness.cluster(*((lambda part=part: part) for part in parts), nodes=1, **spec)


def forward(c: Cluster, seconds: float) -> None:
    c.advance(timedelta(seconds=seconds))


def elapsed(c: Cluster) -> float:
    """Seconds since the cluster's clock started."""
    return (c.now - EPOCH).total_seconds()


def change(c: Cluster, resource: str, name: str, *path: str, to: Any) -> Object:
    """Sets one field, as `kubectl patch` would."""
    return c.writer.update(resource, replaced(get(c, resource, "default", name), path, to))


def set_image(c: Cluster, name: str, image: str) -> None:
    change(
        c,
        DEPLOYMENTS,
        name,
        "spec",
        "template",
        "spec",
        "containers",
        to=[container(image=f"example.org/{image}")],
    )


def sets(c: WatchedCluster) -> dict[str, Object]:
    """The ReplicaSets by the image they run."""
    return {
        s["spec"]["template"]["spec"]["containers"][0]["image"].partition("/")[2]: s
        for s in c.reader.list(REPLICASETS, "default")
    }


def sizes(c: WatchedCluster) -> dict[str, int]:
    return {image: s["spec"]["replicas"] for image, s in sets(c).items()}


def progress(c: WatchedCluster, name: str = "web") -> tuple[str, str]:
    """(status, reason) of the Progressing condition."""
    found = find(get(c, DEPLOYMENTS, "default", name)["status"]["conditions"], "Progressing")
    assert found is not None
    return found["status"], found["reason"]


def pods(c: WatchedCluster) -> list[Object]:
    return list(c.reader.list("pods", "default"))


def events(c: WatchedCluster, reason: str) -> list[str]:
    """The messages of the events of one reason, in the order in which they were first told."""
    found = [e for e in c.reader.list("events") if e["reason"] == reason]
    return [e["message"] for e in sorted(found, key=lambda e: int(e["metadata"]["resourceVersion"]))]


def each_instant(c: WatchedCluster, seconds: float) -> Iterator[float]:
    """Plays that long, stopping wherever something happened."""
    end = c.now + timedelta(seconds=seconds)
    c.settle()
    yield elapsed(c)
    while (due := c.next_due()) is not None and due <= end:
        c.run_until(due)
        yield elapsed(c)
    c.run_until(end)
