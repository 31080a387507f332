"""The whole cluster at work: a rollout from end to end, the same twice, and in two futures."""

from __future__ import annotations

from datetime import timedelta

import orjson

from gitrel.cluster.cluster import Cluster
from gitrel.cluster.spec import ClusterSpec, NodePool
from gitrel.kube.conditions import is_true
from gitrel.kube.fields import replaced
from tests.cluster.harness import WatchedCluster, container, deployment, get


def log_of(cluster: Cluster) -> bytes:
    return b"\n".join(
        orjson.dumps([change.revision, change.type, change.resource, change.new])
        for change in cluster.store.changes_after(0)
    )


def release(cluster: Cluster, image: str) -> None:
    containers = [container(image=image)]
    obj = replaced(deployment("web", 4), ("spec", "template", "spec", "containers"), containers)
    cluster.api.apply(obj)


def images(cluster: Cluster) -> set[str]:
    return {p["spec"]["containers"][0]["image"] for p in cluster.reader.list("pods", "default")}


def available(cluster: Cluster) -> bool:
    status = get(cluster, "deployments.apps", "default", "web")["status"]
    done = status.get("updatedReplicas") == status.get("availableReplicas") == status.get("replicas") == 4
    return done and is_true(get(cluster, "deployments.apps", "default", "web"), "Available")


def story(seed: int) -> WatchedCluster:
    """A release, a second one, and the clean-up after it."""
    cluster = WatchedCluster(ClusterSpec(seed=seed, nodes=(NodePool(count=5),)))
    cluster.watch_for_edits()
    release(cluster, "example.org/web:1")
    assert cluster.wait_for(lambda: available(cluster), timedelta(minutes=5))
    release(cluster, "example.org/web:2")
    assert cluster.wait_for(
        lambda: available(cluster) and images(cluster) == {"example.org/web:2"}, timedelta(minutes=5)
    )
    cluster.advance(timedelta(minutes=5))
    return cluster


def test_a_release_rolls_through_and_comes_to_rest() -> None:
    """All new pods run on nodes, the old ones are gone, and nothing ticks afterwards but the expiry of
    events.
    """
    cluster = story(1)
    pods = cluster.reader.list("pods", "default")
    assert images(cluster) == {"example.org/web:2"}
    assert [is_true(pod, "Ready") for pod in pods] == [True] * 4
    assert all(pod["spec"]["nodeName"] for pod in pods)
    cluster.advance(timedelta(hours=2))
    assert cluster.reader.list("events") == []
    assert cluster.next_due() is None
    cluster.verify()


def test_the_same_seed_gives_the_same_log() -> None:
    """Byte for byte: uids, names, nodes, times, order; another seed gives another log."""
    assert log_of(story(7)) == log_of(story(7))
    assert log_of(story(7)) != log_of(story(8))


def test_a_fork_goes_on_exactly_as_the_original_would() -> None:
    """Forked in the middle of a rollout, both play the same future; a change stays in its own."""
    cluster = WatchedCluster(ClusterSpec(seed=2, nodes=(NodePool(count=3),)))
    cluster.watch_for_edits()
    release(cluster, "example.org/web:1")
    cluster.advance(timedelta(minutes=1))
    release(cluster, "example.org/web:2")
    cluster.advance(timedelta(seconds=1))
    fork, other = cluster.fork(), cluster.fork()
    other.api.patch("deployments.apps", "web", {"spec": {"paused": True}}, "default")
    for each in (other, fork, cluster):
        each.advance(timedelta(minutes=5))
    assert log_of(fork) == log_of(cluster)
    assert images(cluster) == {"example.org/web:2"}
    assert images(other) == {"example.org/web:1", "example.org/web:2"}
    cluster.verify()


def test_a_snapshot_can_be_opened_again_and_again() -> None:
    """What is played in one opening does not reach the next."""
    cluster = Cluster(ClusterSpec(nodes=(NodePool(count=2),)))
    release(cluster, "example.org/web:1")
    moment = cluster.snapshot()
    logs = set()
    for _ in range(2):
        opened = Cluster(moment=moment)
        opened.advance(timedelta(minutes=1))
        logs.add(log_of(opened))
    assert len(logs) == 1
    assert moment.store.revision < opened.revision


def test_parts_can_be_left_out() -> None:
    """A bare control plane makes pods, and nobody places them."""
    cluster = Cluster(ClusterSpec(without=("scheduler", "kubelet")))
    release(cluster, "example.org/web:1")
    cluster.advance(timedelta(minutes=1))
    pods = cluster.reader.list("pods", "default")
    assert [pod["spec"].get("nodeName") for pod in pods] == [None] * 4
