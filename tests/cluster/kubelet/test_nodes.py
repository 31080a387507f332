"""A node that dies: what is noticed when, where its pods go, and what happens when it comes back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.controllers.nodelifecycle.controller import NodeLifecycleController
from gitrel.cluster.controllers.replicaset.controller import ReplicaSetController
from gitrel.cluster.kubelet.kubelet import Kubelet
from gitrel.cluster.kubelet.nodes import POWER
from gitrel.cluster.scheduler.scheduler import Scheduler
from gitrel.kube import conditions
from gitrel.kube.fields import removed, replaced
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, container, get, pod


@pytest.fixture
def town() -> Iterable[WatchedCluster]:
    """Three nodes and everything that acts when one of them dies."""
    made = cluster(ReplicaSetController, NodeLifecycleController, Scheduler, Kubelet, nodes=3)
    made.settle()
    yield made
    made.verify()


def replica_set(replicas: int) -> Object:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container()]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def switch(town: WatchedCluster, node: str, *, off: bool) -> None:
    found = get(town, "nodes", "", node)
    path = ("metadata", "annotations", POWER)
    town.writer.update("nodes", replaced(found, path, "off") if off else removed(found, path))
    town.settle()


def second(town: WatchedCluster) -> int:
    return int(town.now.timestamp()) % 86400


def seen(town: WatchedCluster) -> list[tuple[int, str, str]]:
    """(second, type, node) of every pod that is added or bound or marked or gone, from now on."""
    lines: list[tuple[int, str, str]] = []

    def tell(change: Change) -> None:
        if change.resource != "pods":
            return
        node = change.new["spec"].get("nodeName", "")
        marked = change.old is not None and "deletionTimestamp" not in change.old["metadata"]
        if change.type != "MODIFIED":
            lines.append((second(town), change.type.lower(), node))
        elif marked and "deletionTimestamp" in change.new["metadata"]:
            lines.append((second(town), "marked", node))

    town.store.subscribe(tell)
    return lines


def test_a_dead_node_is_emptied_after_fifty_and_three_hundred_seconds(town: WatchedCluster) -> None:
    """Dead at 100 s: unknown and tainted at 150 s, its pod replaced at 450 s and the new one ready 2 s
    later.
    """
    town.writer.create("replicasets.apps", replica_set(3))
    town.advance(timedelta(seconds=100))
    lines = seen(town)
    switch(town, "node-1", off=True)
    town.advance(timedelta(seconds=49))
    assert conditions.is_true(get(town, "nodes", "", "node-1"), "Ready")
    town.advance(timedelta(seconds=1))
    node = get(town, "nodes", "", "node-1")
    ready = conditions.find(node["status"]["conditions"], "Ready")
    assert ready is not None and (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
    assert ready["lastHeartbeatTime"] == "2026-01-01T00:01:40Z"
    taints = {(t["key"], t["effect"], t["timeAdded"]) for t in node["spec"]["taints"]}
    stamp = "2026-01-01T00:02:30Z"
    assert taints == {
        ("node.kubernetes.io/unreachable", "NoSchedule", stamp),
        ("node.kubernetes.io/unreachable", "NoExecute", stamp),
    }
    status = get(town, "replicasets.apps", "default", "web")["status"]
    assert (status["replicas"], status["readyReplicas"]) == (3, 2)
    town.advance(timedelta(seconds=400))
    assert lines == [(450, "marked", "node-1"), (450, "added", "")]
    assert get(town, "replicasets.apps", "default", "web")["status"]["readyReplicas"] == 3
    (lost,) = town.reader.on_node("node-1")
    target = conditions.find(lost["status"]["conditions"], "DisruptionTarget")
    assert target is not None and target["reason"] == "DeletionByTaintManager"


def test_a_node_that_comes_back_in_time_keeps_its_pods(town: WatchedCluster) -> None:
    """Back after 100 s: taints gone, nothing evicted; its containers were restarted and are ready again 1 s
    later.
    """
    town.writer.create("replicasets.apps", replica_set(3))
    town.advance(timedelta(seconds=100))
    lines = seen(town)
    switch(town, "node-1", off=True)
    town.advance(timedelta(seconds=100))
    switch(town, "node-1", off=False)
    node = get(town, "nodes", "", "node-1")
    assert conditions.is_true(node, "Ready")
    assert "taints" not in node["spec"]
    assert get(town, "replicasets.apps", "default", "web")["status"]["readyReplicas"] == 2
    town.advance(timedelta(seconds=1))
    (kept,) = town.reader.on_node("node-1")
    assert kept["status"]["containerStatuses"][0]["restartCount"] == 1
    assert get(town, "replicasets.apps", "default", "web")["status"]["readyReplicas"] == 3
    town.advance(timedelta(seconds=1000))
    assert lines == []


def test_a_pod_marked_on_a_dead_node_goes_when_the_node_returns(town: WatchedCluster) -> None:
    """Nobody is there to confirm its end before."""
    town.writer.create("replicasets.apps", replica_set(3))
    town.advance(timedelta(seconds=100))
    switch(town, "node-1", off=True)
    town.advance(timedelta(seconds=2000))
    assert len(town.reader.on_node("node-1")) == 1
    switch(town, "node-1", off=False)
    assert town.reader.on_node("node-1") == []


@pytest.mark.parametrize(
    ("toleration", "gone_at"),
    [
        pytest.param(
            {"key": "maintenance", "operator": "Exists", "tolerationSeconds": 60}, 160, id="for a while"
        ),
        pytest.param({"key": "maintenance", "operator": "Exists"}, None, id="for ever"),
        pytest.param({"key": "other", "operator": "Exists"}, 100, id="not at all"),
    ],
)
def test_a_taint_set_by_hand_drives_pods_off(
    town: WatchedCluster, toleration: Object, gone_at: int | None
) -> None:
    """NoExecute: at once, after tolerationSeconds, or never; a taint without a time is stamped when it is
    seen.
    """
    town.writer.create(
        "pods", pod("a", tolerations=[toleration], nodeSelector={"kubernetes.io/hostname": "node-0"})
    )
    town.advance(timedelta(seconds=100))
    lines = seen(town)
    node = get(town, "nodes", "", "node-0")
    town.writer.update(
        "nodes", replaced(node, ("spec", "taints"), [{"key": "maintenance", "effect": "NoExecute"}])
    )
    town.advance(timedelta(seconds=1000))
    assert [at for at, what, _ in lines if what == "marked"] == ([] if gone_at is None else [gone_at])


def test_a_cordoned_node_is_tainted_and_cleared(town: WatchedCluster) -> None:
    """`kubectl cordon` shows as a NoSchedule taint, and uncordon takes it away."""
    node = town.writer.update(
        "nodes", replaced(get(town, "nodes", "", "node-0"), ("spec", "unschedulable"), True)
    )
    town.settle()
    node = get(town, "nodes", "", "node-0")
    assert [t["key"] for t in node["spec"]["taints"]] == ["node.kubernetes.io/unschedulable"]
    town.writer.update("nodes", removed(node, ("spec", "unschedulable")))
    town.settle()
    assert "taints" not in get(town, "nodes", "", "node-0")["spec"]


def test_a_healthy_cluster_is_still(town: WatchedCluster) -> None:
    """No heartbeat, no probe, no resync: with all well, nothing is due, ever."""
    town.writer.create("replicasets.apps", replica_set(3))
    town.advance(timedelta(seconds=100))
    assert town.next_due() is None
