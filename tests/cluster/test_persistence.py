"""A cluster in a file: what survives, who may open it, and what is played when it wakes up."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gitrel.clock import VirtualClock
from gitrel.cluster.cluster import EPOCH, Cluster
from gitrel.cluster.spec import ClusterSpec, NodePool
from gitrel.cluster.store.file import InUse, Unreadable
from gitrel.errors import UsageError
from gitrel.kube.conditions import is_true
from tests.cluster.harness import container, deployment, get

SPEC = ClusterSpec(seed=3, nodes=(NodePool(count=2),))


def config_map(name: str, **data: str) -> Any:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def state(cluster: Cluster) -> dict[str, Any]:
    """Everything that is stored, by resource."""
    return {resource: list(cluster.reader.list(resource)) for resource in cluster.store.resources()}


def nonempty(found: dict[str, Any]) -> dict[str, Any]:
    return {resource: objects for resource, objects in found.items() if objects}


def test_a_reopened_cluster_goes_on_where_it_stood(tmp_path: Path) -> None:
    """Objects, revision, time, randomness and timers: an hour later both lives are in the same state."""
    straight = Cluster(SPEC)
    straight.settle()
    straight.api.create(deployment("web"))
    straight.advance(timedelta(seconds=2))
    with Cluster.open(tmp_path / "c", SPEC) as first:
        first.api.create(deployment("web"))
        first.advance(timedelta(seconds=2))
        assert state(first) == state(straight)
    with Cluster.open(tmp_path / "c") as second:
        assert (second.now, second.revision) == (straight.now, straight.revision)
        assert nonempty(state(second)) == nonempty(state(straight))
        for cluster in (straight, second):
            cluster.advance(timedelta(minutes=30))
        assert is_true(get(second, "deployments.apps", "default", "web"), "Available")
        assert nonempty(state(second)) == nonempty(state(straight))
        assert second.api.create(config_map("x")) == straight.api.create(config_map("x"))


def test_what_was_deleted_stays_deleted(tmp_path: Path) -> None:
    """Also where it was written in one batch and deleted in another, or both in one."""
    with Cluster.open(tmp_path / "c", SPEC) as first:
        first.api.create(config_map("old"))
        first.settle()
        first.api.delete("configmaps", "old", "default")
        first.api.create(config_map("brief"))
        first.api.delete("configmaps", "brief", "default")
        first.api.create(config_map("new"))
        revision = first.revision
    with Cluster.open(tmp_path / "c") as second:
        assert [o["metadata"]["name"] for o in second.reader.list("configmaps")] == ["new"]
        assert second.revision == revision


def test_opening_wakes_nobody_who_has_nothing_to_do(tmp_path: Path) -> None:
    """Looking at everything again after a restart changes nothing in a cluster at rest."""
    with Cluster.open(tmp_path / "c", SPEC) as first:
        first.api.create(deployment("web"))
        first.advance(timedelta(minutes=5))
        revision = first.revision
    with Cluster.open(tmp_path / "c") as second:
        assert second.revision == revision


def test_only_one_process_has_it(tmp_path: Path) -> None:
    """A second opening says that it is in use, and by whom; after closing it works."""
    with Cluster.open(tmp_path / "c", SPEC), pytest.raises(InUse, match=f"in use by process {os.getpid()}"):
        Cluster.open(tmp_path / "c")
    Cluster.open(tmp_path / "c").close()


def test_what_is_kept_is_private(tmp_path: Path) -> None:
    """The directory and the files in it are for their owner alone: they hold Secrets."""
    with Cluster.open(tmp_path / "c", SPEC):
        assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o700
        assert {stat.S_IMODE(f.stat().st_mode) & 0o077 for f in (tmp_path / "c").iterdir()} == {0}


def test_another_spec_is_refused(tmp_path: Path) -> None:
    """A cluster is not silently made over; behaviours, which only say how it runs, may change."""
    Cluster.open(tmp_path / "c", SPEC).close()
    with pytest.raises(UsageError, match="was made from another spec"):
        Cluster.open(tmp_path / "c", ClusterSpec(seed=4, nodes=SPEC.nodes))
    rules = ({"image": "*", "startSeconds": 2},)
    Cluster.open(tmp_path / "c", ClusterSpec(seed=3, nodes=SPEC.nodes, behaviours=rules)).close()


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """Neither garbage nor a file of another format is touched, and the lock is let go."""
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "cluster.db").write_bytes(b"this is no database at all" * 100)
    for _ in range(2):
        with pytest.raises(Unreadable, match="cannot be read as a cluster"):
            Cluster.open(tmp_path / "c")
    Cluster.open(tmp_path / "d", SPEC).close()
    with sqlite3.connect(tmp_path / "d" / "cluster.db") as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    db.close()
    with pytest.raises(Unreadable, match="has format 99"):
        Cluster.open(tmp_path / "d")


def test_what_fell_due_is_played_each_thing_at_its_own_instant(tmp_path: Path) -> None:
    """A cluster on an outside clock sleeps through a job, and wakes to find it done at the time it should
    be.
    """
    clock = VirtualClock(EPOCH)
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": "default"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container()]}}},
    }
    with Cluster.open(tmp_path / "c", SPEC, clock=clock) as first:
        first.api.create(job)
        first.settle()
    clock.advance(timedelta(hours=8))
    with Cluster.open(tmp_path / "c", clock=clock) as second:
        assert second.now == clock.now()
        done = get(second, "jobs.batch", "default", "j")
        assert is_true(done, "Complete")
        assert done["status"]["completionTime"] < "2026-01-01T00:01:00Z"


def test_a_cluster_on_an_outside_clock_cannot_be_moved() -> None:
    """It follows; asking for its API or settling it catches up first."""
    clock = VirtualClock(EPOCH)
    cluster = Cluster(SPEC, clock=clock)
    cluster.api.create(deployment("web"))
    with pytest.raises(UsageError, match="follows the system clock"):
        cluster.advance(timedelta(seconds=1))
    clock.advance(timedelta(minutes=2))
    made = cluster.api.create(config_map("late"))
    assert made["metadata"]["creationTimestamp"] == "2026-01-01T00:02:00Z"
    assert is_true(get(cluster, "deployments.apps", "default", "web"), "Available")


WRITER = """
import sys
from datetime import timedelta
from gitrel.cluster.cluster import Cluster

cluster = Cluster.open(sys.argv[1])
number = 0
while True:
    for half in ("left", "right"):
        metadata = {"name": f"{half}-{number}", "namespace": "default"}
        cluster.api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    cluster.settle()
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("batches", [1, 20])
def test_a_killed_process_loses_at_most_its_open_batch(tmp_path: Path, batches: int) -> None:
    """After kill -9 every batch that was settled is there, none is there by half, and the lock is free."""
    path = tmp_path / "c"
    Cluster.open(path, ClusterSpec(nodes=(), without=("kubelet", "scheduler"))).close()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        settled = 0
        for line in process.stdout:
            settled = int(line) + 1
            if settled == batches:
                process.send_signal(signal.SIGKILL)
                break
    with Cluster.open(path) as cluster:
        names = {obj["metadata"]["name"] for obj in cluster.reader.list("configmaps", "default")}
        kept = len(names) // 2
        assert kept >= settled
        assert names == {f"{half}-{number}" for half in ("left", "right") for number in range(kept)}
        highest = max(int(o["metadata"]["resourceVersion"]) for o in cluster.reader.list("configmaps"))
        assert cluster.revision >= highest
