"""The bundled cluster: how long it takes to start, how many pods a second it brings from created to
Available, and how many it takes in.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Any

from benchmarks.figure import Figure, sized
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.spec import ClusterSpec, NodePool
from gitrel.kube.conditions import is_true

DEPLOYMENTS = sized(1000)
REPLICAS = 3
NODES = sized(100)
PODS = sized(5000)


def start_seconds() -> float:
    """A new process: import, make a cluster, settle it. Counts the interpreter's own start."""
    code = "from gitrel.cluster.cluster import Cluster; Cluster().settle()"
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def deployment(number: int) -> dict[str, Any]:
    labels = {"app": f"app-{number}"}
    container = {
        "name": "app",
        "image": "example.org/app:1",
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"app-{number}", "namespace": "default", "labels": labels},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def bring_up(deployments: int = DEPLOYMENTS) -> Cluster:
    """All of them applied by a stranger, and played until every one is Available."""
    cluster = Cluster(ClusterSpec(nodes=(NodePool(count=NODES, cpu="32", memory="128Gi"),)))
    cluster.settle()
    for number in range(deployments):
        cluster.api.apply(deployment(number))

    def available() -> bool:
        return all(is_true(d, "Available") for d in cluster.reader.list("deployments.apps"))

    if not cluster.wait_for(available, timedelta(minutes=30)):
        raise SystemExit("the deployments did not become available")
    return cluster


def pods_per_second() -> float:
    """Created to Available, by wall time."""
    gc.collect()
    begun = time.perf_counter()
    bring_up()
    return DEPLOYMENTS * REPLICAS / (time.perf_counter() - begun)


def pod(number: int, *, alike: bool) -> dict[str, Any]:
    """One of `PODS`: of the template that all share, or with a variable that no other has."""
    template: dict[str, Any] = deployment(0)["spec"]["template"]["spec"]
    if not alike:
        container = {**template["containers"][0], "env": [{"name": "NUMBER", "value": str(number)}]}
        template = {"containers": [container]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"pod-{number}",
            "namespace": "default",
            "labels": {"app": f"app-{number % 9}"},
        },
        "spec": template,
    }


def creates_per_second(*, alike: bool) -> float:
    """By a stranger, through the whole write path: decoding, defaults, validation, admission, owners."""
    cluster = Cluster(ClusterSpec(nodes=()))
    cluster.settle()
    api = cluster.api
    pods = [pod(number, alike=alike) for number in range(PODS)]
    gc.collect()
    begun = time.perf_counter()
    for obj in pods:
        api.create(obj)
    return PODS / (time.perf_counter() - begun)


def measure() -> Iterator[Figure]:
    seconds = median(start_seconds() for _ in range(5))
    yield Figure("cluster_start_seconds", seconds, "s", 0.3, "lower")
    rate = median(pods_per_second() for _ in range(3))
    yield Figure("cluster_created_to_available_pods_per_second", rate, "pods/s", 2000, "higher")
    alike = median(creates_per_second(alike=True) for _ in range(3))
    yield Figure("cluster_pod_creates_per_second", alike, "pods/s", 5000, "higher")
    each = median(creates_per_second(alike=False) for _ in range(3))
    yield Figure("cluster_distinct_pod_creates_per_second", each, "pods/s", None, "higher")
