"""StatefulSets in a cluster of their own controller, with the tests as kubelet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.controllers.statefulset import members
from gitrel.cluster.controllers.statefulset.controller import StatefulSetController
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, container, get, mark

SETS = "statefulsets.apps"


def statefulset(replicas: int = 3, **spec: Any) -> Object:
    labels = {"app": "db"}
    return {
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"nodeName": "n", "containers": [container()]},
            },
            **spec,
        },
    }


def furnished(replicas: int = 3, **spec: Any) -> WatchedCluster:
    c = cluster(StatefulSetController)
    c.writer.create(SETS, statefulset(replicas, **spec))
    c.settle()
    return c


def names(c: WatchedCluster) -> list[str]:
    return [pod["metadata"]["name"] for pod in c.reader.list("pods", "default")]


def start_all(c: WatchedCluster, rounds: int = 20) -> list[str]:
    """Starts whatever waits, the lowest first, and lets pods that are going go; tells in which order."""
    started = []
    for _ in range(rounds):
        for pod in c.reader.list("pods", "default"):
            name = pod["metadata"]["name"]
            if "deletionTimestamp" in pod["metadata"]:
                c.writer.delete("pods", "default", name, grace_seconds=0)
            elif pod["status"]["phase"] == "Pending":
                mark(c, "default", name)
                started.append(name)
        c.settle()
    return started


def change(c: WatchedCluster, image: str) -> None:
    found = get(c, SETS, "default", "db")
    containers = [container(image=image)]
    c.writer.update(SETS, replaced(found, ("spec", "template", "spec", "containers"), containers))
    c.settle()


def images(c: WatchedCluster) -> dict[str, str]:
    return {
        pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"]
        for pod in c.reader.list("pods", "default")
    }


def test_members_come_one_by_one_and_wait_for_those_below() -> None:
    """Proves the order, the identity, and that one that is not ready holds the rest."""
    c = furnished()
    assert names(c) == ["db-0"]
    mark(c, "default", "db-0", ready=False)
    c.settle()
    assert names(c) == ["db-0"]
    mark(c, "default", "db-0")
    c.settle()
    start_all(c)
    assert names(c) == ["db-0", "db-1", "db-2"]
    pod = get(c, "pods", "default", "db-1")
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    assert pod["metadata"]["labels"][members.POD_INDEX] == "1"
    status = get(c, SETS, "default", "db")["status"]
    assert (status["readyReplicas"], status["currentRevision"]) == (3, status["updateRevision"])
    c.verify()


def test_a_pod_below_is_waited_for_until_it_has_been_ready_long_enough() -> None:
    """Proves that minReadySeconds holds the next one, and that the set comes back by itself."""
    c = furnished(2, minReadySeconds=30)
    mark(c, "default", "db-0")
    c.settle()
    assert names(c) == ["db-0"]
    c.advance(timedelta(seconds=29))
    assert names(c) == ["db-0"]
    c.advance(timedelta(seconds=1))
    assert names(c) == ["db-0", "db-1"]


def test_an_update_goes_from_the_top_and_stops_at_the_partition() -> None:
    """Proves the order, the partition, and that the current revision stays until all is done."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    c = furnished(updateStrategy=strategy)
    start_all(c)
    change(c, "example.org/app:2")
    assert start_all(c) == ["db-2", "db-1"]
    assert images(c) == {
        "db-0": "example.org/app:1",
        "db-1": "example.org/app:2",
        "db-2": "example.org/app:2",
    }
    status = get(c, SETS, "default", "db")["status"]
    assert status["currentRevision"] != status["updateRevision"]
    assert (status["currentReplicas"], status["updatedReplicas"]) == (1, 2)
    # One below the partition comes back as it was.
    c.writer.delete("pods", "default", "db-0", grace_seconds=0)
    c.settle()
    assert images(c)["db-0"] == "example.org/app:1"


def test_shrinking_takes_the_highest_and_waits_for_it_to_be_gone() -> None:
    """Proves the order downwards."""
    c = furnished()
    start_all(c)
    c.writer.update(SETS, replaced(get(c, SETS, "default", "db"), ("spec", "replicas"), 1))
    c.settle()
    going = [p["metadata"]["name"] for p in c.reader.list("pods") if "deletionTimestamp" in p["metadata"]]
    assert (going, names(c)) == (["db-2"], ["db-0", "db-1", "db-2"])
    start_all(c)
    assert names(c) == ["db-0"]


@pytest.mark.parametrize(
    ("policy", "owner"),
    [
        pytest.param({}, None, id="retained, it is nobody's"),
        pytest.param({"whenDeleted": "Delete"}, "StatefulSet", id="it goes with the set"),
    ],
)
def test_each_member_has_a_claim_that_the_policy_gives_an_owner(
    policy: dict[str, str], owner: str | None
) -> None:
    """Proves name, labels, volume and owner of a claim."""
    template = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    c = furnished(1, volumeClaimTemplates=[template], persistentVolumeClaimRetentionPolicy=policy)
    claim = get(c, "persistentvolumeclaims", "default", "data-db-0")
    assert claim["metadata"]["labels"] == {"app": "db"}
    owners = [reference["kind"] for reference in claim["metadata"].get("ownerReferences") or ()]
    assert owners == ([owner] if owner else [])
    volume = get(c, "pods", "default", "db-0")["spec"]["volumes"][0]
    assert volume == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.sampled_from(["up", "down", "change", "fail"]), max_size=5), parallel=st.booleans())
def test_whatever_happens_it_ends_as_asked(steps: list[str], parallel: bool) -> None:
    """Proves that any mixture of scaling, updates and failures ends with all members new and ready."""
    c = furnished(2, podManagementPolicy="Parallel" if parallel else "OrderedReady")
    start_all(c, rounds=4)
    for number, step in enumerate(steps):
        found = get(c, SETS, "default", "db")
        size = found["spec"]["replicas"]
        if step == "change":
            change(c, f"example.org/app:{number + 2}")
        elif step == "fail":
            if names(c):
                mark(c, "default", names(c)[0], phase="Failed", ready=False)
        else:
            wanted = max(0, size + (1 if step == "up" else -1))
            c.writer.update(SETS, replaced(found, ("spec", "replicas"), wanted))
        c.settle()
        start_all(c, rounds=1)
    start_all(c, rounds=20)
    found = get(c, SETS, "default", "db")
    size = found["spec"]["replicas"]
    assert names(c) == [f"db-{ordinal}" for ordinal in range(size)]
    assert set(images(c).values()) <= {found["spec"]["template"]["spec"]["containers"][0]["image"]}
    status = found["status"]
    assert (status["replicas"], status.get("readyReplicas", 0)) == (size, size)
    assert status["currentRevision"] == status["updateRevision"]
    c.verify()
