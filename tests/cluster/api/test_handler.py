"""The write path: identity, concurrency, generations, subresources, dry runs, namespaces."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gitrel.cluster.api.errors import ApiError
from gitrel.kube.fields import replaced
from tests.cluster.harness import cluster, container, deployment, get, pod


def config_map(name: str = "x", namespace: str = "default", **more: Any) -> Any:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}


def refused(code: int, reason: str) -> Any:
    """Raises unless the block is refused with that code and reason."""

    class Refused:
        message = ""

        def __enter__(self) -> Refused:
            return self

        def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
            assert isinstance(error, ApiError), error
            assert (error.code, error.reason) == (code, reason), error
            self.message = error.message
            return True

    return Refused()


def test_a_new_object_gets_its_identity() -> None:
    """uid, time and revision come from the server; what the client says of them is dropped."""
    c = cluster()
    mine = config_map()
    mine["metadata"] |= {"uid": "mine", "creationTimestamp": "1999-01-01T00:00:00Z", "generation": 7}
    metadata = c.api.create(mine)["metadata"]
    assert metadata["uid"] != "mine"
    assert metadata["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert metadata["resourceVersion"] == str(c.revision)
    assert "generation" not in metadata


def test_the_callers_object_stays_the_callers() -> None:
    """What is handed in can be edited afterwards without reaching into the cluster."""
    c = cluster()
    mine = config_map(data={"a": "1"})
    c.api.create(mine)
    mine["data"]["a"] = "2"
    assert get(c, "configmaps", "default", "x")["data"] == {"a": "1"}


def test_creating_twice_is_refused() -> None:
    """409 AlreadyExists, in Kubernetes' words."""
    c = cluster()
    c.api.create(config_map())
    with refused(409, "AlreadyExists") as error:
        c.api.create(config_map())
    assert error.message == 'configmaps "x" already exists'


def test_generated_names_differ_and_follow_the_seed() -> None:
    """Five letters of the safe alphabet behind a base cut to 58; the same seed gives the same names."""

    def names(seed: int) -> list[str]:
        c = cluster(seed=seed)
        template = config_map()
        template["metadata"] = {"generateName": "n" * 70, "namespace": "default"}
        return [c.api.create(template)["metadata"]["name"] for _ in range(5)]

    first = names(1)
    assert len(set(first)) == 5
    assert all(
        name[:58] == "n" * 58 and set(name[58:]) <= set("bcdfghjklmnpqrstvwxz2456789") for name in first
    )
    assert names(1) == first
    assert names(2) != first


def test_a_stale_update_is_a_conflict() -> None:
    """The second of two writers from one revision is told to read again; without a revision the last one
    wins.
    """
    c = cluster()
    first = c.api.create(config_map(data={"a": "1"}))
    c.api.update(replaced(first, ("data", "a"), "2"))
    with refused(409, "Conflict") as error:
        c.api.update(replaced(first, ("data", "a"), "3"))
    assert error.message == (
        'Operation cannot be fulfilled on configmaps "x": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert c.api.update(config_map(data={"a": "4"}))["data"] == {"a": "4"}


def test_a_precondition_on_the_uid_holds() -> None:
    """A write meant for an earlier object of that name does not reach the new one."""
    c = cluster()
    c.api.create(config_map())
    with refused(409, "Conflict"):
        c.api.delete("configmaps", "x", "default", uid="another")
    assert c.api.delete("configmaps", "x", "default") is None


def test_a_write_that_changes_nothing_takes_no_revision() -> None:
    """Updating with the same content leaves object and revision alone."""
    c = cluster()
    stored = c.api.create(deployment("web"))
    before = c.revision
    assert c.api.update(stored) is stored
    assert c.api.update(deployment("web")) is stored
    assert c.revision == before


GENERATIONS: dict[str, tuple[Any, tuple[str, ...], Any, int]] = {
    "spec": (deployment("x"), ("spec", "replicas"), 5, 2),
    "labels": (deployment("x"), ("metadata", "labels"), {"a": "b"}, 1),
    "annotations of a deployment": (deployment("x"), ("metadata", "annotations"), {"a": "b"}, 2),
    "annotations of a pod": (pod("x"), ("metadata", "annotations"), {"a": "b"}, 1),
    "image of a pod": (pod("x"), ("spec", "containers"), [container(image="b:2")], 2),
}


@pytest.mark.parametrize("case", GENERATIONS)
def test_generation_counts_what_is_asked_for(case: str) -> None:
    """It moves with the spec (and a Deployment's annotations), not with labels."""
    obj, path, value, wanted = GENERATIONS[case]
    c = cluster()
    stored = c.api.create(obj)
    assert stored["metadata"]["generation"] == 1
    assert c.api.update(replaced(stored, path, value))["metadata"]["generation"] == wanted


def test_spec_and_status_are_written_apart() -> None:
    """An update cannot touch the status, a status update nothing else."""
    c = cluster()
    stored = c.api.create(deployment("web"))
    both = replaced(replaced(stored, ("spec", "replicas"), 9), ("status", "replicas"), 9)
    after = c.api.update(both, "status")
    assert (after["spec"]["replicas"], after["status"]) == (3, {"replicas": 9})
    again = c.api.update(replaced(replaced(after, ("spec", "replicas"), 5), ("status", "replicas"), 1))
    assert (again["spec"]["replicas"], again["status"]) == (5, {"replicas": 9})


def test_scale_is_a_view_of_replicas() -> None:
    """The scale subresource reads and writes spec.replicas, and tells the selector as text."""
    c = cluster()
    c.api.create(deployment("web"))
    scaled = c.api.scale("deployments.apps", "web", 7, "default")
    assert (scaled["spec"]["replicas"], scaled["status"]["selector"]) == (7, "app=web")
    assert get(c, "deployments.apps", "default", "web")["spec"]["replicas"] == 7
    with refused(404, "NotFound"):
        c.api.get_scale("configmaps", "x", "default")


def test_a_dry_run_leaves_no_trace() -> None:
    """Everything is checked and answered, nothing is stored, and no random draw is used up."""
    c, twin = cluster(), cluster()
    dry = c.api.acting_as("me", dry_run=True)
    assert dry.create(deployment("web"))["spec"]["strategy"]["type"] == "RollingUpdate"
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"}}
    assert dry.create({**service, "spec": {"ports": [{"port": 1}]}})["spec"]["clusterIP"]
    assert c.revision == twin.revision
    with refused(422, "Invalid"):
        dry.create(deployment("web", -1))
    stored = c.api.create(deployment("web"))
    assert stored == twin.api.create(deployment("web"))
    assert dry.update(replaced(stored, ("spec", "replicas"), 9))["spec"]["replicas"] == 9
    assert dry.delete("deployments.apps", "web", "default") is None
    assert c.reader.get("deployments.apps", "default", "web") is stored


def test_creation_needs_a_living_namespace() -> None:
    """404 for a namespace that is not there, 403 with its cause for one on its way out."""
    c = cluster()
    with refused(404, "NotFound") as error:
        c.api.create(config_map(namespace="nowhere"))
    assert error.message == 'namespaces "nowhere" not found'
    c.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
    marked = c.api.delete("namespaces", "n")
    assert marked is not None
    assert marked["status"]["phase"] == "Terminating"
    with refused(403, "Forbidden") as error:
        c.api.create(config_map(namespace="n"))
    assert error.message == (
        'configmaps "x" is forbidden: unable to create new content in namespace n '
        "because it is being terminated"
    )


def test_a_namespace_goes_when_it_is_finalized() -> None:
    """Its own finalizer keeps it until a controller takes it off; the basic ones cannot be deleted."""
    c = cluster()
    c.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
    c.api.delete("namespaces", "n")
    held = get(c, "namespaces", "", "n")
    assert c.api.update(replaced(held, ("spec", "finalizers"), []))["spec"] == {"finalizers": ["kubernetes"]}
    c.writer.update("namespaces", {**get(c, "namespaces", "", "n"), "spec": {}})
    assert c.reader.get("namespaces", "", "n") is None
    with refused(403, "Forbidden"):
        c.api.delete("namespaces", "kube-system")


def test_binding_happens_once() -> None:
    """A pod is placed and marked as scheduled; a second placement is a conflict."""
    c = cluster()
    c.api.create(pod("x"))
    bound = c.writer.bind("default", "x", "n1")
    assert bound["spec"]["nodeName"] == "n1"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    with refused(409, "Conflict") as error:
        c.writer.bind("default", "x", "n2")
    assert error.message == (
        'Operation cannot be fulfilled on pods/binding "x": pod x is already assigned to node "n1"'
    )


def test_equal_events_are_counted() -> None:
    """The same thing happening again moves count and time of one Event; another thing is another Event."""
    c = cluster()
    about = c.api.create(pod("x"))
    c.writer.event(about, "Warning", "BackOff", "again")
    c.advance(timedelta(seconds=10))
    c.writer.event(about, "Warning", "BackOff", "again")
    c.writer.event(about, "Normal", "Started", "up")
    counted, single = sorted(c.reader.list("events", "default"), key=lambda e: -e["count"])
    assert (counted["count"], single["count"]) == (2, 1)
    assert counted["firstTimestamp"] < counted["lastTimestamp"]


def test_lists_are_selected_by_labels_and_fields() -> None:
    """Selectors as kubectl takes them; a bad one is a 400."""
    c = cluster()
    for name, tier in (("a", "web"), ("b", "web"), ("c", "db")):
        c.api.create(pod(name, labels={"tier": tier}))
    assert [p["metadata"]["name"] for p in c.api.list("pods", "default", labels="tier in (web)")] == [
        "a",
        "b",
    ]
    found = c.api.list("pods", fields="metadata.name!=a,status.phase=Pending")
    assert [p["metadata"]["name"] for p in found] == ["b", "c"]
    with refused(400, "BadRequest"):
        c.api.list("pods", labels="tier in web")
    with refused(404, "NotFound"):
        c.api.list("widgets")


def test_a_watch_resumes_or_is_told_that_it_cannot() -> None:
    """From any revision in the log; 410 Expired where the log was compacted."""
    c = cluster()
    start = str(c.revision)
    c.api.create(config_map("a"))
    watch = c.api.watch("configmaps", "default", since=start)
    assert [event.type for event in watch.read()] == ["ADDED"]
    c.store.compact(c.revision)
    with refused(410, "Expired"):
        c.api.watch("configmaps", "default", since=start)


def test_the_harness_notices_an_edit_in_place() -> None:
    """The guard that other tests rely on does catch an edit of a stored object."""
    c = cluster()
    c.writer.create("configmaps", config_map())
    c.verify()
    get(c, "configmaps", "default", "x")["data"] = {"sneaky": "edit"}
    with pytest.raises(AssertionError, match="configmaps was edited in place"):
        c.verify()
