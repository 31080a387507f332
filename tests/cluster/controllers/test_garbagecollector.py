"""The garbage collector: what goes with its owner, what is held, and what is let go."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.controllers.garbagecollector import references
from gitrel.cluster.controllers.garbagecollector.controller import GarbageCollector
from gitrel.cluster.controllers.garbagecollector.references import Delete, Keep, Standing
from gitrel.kube.identity import Object
from tests.cluster import harness
from tests.cluster.controllers.podstarter import PodStarter
from tests.cluster.controllers.stories import (
    DEPLOYMENTS,
    REPLICASETS,
    cluster,
    each_instant,
    elapsed,
    events,
    forward,
    pods,
)
from tests.cluster.harness import WatchedCluster, deployment, get


def owned(*uids: str, finalizers: tuple[str, ...] = (), deleting: bool = False) -> Object:
    metadata: dict[str, Any] = {"name": "x", "uid": "x", "finalizers": list(finalizers)}
    metadata["ownerReferences"] = [{"uid": uid, "kind": "K", "apiVersion": "v1"} for uid in uids]
    return {"metadata": metadata | ({"deletionTimestamp": "t"} if deleting else {})}


WAITING = owned(finalizers=(references.FOREGROUND,), deleting=True)
DECISIONS = [
    pytest.param({}, (), [], Keep(), id="nobody owns it"),
    pytest.param({"a": "solid"}, (), [], Keep(), id="a solid owner"),
    pytest.param({"a": "solid", "b": "dangling", "c": "waiting"}, (), [], Keep(frozenset("bc")), id="strip"),
    pytest.param({"a": "dangling"}, (), [], Delete("Background"), id="gone: in the background"),
    pytest.param({"a": "dangling"}, ("orphan",), [], Delete("Orphan"), id="its own wish: orphan"),
    pytest.param(
        {"a": "dangling"}, ("foregroundDeletion",), [], Delete("Foreground"), id="its own wish: foreground"
    ),
    pytest.param({"a": "waiting"}, (), [], Delete("Background"), id="waited for, a leaf"),
    pytest.param({"a": "waiting"}, (), [owned("x")], Delete("Foreground"), id="waited for, with dependents"),
    pytest.param({"a": "waiting"}, (), [WAITING], Delete("Foreground", unblock=True), id="maybe a circle"),
]


@pytest.mark.parametrize(("standings", "finalizers", "dependents", "expected"), DECISIONS)
def test_what_becomes_of_an_object(
    standings: dict[str, Standing],
    finalizers: tuple[str, ...],
    dependents: list[Object],
    expected: Keep | Delete,
) -> None:
    """Proves the decision for each mix of owners."""
    found = owned(*standings, finalizers=finalizers)
    assert references.decide(found, standings, dependents) == expected


def test_only_the_uid_makes_an_owner() -> None:
    """Proves that a successor of the same name is no owner."""
    reference = {"uid": "a", "name": "x"}
    assert references.standing(reference, None) == "dangling"
    assert references.standing(reference, {"metadata": {"uid": "b"}}) == "dangling"
    assert references.standing(reference, {"metadata": {"uid": "a"}}) == "solid"
    waiting = {"metadata": {**WAITING["metadata"], "uid": "a"}}
    assert references.standing(reference, waiting) == "waiting"


def rolled_out() -> WatchedCluster:
    c = cluster(PodStarter(stop_seconds=7))
    c.writer.create(DEPLOYMENTS, deployment("web", 2))
    forward(c, 10)
    return c


def ends(c: WatchedCluster, seconds: float) -> dict[str, float]:
    """When the last object of each resource was gone."""
    begun, gone = elapsed(c), dict[str, float]()
    for now in each_instant(c, seconds):
        for resource in (DEPLOYMENTS, REPLICASETS, "pods"):
            if not c.reader.list(resource, "default"):
                gone.setdefault(resource, now - begun)
    return gone


def test_in_the_background_the_owner_goes_first() -> None:
    """Proves the order and the instants of a background deletion."""
    c = rolled_out()
    c.writer.delete(DEPLOYMENTS, "default", "web")
    assert ends(c, 60) == {DEPLOYMENTS: 0, REPLICASETS: 0, "pods": 7}


def test_in_the_foreground_the_owner_goes_last() -> None:
    """Proves that each level is held until the one below is gone."""
    c = rolled_out()
    c.writer.delete(DEPLOYMENTS, "default", "web", propagation="Foreground")
    c.settle()
    found = get(c, REPLICASETS, "default", c.reader.list(REPLICASETS)[0]["metadata"]["name"])
    assert found["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert ends(c, 60) == {DEPLOYMENTS: 7, REPLICASETS: 7, "pods": 7}
    c.verify()


def test_orphans_stay() -> None:
    """Proves that only the owner goes, and that the reference to it goes too."""
    c = rolled_out()
    c.writer.delete(DEPLOYMENTS, "default", "web", propagation="Orphan")
    assert ends(c, 60) == {DEPLOYMENTS: 0}
    assert len(pods(c)) == 2
    assert "ownerReferences" not in c.reader.list(REPLICASETS)[0]["metadata"]


def config_map(name: str, *owners: Object, block: bool = False) -> Object:
    rows = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]
    return {"metadata": {"name": name, "namespace": "default", "ownerReferences": rows}}


def names(c: WatchedCluster) -> list[str]:
    return [found["metadata"]["name"] for found in c.reader.list("configmaps", "default")]


def collecting() -> WatchedCluster:
    return harness.cluster(GarbageCollector)


def test_an_object_goes_with_its_last_owner() -> None:
    """Proves that with two owners the first that goes only takes its reference along."""
    c = collecting()
    a = c.writer.create("configmaps", config_map("a"))
    b = c.writer.create("configmaps", config_map("b"))
    c.writer.create("configmaps", config_map("both", a, b))
    c.writer.delete("configmaps", "default", "a")
    c.settle()
    assert names(c) == ["b", "both"]
    assert len(get(c, "configmaps", "default", "both")["metadata"]["ownerReferences"]) == 1
    c.writer.delete("configmaps", "default", "b")
    c.settle()
    assert names(c) == []


def test_an_object_born_without_its_owner_does_not_live() -> None:
    """Proves that a reference to a UID that never was is found at once."""
    c = collecting()
    c.writer.create("configmaps", config_map("x", {"metadata": {"name": "ghost", "uid": "ghost"}}))
    c.settle()
    assert names(c) == []


def test_an_owner_in_another_namespace_is_no_owner() -> None:
    """Proves that references do not reach across namespaces."""
    c = collecting()
    owner = config_map("owner")
    owner["metadata"]["namespace"] = "kube-system"
    c.writer.create("configmaps", config_map("x", c.writer.create("configmaps", owner)))
    c.settle()
    assert names(c) == []


def test_a_circle_in_the_foreground_comes_to_an_end() -> None:
    """Proves that two objects that own each other do not hold each other for ever."""
    c = collecting()
    a = c.writer.create("configmaps", config_map("a"))
    b = c.writer.create("configmaps", config_map("b", a, block=True))
    closed = config_map("a", b, block=True)
    closed["metadata"]["uid"] = a["metadata"]["uid"]
    c.writer.update("configmaps", closed)
    c.writer.delete("configmaps", "default", "a", propagation="Foreground")
    c.settle()
    assert names(c) == []


def test_a_dependent_that_does_not_block_does_not_hold_its_owner() -> None:
    """Proves that only `blockOwnerDeletion` does."""
    c = collecting()
    a = c.writer.create("configmaps", config_map("a"))
    held = config_map("slow", a)
    held["metadata"]["finalizers"] = ["example.org/hold"]
    c.writer.create("configmaps", held)
    c.writer.delete("configmaps", "default", "a", propagation="Foreground")
    c.settle()
    assert names(c) == ["slow"]


def test_an_unknown_kind_of_owner_is_trusted() -> None:
    """Proves that what cannot be looked up is not taken to be gone."""
    c = collecting()
    found = config_map("x")
    found["metadata"]["ownerReferences"] = [
        {"apiVersion": "example.org/v1", "kind": "Thing", "name": "t", "uid": "t"}
    ]
    c.writer.create("configmaps", found)
    c.settle()
    assert names(c) == ["x"]


def test_a_cluster_scoped_object_cannot_be_owned_by_a_namespaced_one() -> None:
    """Proves that it is told and kept."""
    c = collecting()
    rows = config_map("x", {"metadata": {"name": "ghost", "uid": "ghost"}})["metadata"]["ownerReferences"]
    c.writer.create("nodes", {"metadata": {"name": "n", "ownerReferences": rows}})
    c.settle()
    assert c.reader.get("nodes", "", "n") is not None
    assert len(events(c, "OwnerRefInvalidNamespace")) == 1
