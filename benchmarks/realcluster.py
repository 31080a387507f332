"""A real control plane and the bundled cluster side by side, and gitrel against the real API server.

The control plane is Kubernetes' own with KWOK for nodes and pods, its client-side limits lifted so that it is
the machine that limits it. Memory is the sum of the peaks of all processes that make up a cluster; clients
are not counted. Skipped where KUBEBUILDER_ASSETS names no binaries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import repository
from benchmarks.cluster import REPLICAS, deployment
from benchmarks.figure import Figure, sized
from gitrel.backends.kubernetes.backend import KubernetesBackend, open_kubernetes
from gitrel.kube.conditions import is_true
from gitrel.rehearsal.demo import START
from gitrel.repo.git.creation import create
from tests.realcluster.plane import Plane, assets, control_plane

DEPLOYMENTS = sized(1000, least=10)
COMPONENTS = sized(1000, least=10)
NODES = 100
CLIENTS = 8
PATIENCE_SECONDS = 900
UNLIMITED = ("--kube-api-qps=5000", "--kube-api-burst=10000")
MORE = {
    "kube-controller-manager": (
        *UNLIMITED,
        "--concurrent-deployment-syncs=20",
        "--concurrent-replicaset-syncs=20",
    ),
    "kube-scheduler": UNLIMITED,
}
_SERVE = """
import sys
from pathlib import Path
from gitrel.cluster.server.bringup import served
from gitrel.cluster.spec import ClusterSpec, NodePool
spec = ClusterSpec(name="bench", nodes=(NodePool(count=int(sys.argv[2]), cpu="32", memory="128Gi"),))
with served(Path(sys.argv[1]), spec):
    print("ready", flush=True)
    sys.stdin.read()
"""
_IN_PROCESS = """
import json, resource, sys, time
from benchmarks.cluster import bring_up
begun = time.perf_counter()
bring_up(int(sys.argv[1]))
seconds = time.perf_counter() - begun
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
_RECONCILE = """
import json, resource, sys, time
from datetime import timedelta
from pathlib import Path
from gitrel.app import world
from gitrel.orchestrator.reconcile import reconcile
from gitrel.orchestrator.wait import reconcile_until_done
from gitrel.rehearsal.demo import ACTOR

def requests(opened):
    return sum(getattr(one, "requests", 0) for one in opened.clusters.connected())

def measured(opened, work):
    before, cpu, begun = requests(opened), time.process_time(), time.perf_counter()
    report = work()
    row = [time.perf_counter() - begun, requests(opened) - before, time.process_time() - cpu]
    assert not report.errors and not report.unreachable, (report.errors[:1], report.unreachable)
    return row

with world(Path(sys.argv[1]), actor=ACTOR) as opened:
    rows = [measured(opened, lambda: reconcile(opened))]
    if len(sys.argv) > 2:
        reconcile_until_done(opened, None, timedelta(minutes=15), lambda report: time.sleep(2))
        rows.append(measured(opened, lambda: reconcile(opened)))
print(json.dumps({"rows": rows, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Deployments from the first request to the last Available."""

    seconds: float
    memory_mib: float

    @property
    def pods_per_second(self) -> float:
        return DEPLOYMENTS * REPLICAS / self.seconds


def peak_mib(pids: Sequence[int]) -> float:
    """The sum of what each process held at most."""
    texts = (Path(f"/proc/{pid}/status").read_text(encoding="ascii") for pid in pids)
    return sum(int(text.partition("VmHWM:")[2].split()[0]) for text in texts) / 1024


def bring_up(backend: KubernetesBackend) -> float:
    """Seconds until all of them are Available, applied over as many connections as gitrel uses."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as threads:
        for _ in threads.map(backend.apply, map(deployment, range(DEPLOYMENTS))):
            pass
    while not _all_available(backend):
        assert time.perf_counter() - begun < PATIENCE_SECONDS, "the deployments did not become available"
        time.sleep(0.5)
    return time.perf_counter() - begun


def _all_available(backend: KubernetesBackend) -> bool:
    found = backend.list("apps/v1", "Deployment", "default")
    return all(is_true(one, "Available") for one in found)


def node(number: int) -> dict[str, Any]:
    room = {"cpu": "32", "memory": "128Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "labels": {"kubernetes.io/hostname": f"node-{number}"}},
        "status": {"capacity": room, "allocatable": room},
    }


@contextmanager
def real(binaries: Path) -> Iterator[tuple[Plane, KubernetesBackend]]:
    """A control plane with nodes that are ready, and the default namespace's account."""
    with tempfile.TemporaryDirectory() as folder, control_plane(binaries, Path(folder), more=MORE) as plane:
        backend = open_kubernetes("real", "real", kubeconfig=str(plane.kubeconfig))
        for number in range(NODES):
            backend.apply(node(number))
        metadata = {"name": "default", "namespace": "default"}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        while not (
            backend.read([account]) and all(is_true(n, "Ready") for n in backend.list("v1", "Node", ""))
        ):
            time.sleep(0.2)
        yield plane, backend
        backend.close()


def on_real(binaries: Path) -> Run:
    with real(binaries) as (plane, backend):
        seconds = bring_up(backend)
        return Run(seconds, peak_mib(list(plane.pids.values())))


def over_https() -> Run:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _SERVE, folder, str(NODES)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        kubeconfig = str(Path(folder) / "kubeconfig")
        backend = open_kubernetes("bench", "gitrel-bench", kubeconfig=kubeconfig)
        try:
            seconds = bring_up(backend)
            return Run(seconds, peak_mib([process.pid]))
        finally:
            backend.close()
            process.stdin.close()
            process.wait()


def in_process() -> Run:
    command = [sys.executable, "-c", _IN_PROCESS, str(DEPLOYMENTS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Run(*json.loads(done.stdout))


def lay_out(root: Path) -> Path:
    """The thousand components of the other benchmarks, in one region that is real."""
    repository.write(root, COMPONENTS, 1)
    pipeline, region = root / "environments/pipeline.yaml", root / "environments/region-0.yaml"
    timers = pipeline.read_text(encoding="utf-8").replace("10m, soakFactor: 2", "1s, soakFactor: 0")
    pipeline.write_text(timers, encoding="utf-8")
    text = region.read_text(encoding="utf-8").replace(
        "  namespace: shop\n", "  namespace: shop\n  cluster: {kubernetes: {context: real}}\n"
    )
    region.write_text(text, encoding="utf-8")
    create(root, message="Begin", author="Bench <bench@example.com>", at=START)
    return root


def reconcile(plane: Plane, root: Path, *words: str) -> dict[str, Any]:
    """Passes of a process of its own: seconds, requests and CPU seconds of each, and its peak memory."""
    command = [sys.executable, "-c", _RECONCILE, str(root), *words]
    environ = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
    done = subprocess.run(command, capture_output=True, text=True, env=environ)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def applying(binaries: Path) -> Iterator[Figure]:
    """1,000 components of two objects each, applied by gitrel, then looked at when all is well."""
    with tempfile.TemporaryDirectory() as folder, real(binaries) as (plane, _):
        root = lay_out(Path(folder))
        first = reconcile(plane, root, "settle")
        (seconds, requests, _), (rest_seconds, rest_requests, rest_cpu) = first["rows"]
        objects = COMPONENTS * 2
        yield Figure("real_apply_objects_per_second", objects / seconds, "objects/s", None, "higher")
        yield Figure("real_apply_requests_per_object", requests / objects, "requests", 2.5, "lower")
        yield Figure("real_rest_pass_requests", rest_requests, "requests", 20, "lower")
        yield Figure("real_rest_pass_cpu_seconds", rest_cpu, "s", 5, "lower")
        yield Figure("real_rest_pass_seconds", rest_seconds, "s", None, "lower")
        ((cold_seconds, cold_requests, cold_cpu),) = (again := reconcile(plane, root))["rows"]
        yield Figure("real_rest_process_requests", cold_requests, "requests", None, "lower")
        yield Figure("real_rest_process_cpu_seconds", cold_cpu, "s", 5, "lower")
        yield Figure("real_rest_process_seconds", cold_seconds, "s", None, "lower")
        peak = max(first["peak"], again["peak"])
        yield Figure("real_apply_gitrel_peak_memory", peak, "MiB", 300, "lower")


def side_by_side(binaries: Path) -> Iterator[Figure]:
    """The same Deployments on each, one after the other on the same machine."""
    runs = {"kubernetes": on_real(binaries), "bundled_https": over_https(), "bundled": in_process()}
    for name, run in runs.items():
        yield Figure(f"available_{name}_seconds", run.seconds, "s", None, "lower")
        yield Figure(f"available_{name}_pods_per_second", run.pods_per_second, "pods/s", None, "higher")
        yield Figure(f"available_{name}_peak_memory", run.memory_mib, "MiB", None, "lower")
    peer = runs.pop("kubernetes")
    for name, run in runs.items():
        yield Figure(f"available_{name}_times_as_fast", peer.seconds / run.seconds, "×", None, "higher")
        yield Figure(f"available_{name}_of_the_memory", run.memory_mib / peer.memory_mib, "×", None, "lower")


def measure() -> Iterator[Figure]:
    binaries = assets()
    if binaries is None:
        print("realcluster: skipped: KUBEBUILDER_ASSETS names no real control plane")
        return
    yield from side_by_side(binaries)
    yield from applying(binaries)
