"""The life of custom kinds: served at once, through copies and files, collected, and gone in order."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gitrel.cluster.api import tables
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.controllers.customresources.controller import CustomResourceController
from gitrel.cluster.controllers.garbagecollector.controller import GarbageCollector
from gitrel.cluster.controllers.namespace.controller import NamespaceController
from gitrel.cluster.spec import ClusterSpec
from tests.cluster.crds.build import DEFINITIONS, THINGS, definition, refused, thing, version
from tests.cluster.harness import cluster


def test_objects_go_before_their_definition() -> None:
    """Deletion takes the objects first, waits for finalizers, and refuses new ones meanwhile."""
    c = cluster(CustomResourceController)
    c.api.create(definition())
    c.api.create(thing("a"))
    held = thing("b")
    held["metadata"]["finalizers"] = ["example.com/wait"]
    held = c.api.create(held)
    marked = c.api.delete(DEFINITIONS, THINGS)
    assert marked and marked["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    c.settle()
    assert [obj["metadata"]["name"] for obj in c.api.list(THINGS)] == ["b"]
    message = refused(lambda: c.api.create(thing("c")))
    assert message == "create not allowed while custom resource definition is terminating"
    left = c.api.get(THINGS, "b", "default")
    c.api.update({**left, "metadata": {**left["metadata"], "finalizers": []}})
    c.settle()
    assert c.reader.get(DEFINITIONS, "", THINGS) is None
    assert refused(lambda: c.api.list(THINGS)) == "the server could not find the requested resource"
    c.verify()


def test_the_garbage_collector_follows_custom_owners() -> None:
    """A custom object owns built-in ones and is owned by them, though its kind came later."""
    c = cluster(GarbageCollector)
    c.api.create(definition())
    owner = c.api.create(thing("owner"))
    reference = {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
    }
    owned = {"name": "c", "namespace": "default", "ownerReferences": [reference]}
    config = c.api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": owned})
    below = {
        **reference,
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "c",
        "uid": config["metadata"]["uid"],
    }
    leaf = thing("leaf")
    leaf["metadata"]["ownerReferences"] = [below]
    c.api.create(leaf)
    c.settle()
    assert len(c.api.list(THINGS)) == 2
    c.api.delete(THINGS, "owner", "default")
    c.settle()
    assert not c.api.list(THINGS) and not c.api.list("configmaps", "default")


def test_a_namespace_takes_its_custom_objects_along() -> None:
    """Deleting a namespace empties it of kinds that were defined after the cluster started."""
    c = cluster(NamespaceController)
    c.api.create(definition())
    c.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    obj = thing("a")
    obj["metadata"]["namespace"] = "shop"
    c.api.create(obj)
    c.api.delete("namespaces", "shop")
    c.advance(timedelta(minutes=1))
    assert c.reader.get("namespaces", "", "shop") is None and not c.api.list(THINGS)


def test_a_reopened_or_forked_cluster_serves_them_again(tmp_path: Path) -> None:
    """Nothing is remembered beside the definitions."""
    spec = ClusterSpec(nodes=())
    with Cluster.open(tmp_path / "c", spec) as c:
        c.api.create(definition())
        c.api.create(thing("a"))
        c.settle()
        fork = c.fork()
        assert fork.api.get(THINGS, "a", "default")
        fork.api.delete(DEFINITIONS, THINGS)
        fork.settle()
        assert refused(lambda: fork.api.list(THINGS))
        assert c.api.list(THINGS)
    with Cluster.open(tmp_path / "c") as c:
        assert c.api.get(THINGS, "a", "default")["kind"] == "Thing"
        c.api.create(thing("b"))


def test_versions_differ_in_name_and_schema_alone() -> None:
    """An object is held to the schema of the version in which it is written, and read in any."""
    loose = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    strict = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "default": "v2"}}}
    c = cluster()
    crd = c.api.create(definition(version("v1", spec=loose), version("v2", storage=False, spec=strict)))
    c.api.create(thing("a", spec={"b": "x"}))
    assert 'unknown field "spec.b"' in refused(
        lambda: c.api.create(thing("b", "example.com/v2", spec={"b": "x"}))
    )
    new = c.api.create(thing("b", "example.com/v2", spec={}))
    assert new["apiVersion"] == "example.com/v2" and new["spec"] == {"a": "v2"}
    assert c.api.get(THINGS, "b", "default")["apiVersion"] == "example.com/v1"
    # The other version is stored from now on; what is there is read as such.
    turned = [version("v1", storage=False, spec=loose), version("v2", spec=strict)]
    told = c.api.update({**crd, "spec": {**crd["spec"], "versions": turned}})
    assert told["status"]["storedVersions"] == ["v1", "v2"]
    assert {obj["apiVersion"] for obj in c.api.list(THINGS)} == {"example.com/v2"}


def test_columns_come_from_the_definition() -> None:
    """A table shows what JSON paths find: numbers as numbers, instants as ages, nothing as nothing."""
    columns = [
        {"name": "Image", "type": "string", "jsonPath": ".spec.image"},
        {"name": "N", "type": "integer", "jsonPath": ".spec.n"},
        {"name": "Ready", "type": "string", "jsonPath": '.spec.conditions[?(@.type=="Ready")].status'},
        {"name": "All", "type": "string", "jsonPath": ".spec.conditions[*].type", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    c = cluster()
    c.api.create(definition(version(additionalPrinterColumns=columns)))
    conditions = [{"type": "Up", "status": "False"}, {"type": "Ready", "status": "True"}]
    c.api.create(thing("a", spec={"image": "x", "n": 3, "conditions": conditions}))
    c.api.create(thing("b", spec={"n": "no number"}))
    c.advance(timedelta(minutes=5))
    kind = c.handler.scheme.resource(THINGS)
    shown = tables.table(kind, c.api.list(THINGS), {}, c.now)
    assert [row["cells"] for row in shown["rows"]] == [
        ["a", "x", 3, "True", "Up Ready", "5m"],
        ["b", None, None, None, None, "5m"],
    ]
    assert [column["priority"] for column in shown["columnDefinitions"]] == [0, 0, 0, 0, 1, 0]
