"""The implementations of `Backend` that one suite runs against, each with a way to let time pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitrel.backends.backend import Backend
from gitrel.backends.embedded import EmbeddedBackend
from gitrel.backends.kubernetes.backend import open_kubernetes
from gitrel.clock import VirtualClock
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.server import bringup
from gitrel.cluster.spec import ClusterSpec
from gitrel.kube.identity import Object
from tests.realcluster.plane import Plane
from tests.waiting import until

NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-0", "labels": {"kubernetes.io/hostname": "node-0"}},
    "status": {
        "capacity": {"cpu": "8", "memory": "16Gi", "pods": "110"},
        "allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"},
    },
}


@dataclass
class Place:
    """One cluster under test. `wait_for` lets time pass, virtual or real, until the condition holds."""

    backend: Backend
    wait_for: Callable[[Callable[[], bool]], None]
    namespace: str = ""


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@pytest.fixture(scope="session")
def embedded() -> Iterator[Place]:
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    backend = EmbeddedBackend(Cluster(clock_start=clock.now()), clock)

    def wait_for(condition: Callable[[], bool]) -> None:
        end = clock.now() + timedelta(hours=1)
        while not condition():
            assert clock.now() < end, "it never came"
            clock.advance(timedelta(seconds=1))

    yield Place(backend, wait_for)
    backend.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The bundled cluster over HTTPS, spoken to as any real cluster is."""
    folder = tmp_path_factory.mktemp("served")
    spec = ClusterSpec(name="served", nodes=())
    with bringup.served(folder, spec):
        yield from _over_the_wire(folder / "kubeconfig", "gitrel-served")


@pytest.fixture(scope="session")
def real(control_plane_of_session: Plane) -> Iterator[Place]:
    yield from _over_the_wire(control_plane_of_session.kubeconfig, control_plane_of_session.name)


def _over_the_wire(kubeconfig: Path, name: str) -> Iterator[Place]:
    def wait_for(condition: Callable[[], bool]) -> None:
        until(condition, "real controllers get there", pause_seconds=0.1)

    backend = open_kubernetes(name, name, kubeconfig=str(kubeconfig))
    try:
        backend.apply(NODE)
        yield Place(backend, wait_for)
    finally:
        backend.close()


@pytest.fixture(params=["embedded", "served", "real"])
def place(request: pytest.FixtureRequest) -> Place:
    """A fresh namespace in each cluster."""
    found: Place = request.getfixturevalue(request.param)
    name = "t" + "".join(char for char in request.node.originalname if char.isalnum())[4:40].lower()
    found.backend.apply(namespace(name))
    found.namespace = name
    if request.param != "embedded":
        # The default service account is made by a controller, and pods are refused until it is there.
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": name},
        }
        found.wait_for(lambda: bool(found.backend.read([account])))
    return found
