"""The ReplicaSet controller: the number of pods, whom they belong to, and what it says of them."""

from __future__ import annotations

from typing import Any

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.controller import Context, Key
from gitrel.cluster.controllers.replicaset.controller import ReplicaSetController
from gitrel.cluster.controllers.replicaset.status import Failure, calculate_counts, calculate_status
from gitrel.kube.conditions import find
from gitrel.kube.identity import Object
from tests.cluster import harness
from tests.cluster.controllers.build import at, pod, replicaset
from tests.cluster.controllers.podstarter import PodStarter
from tests.cluster.controllers.stories import REPLICASETS, change, elapsed, events, forward, pods
from tests.cluster.harness import WatchedCluster, container, get


def replica_set(name: str = "web", replicas: int = 3, **spec: Any) -> Object:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container()]}}
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def cluster() -> WatchedCluster:
    return harness.cluster(ReplicaSetController, PodStarter, nodes=1)


def status(c: WatchedCluster, name: str = "web") -> dict[str, Any]:
    found: dict[str, Any] = get(c, REPLICASETS, "default", name)["status"]
    return found


def test_it_creates_its_pods_and_reports_them_as_they_become_ready() -> None:
    """Proves creation, ownership, events, and every count of the status."""
    c = cluster()
    c.writer.create(REPLICASETS, replica_set())
    c.settle()
    assert len(events(c, "SuccessfulCreate")) == 3
    assert status(c)["replicas"] == 3 and "readyReplicas" not in status(c)
    forward(c, 2)
    assert status(c) == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
        "observedGeneration": 1,
    }
    owner = pods(c)[0]["metadata"]["ownerReferences"][0]
    assert owner["controller"] and owner["blockOwnerDeletion"]
    c.verify()


def test_a_pod_is_replaced_as_soon_as_it_is_marked_for_deletion() -> None:
    """Proves that a terminating pod no longer counts, and is told of."""
    c = cluster()
    c.writer.create(REPLICASETS, replica_set())
    forward(c, 5)
    c.writer.delete("pods", "default", pods(c)[0]["metadata"]["name"])
    c.settle()
    assert len(pods(c)) == 4
    assert status(c)["terminatingReplicas"] == 1
    forward(c, 5)
    assert len(pods(c)) == 3
    assert status(c)["terminatingReplicas"] == 0


def test_availability_comes_exactly_min_ready_seconds_after_readiness() -> None:
    """Proves the instant of the requeue."""
    c = cluster()
    c.writer.create(REPLICASETS, replica_set(minReadySeconds=45))
    forward(c, 46.9)
    assert status(c)["readyReplicas"] == 3 and "availableReplicas" not in status(c)
    forward(c, 0.1)
    assert elapsed(c) == 47
    assert status(c)["availableReplicas"] == 3


def test_relabelling_quarantines_a_pod() -> None:
    """Proves that a pod that no longer matches is released and replaced, and comes back when it matches."""
    c = cluster()
    c.writer.create(REPLICASETS, replica_set())
    forward(c, 5)
    name = pods(c)[0]["metadata"]["name"]
    change(c, "pods", name, "metadata", "labels", to={"app": "quarantine"})
    forward(c, 5)
    assert not get(c, "pods", "default", name)["metadata"].get("ownerReferences")
    assert len(pods(c)) == 4
    change(c, "pods", name, "metadata", "labels", to={"app": "web"})
    forward(c, 5)
    # Adopted, and with that one pod too many: the surplus one is gone.
    assert len(pods(c)) == 3


def test_scaling_down_follows_the_deletion_order() -> None:
    """Proves that the cheapest pod goes first."""
    c = cluster()
    c.writer.create(REPLICASETS, replica_set())
    forward(c, 5)
    name = pods(c)[1]["metadata"]["name"]
    cost = {"controller.kubernetes.io/pod-deletion-cost": "-1"}
    change(c, "pods", name, "metadata", "annotations", to=cost)
    change(c, REPLICASETS, "web", "spec", "replicas", to=2)
    forward(c, 5)
    assert events(c, "SuccessfulDelete") == [f"Deleted pod: {name}"]


def test_more_than_a_burst_takes_more_than_one_sync() -> None:
    """Proves that 1,200 pods come, five hundred at a time, and go again."""
    c = harness.cluster(ReplicaSetController)
    c.writer.create(REPLICASETS, replica_set(replicas=1200))
    c.settle()
    assert status(c)["replicas"] == 1200
    change(c, REPLICASETS, "web", "spec", "replicas", to=0)
    c.settle()
    assert pods(c) == []


class Refusing:
    """A writer that creates no pods, and counts how often it was asked."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self.asked = 0

    def create(self, resource: str, obj: Object) -> Object:
        self.asked += 1
        raise ApiError(403, "Forbidden", "exceeded quota")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


def test_a_refusal_stops_the_batches_and_is_told_until_it_is_over() -> None:
    """Proves slow start, the event, the condition that stays as first written, and its end."""
    c = harness.cluster()
    c.writer.create(REPLICASETS, replica_set(replicas=20))
    controller = ReplicaSetController()

    def reconcile(writer: Any) -> None:
        context = Context(c.now, c.reader, writer, lambda key, due: None, lambda: 0.0)
        controller.reconcile(Key("default", "web"), context)

    refusing = Refusing(c.writer)
    for _ in range(2):
        try:
            reconcile(refusing)
        except ApiError as error:
            assert error.message == "exceeded quota"
        else:
            raise AssertionError("a failed sync has to be retried")
    assert refusing.asked == 2
    condition = find(status(c)["conditions"], "ReplicaFailure")
    assert condition is not None
    assert (condition["reason"], condition["message"]) == ("FailedCreate", "exceeded quota")
    assert events(c, "FailedCreate") == ["Error creating: exceeded quota"]
    reconcile(c.writer)
    assert "conditions" not in status(c)
    assert len(pods(c)) == 20


def test_a_set_that_is_being_deleted_only_counts() -> None:
    """Proves that nothing is created for a set on its way out."""
    c = harness.cluster(ReplicaSetController)
    held = replica_set()
    held["metadata"]["finalizers"] = ["example.org/hold"]
    c.writer.create(REPLICASETS, held)
    c.settle()
    c.writer.delete(REPLICASETS, "default", "web")
    c.writer.delete("pods", "default", pods(c)[0]["metadata"]["name"])
    c.settle()
    assert len(pods(c)) == 2
    assert status(c)["replicas"] == 2


def test_counts_and_the_next_instant() -> None:
    """Proves the sums on plain pods: ready, available, and when the next becomes available."""
    found = calculate_counts([pod(ready=0), pod(ready=5), pod(ready=8), pod()], 10, at(12))
    assert (found.ready, found.available, found.available_next) == (3, 1, at(15))


def test_a_failure_is_written_once_and_other_conditions_stay() -> None:
    """Proves that a lasting failure keeps its first transition."""
    first = calculate_status(
        replicaset("a", 1), [], 0, calculate_counts([], 0, at(0)), Failure("FailedCreate", "no"), at(0)
    )
    again = calculate_status(
        {**replicaset("a", 1), "status": first},
        [],
        0,
        calculate_counts([], 0, at(9)),
        Failure("FailedCreate", "still no"),
        at(9),
    )
    assert again["conditions"] == first["conditions"]
