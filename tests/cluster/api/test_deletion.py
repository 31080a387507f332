"""Deletion: grace, finalizers and propagation, as a table and as a story on the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gitrel.cluster.api.deletion import DeleteOptions, decide
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.cluster import EPOCH
from gitrel.cluster.kinds.registry import BUILTIN
from gitrel.kube.fields import replaced
from tests.cluster.harness import cluster, deployment, get, mark, pod

KINDS = {kind.kind: kind for kind in BUILTIN}


def thing(kind: str, **metadata: Any) -> Any:
    return {"metadata": {"name": "x", **metadata}, "spec": {}, "status": {}}


def running(**metadata: Any) -> Any:
    spec = {"nodeName": "n", "terminationGracePeriodSeconds": 30}
    return {"metadata": {"name": "x", **metadata}, "spec": spec, "status": {"phase": "Running"}}


MARKED = {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 30}

# kind, object, options → act, finalizers, grace, deletionTimestamp
CASES: dict[str, tuple[str, Any, DeleteOptions, str, list[str], int | None, str | None]] = {
    "nothing holds it": ("Deployment", thing("Deployment"), DeleteOptions(), "remove", [], None, None),
    "foreground waits for dependents": (
        "Deployment", thing("Deployment"), DeleteOptions(propagation="Foreground"),
        "mark", ["foregroundDeletion"], 0, "2026-01-01T00:00:00Z",
    ),
    "orphan waits until they are let go": (
        "Deployment", thing("Deployment"), DeleteOptions(propagation="Orphan"),
        "mark", ["orphan"], 0, "2026-01-01T00:00:00Z",
    ),
    "background overrules an older wish": (
        "Deployment", thing("Deployment", finalizers=["foregroundDeletion"]),
        DeleteOptions(propagation="Background"),
        "remove", ["foregroundDeletion"], None, None,
    ),
    "an older wish stands where nothing is said": (
        "Deployment", thing("Deployment", finalizers=["orphan"]), DeleteOptions(),
        "mark", ["orphan"], 0, "2026-01-01T00:00:00Z",
    ),
    "a job orphans when nothing is said": (
        "Job", thing("Job"), DeleteOptions(), "mark", ["orphan"], 0, "2026-01-01T00:00:00Z",
    ),
    "a finalizer of somebody's keeps it": (
        "ConfigMap", thing("ConfigMap", finalizers=["a.b/c"]), DeleteOptions(),
        "mark", ["a.b/c"], 0, "2026-01-01T00:00:00Z",
    ),
    "a running pod gets its own grace": (
        "Pod", running(), DeleteOptions(), "mark", [], 30, "2026-01-01T00:00:30Z",
    ),
    "or the grace asked for": (
        "Pod", running(), DeleteOptions(5), "mark", [], 5, "2026-01-01T00:00:05Z",
    ),
    "a negative grace is one second": (
        "Pod", running(), DeleteOptions(-3), "mark", [], 1, "2026-01-01T00:00:01Z",
    ),
    "no grace removes it": ("Pod", running(), DeleteOptions(0), "remove", [], None, None),
    "a pod without a node has nobody to wait for": (
        "Pod", replaced(running(), ("spec", "nodeName"), None), DeleteOptions(), "remove", [], None, None,
    ),
    "nor has one that ended": (
        "Pod", replaced(running(), ("status", "phase"), "Succeeded"), DeleteOptions(),
        "remove", [], None, None,
    ),
    "grace can be shortened, from when it was asked for": (
        "Pod", running(**MARKED), DeleteOptions(10), "mark", [], 10, "2026-01-01T00:00:10Z",
    ),
    "but not lengthened": (
        "Pod", running(**MARKED), DeleteOptions(60), "keep", [], 30, "2026-01-01T00:00:30Z",
    ),
    "nor started again": ("Pod", running(**MARKED), DeleteOptions(), "keep", [], 30, "2026-01-01T00:00:30Z"),
    "without grace a finalizer still holds a pod": (
        "Pod", running(finalizers=["a.b/c"]), DeleteOptions(0), "mark", ["a.b/c"], 0, "2026-01-01T00:00:00Z",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_a_delete_comes_to(case: str) -> None:
    """Each rule of BeforeDelete and of the propagation finalizers."""
    kind, obj, options, act, finalizers, grace, at = CASES[case]
    verdict = decide(obj, KINDS[kind], options, EPOCH)
    metadata = verdict.object["metadata"]
    assert verdict.act == act
    assert metadata.get("finalizers", []) == finalizers
    assert metadata.get("deletionGracePeriodSeconds") == grace
    assert metadata.get("deletionTimestamp") == at


@pytest.mark.parametrize("case", CASES)
def test_deleting_again_never_starts_over(case: str) -> None:
    """The same delete of what the first one left, later, keeps it as it is."""
    kind, obj, options, act, *_ = CASES[case]
    verdict = decide(obj, KINDS[kind], options, EPOCH)
    if act == "mark":
        again = decide(verdict.object, KINDS[kind], options, EPOCH + timedelta(seconds=3))
        assert (again.act, again.object) == ("keep", verdict.object)


def test_a_marked_object_goes_with_its_last_finalizer() -> None:
    """It stays, takes no new finalizers, counts a generation, and is removed by the update that empties the
    list.
    """
    c = cluster()
    held = deployment("web")
    held["metadata"]["finalizers"] = ["a.b/one", "a.b/two"]
    c.api.create(held)
    marked = c.api.delete("deployments.apps", "web", "default")
    assert marked is not None
    assert marked["metadata"]["generation"] == 2
    with pytest.raises(ApiError, match="no new finalizers can be added if the object is being deleted"):
        c.api.update(replaced(marked, ("metadata", "finalizers"), ["a.b/one", "a.b/two", "a.b/three"]))
    left = c.api.update(replaced(marked, ("metadata", "finalizers"), ["a.b/two"]))
    watch = c.api.watch("deployments.apps")
    c.api.update(replaced(left, ("metadata", "finalizers"), []))
    assert c.reader.get("deployments.apps", "default", "web") is None
    assert [event.type for event in watch.read()] == ["DELETED"]


def test_a_collection_is_deleted_by_its_labels() -> None:
    """What the selector chooses goes, each by its own rules; the rest stays."""
    c = cluster()
    for name, tier in (("a", "web"), ("b", "web"), ("c", "db")):
        c.api.create(pod(name, labels={"tier": tier}))
    c.writer.bind("default", "b", "n")
    gone = c.api.delete_all("pods", "default", labels="tier=web")
    assert [obj["metadata"]["name"] for obj in gone] == ["a", "b"]
    left = c.reader.list("pods", "default")
    assert [obj["metadata"]["name"] for obj in left] == ["b", "c"]
    assert left[0]["metadata"]["deletionGracePeriodSeconds"] == 30


def test_a_pod_is_removed_by_whoever_stops_it() -> None:
    """The kubelet's delete with no grace ends a graceful deletion."""
    c = cluster()
    c.api.create(pod("x"))
    c.writer.bind("default", "x", "n")
    mark(c, "default", "x")
    assert c.api.delete("pods", "x", "default") is not None
    c.advance(timedelta(seconds=30))
    assert get(c, "pods", "default", "x")["metadata"]["deletionGracePeriodSeconds"] == 30
    assert c.writer.delete("pods", "default", "x", grace_seconds=0) is None
    assert c.reader.get("pods", "default", "x") is None
    c.verify()
