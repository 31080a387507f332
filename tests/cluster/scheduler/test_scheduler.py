"""Pods in a real cluster: who is placed when, in which order, and what is said about those that are not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gitrel.cluster.scheduler.scheduler import Scheduler
from gitrel.kube import conditions
from gitrel.kube.fields import removed, replaced
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, container, get, pod


def town(nodes: int = 1, **spec: Any) -> WatchedCluster:
    made = cluster(Scheduler, nodes=nodes, **spec)
    made.settle()
    return made


def asking(cpu: str, **more: Any) -> list[Object]:
    return [container(resources={"requests": {"cpu": cpu}}, **more)]


def big_node(name: str, cpu: str) -> Object:
    return {
        "metadata": {"name": name},
        "spec": {},
        "status": {"allocatable": {"cpu": cpu, "memory": "64Gi", "pods": "110"}},
    }


def place_of(made: WatchedCluster, name: str) -> str | None:
    found: str | None = get(made, "pods", "default", name)["spec"].get("nodeName")
    return found


def failures(made: WatchedCluster, name: str) -> int:
    """How often it was told that the pod does not fit."""
    return sum(
        event["count"]
        for event in made.reader.list("events", "default")
        if event["reason"] == "FailedScheduling" and event["involvedObject"]["name"] == name
    )


def test_a_pod_is_bound_at_once_and_told_of() -> None:
    """In the instant in which it is created, with the event that people look for."""
    made = town()
    made.writer.create("pods", pod("a"))
    made.settle()
    assert place_of(made, "a") == "node-0"
    scheduled = conditions.find(get(made, "pods", "default", "a")["status"]["conditions"], "PodScheduled")
    assert scheduled is not None and scheduled["status"] == "True"
    (event,) = made.reader.list("events", "default")
    assert (event["reason"], event["message"]) == (
        "Scheduled",
        "Successfully assigned default/a to node-0",
    )
    made.verify()


def test_a_pod_that_fits_nowhere_waits_for_a_node() -> None:
    """Told why, with condition and event; bound in the second in which a large enough node appears."""
    made = town()
    made.writer.create("pods", pod("a", containers=asking("16")))
    made.settle()
    found = get(made, "pods", "default", "a")
    scheduled = conditions.find(found["status"]["conditions"], "PodScheduled")
    assert scheduled is not None
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert scheduled["message"] == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
        "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    assert failures(made, "a") == 1
    made.advance(timedelta(seconds=30))
    made.writer.create("nodes", big_node("small", "15"))
    made.settle()
    assert place_of(made, "a") is None
    made.writer.create("nodes", big_node("large", "16"))
    made.settle()
    assert place_of(made, "a") == "large"
    assert failures(made, "a") == 1, "no attempt was made that could not succeed"
    made.verify()


def test_back_off_holds_a_pod_for_a_second() -> None:
    """Room that appears half a second after the failure is taken at the full second."""
    made = town()
    made.writer.create("pods", pod("a", containers=asking("16")))
    made.settle()
    made.advance(timedelta(milliseconds=500))
    made.writer.create("nodes", big_node("large", "16"))
    made.settle()
    assert place_of(made, "a") is None
    made.advance(timedelta(milliseconds=499))
    assert place_of(made, "a") is None
    made.advance(timedelta(milliseconds=1))
    assert place_of(made, "a") == "large"


def test_a_waiting_pod_is_flushed_every_five_minutes() -> None:
    """Tried at 0, 300, 600 and 900 s though nothing changed; its event counts up, its condition stays as it
    is.
    """
    made = town()
    made.writer.create("pods", pod("a", containers=asking("16")))
    made.settle()
    revision = get(made, "pods", "default", "a")["metadata"]["resourceVersion"]
    made.advance(timedelta(seconds=299))
    assert failures(made, "a") == 1
    made.advance(timedelta(seconds=601))
    assert failures(made, "a") == 4
    assert get(made, "pods", "default", "a")["metadata"]["resourceVersion"] == revision
    assert (made.next_due() or made.now) - made.now == timedelta(seconds=300)


def test_a_pod_that_goes_makes_room() -> None:
    """The waiting pod takes the place in the second in which the other one is gone."""
    made = town()
    made.writer.create("pods", pod("a", containers=asking("5")))
    made.settle()
    made.writer.create("pods", pod("b", containers=asking("5")))
    made.advance(timedelta(seconds=10))
    assert place_of(made, "b") is None
    made.writer.delete("pods", "default", "a", grace_seconds=0)
    made.settle()
    assert place_of(made, "b") == "node-0"


def test_a_finished_pod_makes_room() -> None:
    """A pod that has Succeeded holds nothing."""
    made = town()
    made.writer.create("pods", pod("a", containers=asking("5")))
    made.settle()
    made.writer.create("pods", pod("b", containers=asking("5")))
    made.advance(timedelta(seconds=10))
    done = get(made, "pods", "default", "a")
    made.writer.update_status("pods", replaced(done, ("status", "phase"), "Succeeded"))
    made.settle()
    assert place_of(made, "b") == "node-0"


def test_priority_goes_before_age() -> None:
    """Of three pods that wait for one place, the one with the highest priority gets it, then the oldest."""
    made = town(nodes=0)
    made.writer.create("priorityclasses.scheduling.k8s.io", {"metadata": {"name": "high"}, "value": 1000})
    for name, named in (("old", {}), ("young", {}), ("important", {"priorityClassName": "high"})):
        made.writer.create("pods", pod(name, containers=asking("1"), **named))
        made.advance(timedelta(seconds=5))
    made.writer.create("nodes", big_node("one", "1"))
    made.settle()
    assert [name for name in ("old", "young", "important") if place_of(made, name)] == ["important"]
    made.writer.create("nodes", big_node("two", "1"))
    made.settle()
    assert place_of(made, "old") == "two"
    assert place_of(made, "young") is None


def test_uncordoning_and_untainting_make_room() -> None:
    """Any change of a node that lets the pod in wakes it."""
    made = town()
    node = made.writer.update(
        "nodes", replaced(get(made, "nodes", "", "node-0"), ("spec", "unschedulable"), True)
    )
    made.writer.create("pods", pod("a"))
    made.advance(timedelta(seconds=20))
    assert place_of(made, "a") is None
    made.writer.update("nodes", removed(node, ("spec", "unschedulable")))
    made.settle()
    assert place_of(made, "a") == "node-0"


def test_a_pod_nearby_makes_room_for_one_that_wants_it() -> None:
    """Affinity is woken by pods, not only by nodes."""
    made = town(nodes=2)
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    made.writer.create("pods", pod("web", affinity=affinity))
    made.advance(timedelta(seconds=20))
    assert place_of(made, "web") is None
    made.writer.create("pods", pod("db"))
    made.settle()
    assert place_of(made, "web") == place_of(made, "db") is not None


def test_gated_pods_are_not_tried() -> None:
    """They say that they are gated, and are placed once the last gate is taken away."""
    made = town()
    made.writer.create("pods", pod("a", schedulingGates=[{"name": "example.org/wait"}]))
    made.advance(timedelta(seconds=20))
    found = get(made, "pods", "default", "a")
    scheduled = conditions.find(found["status"]["conditions"], "PodScheduled")
    assert scheduled is not None and scheduled["reason"] == "SchedulingGated"
    assert made.next_due() is None
    made.writer.update("pods", replaced(found, ("spec", "schedulingGates"), []))
    made.settle()
    assert place_of(made, "a") == "node-0"


def test_pods_of_another_scheduler_are_left_alone() -> None:
    """spec.schedulerName names who is to place a pod."""
    made = town()
    made.writer.create("pods", pod("a", schedulerName="mine"))
    made.settle()
    assert place_of(made, "a") is None
    assert made.reader.list("events", "default") == []


def test_the_same_seed_places_the_same_way() -> None:
    """Two clusters that are told the same put every pod on the same node; another seed does not."""

    def places(seed: int) -> list[str | None]:
        made = town(nodes=7, seed=seed)
        for number in range(40):
            made.writer.create("pods", pod(f"p{number}"))
            made.settle()
        return [place_of(made, f"p{number}") for number in range(40)]

    assert places(1) == places(1)
    assert places(1) != places(2)


def test_a_scheduler_that_forgot_everything_goes_on_as_before() -> None:
    """Attempts, back-off and flush are read back from the objects, to the second."""

    def story(forget: bool) -> list[tuple[int, str, str | None]]:
        schedulers: list[Scheduler] = []

        def make() -> Scheduler:
            schedulers.append(Scheduler())
            return schedulers[-1]

        made = cluster(make, nodes=1)
        lines: list[tuple[int, str, str | None]] = []
        made.store.subscribe(
            lambda change: lines.append(
                (
                    int(made.now.timestamp()),
                    change.type,
                    change.new.get("message") or change.new["metadata"]["name"],
                )
            )
        )
        for number, cpu in enumerate(("16", "7", "7", "16")):
            made.writer.create("pods", pod(f"p{number}", containers=asking(cpu)))
        made.settle()
        for step in range(60):
            if forget:
                schedulers[-1]._memory = None
            made.advance(timedelta(seconds=17, milliseconds=300))
            if step == 40:
                made.writer.create("nodes", big_node("large", "16"))
        return lines

    assert story(forget=True) == story(forget=False)


@pytest.mark.parametrize("forget", [False, True])
def test_the_second_failure_backs_off_for_two_seconds(forget: bool) -> None:
    """Failed at 0 and 300 s; room at 300.5 s is taken at 302 s, also by a scheduler that knows of it from
    events.
    """
    scheduler = Scheduler()
    made = cluster(lambda: scheduler, nodes=1)
    made.writer.create("pods", pod("a", containers=asking("16")))
    made.advance(timedelta(seconds=300, milliseconds=500))
    if forget:
        scheduler._memory = None
    made.writer.create("nodes", big_node("large", "16"))
    made.advance(timedelta(milliseconds=1499))
    assert place_of(made, "a") is None
    made.advance(timedelta(milliseconds=1))
    assert place_of(made, "a") == "large"
