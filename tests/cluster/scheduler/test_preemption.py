"""Preemption in a cluster of scheduler alone: who has to go, what is said, and who gets the room."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.scheduler.scheduler import Scheduler
from gitrel.kube import conditions
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, get, mark


def town(*cpus: str) -> WatchedCluster:
    """A node for each, called `n0`, `n1`, …"""
    made = cluster(Scheduler, disable_admission=("Priority",))
    for number, cpu in enumerate(cpus):
        room = {"cpu": cpu, "memory": "16Gi", "pods": "10"}
        made.writer.create(
            "nodes", {"metadata": {"name": f"n{number}"}, "status": {"capacity": room, "allocatable": room}}
        )
    return made


def ask(made: WatchedCluster, name: str, cpu: str, priority: int, **spec: Any) -> Object:
    container = {"name": "app", "image": "a:1", "resources": {"requests": {"cpu": cpu}}}
    metadata = {"name": name, "namespace": "default"}
    made.writer.create(
        "pods", {"metadata": metadata, "spec": {"containers": [container], "priority": priority, **spec}}
    )
    made.settle()
    found = made.reader.get("pods", "default", name)
    assert found is not None
    if found["spec"].get("nodeName"):
        found = mark(made, "default", name)
        made.settle()
    return found


def going(made: WatchedCluster) -> list[str]:
    pods = made.reader.list("pods")
    return [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" in pod["metadata"]]


def message(made: WatchedCluster, name: str) -> str:
    pod = get(made, "pods", "default", name)
    found = conditions.find(pod["status"]["conditions"], "PodScheduled")
    assert found is not None
    return str(found["message"])


def test_the_least_that_makes_room_has_to_go() -> None:
    """Proves who goes and who is reprieved, the condition, the Event, and the node that is promised."""
    made = town("1")
    ask(made, "small", "300m", 5)
    ask(made, "large", "600m", 5)
    high = ask(made, "high", "500m", 100)
    assert going(made) == ["large"]
    assert high["status"]["nominatedNodeName"] == "n0"
    assert message(made, "high") == "0/1 nodes are available: 1 Insufficient cpu."
    target = conditions.find(
        get(made, "pods", "default", "large")["status"]["conditions"], "DisruptionTarget"
    )
    assert target is not None and target["reason"] == "PreemptionByScheduler"
    assert "Preempted" in [event["reason"] for event in made.reader.list("events")]
    made.verify()


def test_room_that_was_promised_is_not_given_to_others() -> None:
    """Proves that one of less worth waits, and that the promise is kept when the victim is gone."""
    made = town("1")
    ask(made, "old", "900m", 1)
    ask(made, "high", "800m", 100)
    ask(made, "late", "900m", 1)
    made.writer.delete("pods", "default", "old", grace_seconds=0)
    made.settle()
    while (due := made.next_due()) is not None and not get(made, "pods", "default", "high")["spec"].get(
        "nodeName"
    ):
        made.run_until(due)
    assert get(made, "pods", "default", "high")["spec"]["nodeName"] == "n0"
    assert "nodeName" not in get(made, "pods", "default", "late")["spec"]


def test_of_several_nodes_the_cheapest_loses() -> None:
    """Proves that the node whose victims are worth least is chosen."""
    made = town("1", "1")
    ask(made, "middling", "900m", 50)
    ask(made, "lowly", "900m", 10)
    ask(made, "high", "900m", 100)
    assert going(made) == ["lowly"]


@pytest.mark.parametrize(
    ("spec", "cpu", "priority", "said"),
    [
        pytest.param(
            {}, "500m", 5, "1 No preemption victims found for incoming pod.", id="none is worth less"
        ),
        pytest.param({}, "2", 100, "1 Preemption is not helpful for scheduling.", id="it is too large"),
        pytest.param(
            {"preemptionPolicy": "Never"}, "500m", 100, "preemptionPolicy=Never.", id="it does not want to"
        ),
    ],
)
def test_nobody_goes_in_vain(spec: dict[str, Any], cpu: str, priority: int, said: str) -> None:
    """Proves that nobody is deleted where that would not help, and what is said instead."""
    made = town("1")
    ask(made, "there", "900m", 5)
    ask(made, "late", cpu, priority, **spec)
    assert going(made) == []
    assert message(made, "late").endswith(said)
    made.verify()
