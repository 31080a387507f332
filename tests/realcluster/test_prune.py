"""Pruning on a bundled and on a real cluster: what goes, what stays, and what kubectl makes of the set."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from gitrel.backends.backend import Backend
from gitrel.backends.embedded import EmbeddedBackend
from gitrel.clock import VirtualClock
from gitrel.cluster.cluster import Cluster
from gitrel.delivery.inventory import Inventory, empty, from_object, parent, to_object
from gitrel.delivery.labels import PART_OF
from gitrel.delivery.plan import Plan, PlanRefused
from gitrel.kube.identity import Object, labels_of, ref_of
from gitrel.orchestrator.applying import carry_out
from gitrel.orchestrator.deliver import plan_for
from gitrel.repo.model import Component, Origin
from gitrel.repo.resolve import DEFAULTS
from tests.delivery.support import release
from tests.realcluster.conftest import RealPlane

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["bundled", "real"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[Backend, str]]:
    """A cluster, and a namespace of this test's own in it."""
    if request.param == "real":
        plane: RealPlane = request.getfixturevalue("real_plane")
        yield plane.backend, plane.namespace
        return
    clock = VirtualClock(NOW)
    backend = EmbeddedBackend(Cluster(clock_start=NOW), clock)
    backend.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    yield backend, "shop"
    backend.close()


def component(limit: int | str = "100%", *kinds: str) -> Component:
    schedule = replace(DEFAULTS, prune_limit=limit, prune_kinds=kinds)
    return Component("web", "plain", "", schedule, (), {}, {}, {}, {}, Origin(""))


def put(backend: Backend, space: str, objects: list[Object], limit: int | str = "100%", *kinds: str) -> Plan:
    """One release as a pass delivers it: plan, grow the inventory, carry out, settle it."""
    rendered = replace(release(*objects), namespace=space)
    known = inventory(backend, space)
    planned = plan_for(backend, component(limit, *kinds), rendered, known)
    planned.check()
    backend.apply(to_object(known.growing_by(objects)))
    carry_out(backend, planned, objects, NOW)
    kept = [entry.object for entry in planned.entries if entry.word == "skipped"]
    backend.apply(to_object(known.holding("v1", rendered.digest, "abc", [*objects, *kept])))
    return planned


def inventory(backend: Backend, space: str) -> Inventory:
    it = parent("web", space)
    found = backend.read([it]).get(ref_of(it))
    return from_object(found, "eu") if found else empty("web", "eu", space)


def config(space: str, name: str, prune: str = "") -> Object:
    metadata: Object = {"name": name, "namespace": space}
    if prune:
        metadata["annotations"] = {"gitrel.dev/prune": prune}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"name": name}}


def claim(space: str) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": "data", "namespace": space}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def cluster_role(space: str) -> Object:
    metadata = {"name": f"web-{space}"}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": [],
    }


def relabelled(backend: Backend, obj: Object, part_of: str | None) -> None:
    """Changes a member's set, or takes it out of every set."""
    (live,) = backend.read([obj]).values()
    labels = {key: text for key, text in labels_of(live).items() if key != PART_OF}
    if part_of:
        labels[PART_OF] = part_of
    backend.apply({**obj, "metadata": {**obj["metadata"], "labels": labels}})


def test_what_goes_and_what_stays(place: tuple[Backend, str]) -> None:
    """Members go, cluster-wide ones too; what is kept, let go, relabelled or protected stays."""
    backend, space = place
    first = [
        config(space, "stays"), config(space, "goes"), config(space, "kept", "keep"),
        config(space, "free", "orphan"), config(space, "unlabelled"), config(space, "theirs"),
        claim(space), cluster_role(space),
    ]  # fmt: skip
    assert put(backend, space, first).counts == {"created": 8}
    relabelled(backend, first[4], None)
    relabelled(backend, first[5], "applyset-of-somebody-v1")
    planned = put(backend, space, first[:1])
    assert planned.deletions == (str(ref_of(first[7])), f"ConfigMap {space}/goes")
    there = {ref.name: live for ref, live in backend.read(first).items()}
    assert set(there) == {"stays", "kept", "free", "unlabelled", "theirs", "data"}
    assert "gitrel.dev/component" in labels_of(there["kept"])
    assert labels_of(there["free"]) == {}
    assert there["free"]["data"] == {"name": "free"}
    members = {ref.name for ref in inventory(backend, space).refs}
    assert members == {"stays", "kept", "unlabelled", "theirs", "data"}
    put(backend, space, first[:1], "100%", "PersistentVolumeClaim")
    assert ref_of(first[6]) not in inventory(backend, space).refs or not backend.read([first[6]])


def test_the_budget_is_kept_before_anything_is_written(place: tuple[Backend, str]) -> None:
    """Every object at stake is named, and the cluster is as it was."""
    backend, space = place
    objects = [config(space, f"c{n}") for n in range(4)]
    put(backend, space, objects)
    with pytest.raises(PlanRefused, match=r"3 of 4 objects would be deleted.*c3.*c2.*c1"):
        put(backend, space, objects[:1], "50%")
    assert len(backend.read(objects)) == 4


def test_a_very_large_release_is_remembered(place: tuple[Backend, str]) -> None:
    """The inventory of 5,000 objects is taken by the API server, and read back as it was."""
    backend, space = place
    full = empty("web", "eu", space).growing_by(
        config(space, f"settings-of-the-{n}th-shop-in-a-long-street") for n in range(5000)
    )
    backend.apply(to_object(full))
    assert inventory(backend, space) == full


def test_kubectl_finds_the_set_and_keeps_off_it(real_plane: RealPlane) -> None:
    """By the labels of the proposal; and its own `--prune --applyset` neither takes ours over nor deletes
    from it, as ours deletes nothing from its sets."""
    backend, space = real_plane.backend, real_plane.namespace
    objects = [config(space, "a"), config(space, "b")]
    put(backend, space, objects)
    set_id = inventory(backend, space).set_id
    found = real_plane.kubectl("get", "configmaps", "-l", "applyset.kubernetes.io/id", "-o", "name")
    assert found.split() == ["configmap/gitrel-web"]
    members = real_plane.kubectl(
        "get", "cm,svc", "-l", f"applyset.kubernetes.io/part-of={set_id}", "-o", "name"
    )
    assert members.split() == ["configmap/a", "configmap/b"]

    refused = kubectl_applyset(real_plane, "configmap/gitrel-web", config(space, "c"))
    assert refused.returncode != 0
    assert "tooling" in refused.stderr
    theirs = kubectl_applyset(real_plane, "configmap/theirs", config(space, "c"), config(space, "d"))
    assert theirs.returncode == 0, theirs.stderr
    theirs = kubectl_applyset(real_plane, "configmap/theirs", config(space, "c"))
    assert "configmap/d pruned" in theirs.stdout
    assert len(backend.read(objects)) == 2
    put(backend, space, objects[:1])
    there = {ref.name for ref in backend.read([*objects, config(space, "c")])}
    assert there == {"a", "c"}


def kubectl_applyset(plane: RealPlane, name: str, *objects: Object) -> subprocess.CompletedProcess[str]:
    command = shutil.which("kubectl") or pytest.skip("kubectl is not in PATH")
    words = ["--kubeconfig", str(plane.kubeconfig), "-n", plane.namespace, "apply", "--prune"]
    text = orjson.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}).decode()
    return subprocess.run(
        [command, *words, f"--applyset={name}", "-f", "-"],
        input=text,
        env=os.environ | {"KUBECTL_APPLYSET": "true"},
        capture_output=True,
        text=True,
        timeout=60,
    )
