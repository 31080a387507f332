"""Nothing that matters is kept in memory: a cluster that is forked or reopened goes on as it would have."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.cluster.cluster import Cluster
from gitrel.cluster.controllers.controller import Controller
from gitrel.cluster.controllers.registry import controllers
from gitrel.cluster.spec import ClusterSpec, NodePool
from gitrel.kube.identity import Object
from tests.cluster.controllers.podstarter import PodStarter
from tests.cluster.controllers.stories import DEPLOYMENTS, JOBS, change, forward, set_image
from tests.cluster.controllers.test_job_stories import job
from tests.cluster.harness import deployment

KEPT = (DEPLOYMENTS, "replicasets.apps", JOBS, "pods", "endpointslices.discovery.k8s.io")


def parts(spec: ClusterSpec) -> tuple[Controller, ...]:
    return (*controllers(), PodStarter(start_seconds=3))


def busy(path: Path | None = None) -> Cluster:
    """A rolling update, a scaling, a stuck rollout and a Job that backs off, all at once."""
    spec = ClusterSpec(nodes=(NodePool(count=1),))
    c = Cluster.open(path, spec, controllers=parts) if path else Cluster(spec, controllers=parts)
    for name in ("web", "stuck"):
        c.writer.create(DEPLOYMENTS, deployment(name, 4, progressDeadlineSeconds=60, minReadySeconds=5))
    forward(c, 20)
    set_image(c, "web", "app:2")
    set_image(c, "stuck", "broken:2")
    c.writer.create(JOBS, job(image="crash:1", backoffLimit=4))
    forward(c, 12)
    change(c, DEPLOYMENTS, "web", "spec", "replicas", to=6)
    return c


def outcome(c: Cluster) -> list[Object]:
    """What stands in the end, without what only says how many writes it took."""
    forward(c, 600)
    found = []
    for resource in KEPT:
        for obj in c.reader.list(resource, "default"):
            metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
            found.append({**obj, "metadata": metadata})
    return found


def test_a_fork_goes_on_like_its_original() -> None:
    """Proves that two clusters from one moment end the same."""
    original = busy()
    fork = original.fork()
    assert outcome(fork) == outcome(original)


@pytest.mark.parametrize("slept", [0, 7, 300])
def test_a_reopened_cluster_plays_what_fell_due(tmp_path: Path, slept: int) -> None:
    """Proves that after a restart every timer is found again in the objects: rollouts end, the stuck one
    times out, and the Job is retried as often as it was allowed."""
    c = busy(tmp_path / "cluster")
    forward(c, slept)
    c.close()
    again = Cluster.open(tmp_path / "cluster", controllers=parts)
    objects = {(o["kind"], o["metadata"]["name"]): o for o in outcome(again)}
    assert objects["Deployment", "web"]["status"]["updatedReplicas"] == 6
    reasons = [c["reason"] for c in objects["Deployment", "stuck"]["status"]["conditions"]]
    assert "ProgressDeadlineExceeded" in reasons
    assert objects["Job", "j"]["status"]["failed"] == 5
    again.close()
