"""How to test a controller: a real cluster with just that controller in it, on a clock you own.

    from tests.cluster.harness import cluster, get, pod_of

    def test_a_replica_set_makes_its_pods() -> None:
        c = cluster(ReplicaSetController)            # these controllers and no others; no nodes unless asked
        c.writer.create("replicasets.apps", {...})   # trusted writes: defaults, no validation
        c.settle()                                   # drain all that is ready; virtual time stands still
        assert len(c.reader.list("pods", "default")) == 3
        mark(c, "pods", "default", "web-abc", phase="Running")   # play the part of a kubelet
        c.settle()
        c.advance(timedelta(seconds=30))             # play what falls due; c.now, c.next_due()

`cluster.verify()` at the end of a test proves that no stored object was edited in place.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest

from gitrel.clock import format_instant
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.cluster import EPOCH, Cluster
from gitrel.cluster.controllers.controller import Change, Controller
from gitrel.cluster.spec import ClusterSpec, NodePool
from gitrel.kube.conditions import with_condition
from gitrel.kube.identity import Object


class WatchedCluster(Cluster):
    """A cluster that remembers every object as it was stored, as bytes."""

    _stored: dict[int, tuple[Change, bytes]]

    def watch_for_edits(self) -> None:
        self._stored = {}
        self.store.subscribe(self._remember)

    def _remember(self, change: Change) -> None:
        self._stored[change.revision] = change, orjson.dumps(change.new)

    def verify(self) -> None:
        """Raises AssertionError naming the first object that was edited after it was stored."""
        for change, before in self._stored.values():
            after = orjson.dumps(change.new)
            assert after == before, f"{change.resource} was edited in place:\n{before!r}\n{after!r}"


def cluster(
    *controllers: Callable[[], Controller],
    nodes: int = 0,
    seed: int = 0,
    start: datetime = EPOCH,
    **spec: Any,
) -> WatchedCluster:
    """A cluster with these controllers (classes, or anything that makes one) in this order, and `nodes`
    nodes.
    """
    pools = (NodePool(count=nodes),) if nodes else ()
    made = WatchedCluster(
        ClusterSpec(seed=seed, nodes=pools, **spec),
        controllers=lambda _: [make() for make in controllers],
        clock_start=start,
    )
    made.watch_for_edits()
    return made


def refusal(act: Callable[[], object]) -> ApiError:
    """What is said to who acts so: it has to be refused."""
    with pytest.raises(ApiError) as caught:
        act()
    return caught.value


def get(cluster: Cluster, resource: str, namespace: str, name: str) -> Object:
    """The object, which must be there."""
    obj = cluster.reader.get(resource, namespace, name)
    assert obj is not None, f"{resource} {namespace}/{name} does not exist"
    return obj


def container(name: str = "app", image: str = "example.org/app:1", **more: Any) -> Object:
    return {"name": name, "image": image, **more}


def pod(name: str, namespace: str = "default", *, labels: Any = None, **spec: Any) -> Object:
    """A pod of one container; `spec` adds to its spec."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {"app": name}},
        "spec": {"containers": [container()], **spec},
    }


def deployment(name: str, replicas: int = 3, namespace: str = "default", **spec: Any) -> Object:
    """A Deployment of one container, selecting `app: <name>`; `spec` adds to its spec."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container()]}},
            **spec,
        },
    }


def mark(
    cluster: Cluster, namespace: str, name: str, *, phase: str = "Running", ready: bool = True, **status: Any
) -> Object:
    """Writes a pod's status as a kubelet would: phase, the Ready condition, and whatever else is given."""
    found = get(cluster, "pods", namespace, name)
    now = format_instant(cluster.now.replace(microsecond=0))
    old = found.get("status") or {}
    conditions = with_condition(old.get("conditions"), "Ready", "True" if ready else "False", now=now)
    new = {**old, "phase": phase, "conditions": conditions, **status}
    return cluster.writer.update_status("pods", {**found, "status": new})
