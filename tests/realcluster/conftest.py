"""What tests of the real control plane are given: one plane for all, and a namespace for each."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from gitrel.backends.kubernetes.backend import KubernetesBackend, open_kubernetes
from gitrel.backends.kubernetes.requests import Limits
from gitrel.kube.identity import Object
from tests.realcluster.faults.proxy import FaultProxy, fault_proxy
from tests.realcluster.plane import Plane
from tests.realcluster.twins import Twins, twins

NODES = 3
IMPATIENT = Limits(connect=1.0, read=1.0, total=4.0, backoff_first=0.05, backoff_max=0.4)
"""Seconds. The shape of the real ones, so that tests of faults end while one looks on."""
_NUMBERS = itertools.count(1)


def node(name: str) -> Object:
    room = {"cpu": "32", "memory": "64Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"capacity": room, "allocatable": room},
    }


@dataclass(frozen=True, slots=True)
class RealPlane:
    """A real cluster as one test has it. `kubeconfig`'s context `real` may do everything."""

    plane: Plane
    backend: KubernetesBackend
    """gitrel's own, shared by the session: never close it."""
    namespace: str
    """Fresh, with its default service account. What a test makes cluster-wide is its own to remove."""

    @property
    def kubeconfig(self) -> Path:
        return self.plane.kubeconfig

    @property
    def context(self) -> str:
        return self.plane.name

    def kubectl(self, *words: str, stdin: str = "") -> str:
        """What kubectl prints, in the test's namespace. Fails with kubectl, is skipped without."""
        command = shutil.which("kubectl") or pytest.skip("kubectl is not in PATH")
        arguments = [command, "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, *words]
        done = subprocess.run(arguments, input=stdin, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def write(
        self, obj: Mapping[str, Any], *, manager: str = "somebody", force: bool = True, subresource: str = ""
    ) -> Object:
        """Server-side apply as somebody who is not gitrel."""
        words = ["apply", "--server-side", f"--field-manager={manager}", "-o", "json", "-f", "-"]
        if force:
            words.append("--force-conflicts")
        if subresource:
            words.append(f"--subresource={subresource}")
        applied: Object = orjson.loads(self.kubectl(*words, stdin=orjson.dumps(obj).decode()))
        return applied

    def new_namespace(self) -> str:
        """Another fresh namespace."""
        return fresh_namespace(self.backend)

    def wait_for(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Real controllers take real time: looks ten times a second until the condition holds."""
        wait_for(condition, seconds)


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


def fresh_namespace(backend: KubernetesBackend) -> str:
    """A namespace that is new, once its default service account is there: pods are refused until then."""
    name = f"t{next(_NUMBERS)}"
    backend.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    metadata = {"name": "default", "namespace": name}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    wait_for(lambda: backend.read([account]))
    return name


@pytest.fixture(scope="session")
def real_backend(control_plane_of_session: Plane) -> Iterator[KubernetesBackend]:
    """gitrel's backend on the session's real control plane, which has three nodes then."""
    plane = control_plane_of_session
    backend = open_kubernetes(plane.name, plane.name, kubeconfig=str(plane.kubeconfig))
    for number in range(NODES):
        backend.apply(node(f"node-{number}"))
    yield backend
    backend.close()


@pytest.fixture
def real_plane(control_plane_of_session: Plane, real_backend: KubernetesBackend) -> RealPlane:
    """The real cluster, with a namespace of this test's own."""
    return RealPlane(control_plane_of_session, real_backend, fresh_namespace(real_backend))


@pytest.fixture(scope="module")
def both(
    control_plane_of_session: Plane,
    real_backend: KubernetesBackend,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Twins]:
    """The real API server and a bundled one, for a module that asks both the same."""
    folder, namespace = tmp_path_factory.mktemp("bundled"), fresh_namespace(real_backend)
    with twins(control_plane_of_session, namespace, folder) as both:
        yield both


@pytest.fixture
def proxy(real_plane: RealPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    """A way to the real cluster on which faults can be laid."""
    with fault_proxy(real_plane.plane, tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy


@pytest.fixture
def through(proxy: FaultProxy) -> Iterator[KubernetesBackend]:
    """gitrel's backend, impatient, whose every request goes through the proxy."""
    backend = open_kubernetes("eastus", "real", kubeconfig=str(proxy.kubeconfig), limits=IMPATIENT)
    yield backend
    backend.close()
