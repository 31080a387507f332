"""`kill -9` before and after every durable step of a rollout, and what a new start makes of it.

A forked child plays the rollout on a repository and clusters on disk and kills itself at one step; a second
child starts again. Forking makes a start cost milliseconds, so that every step can be tried. What is on disk
after one durable step is what is there before the next, so each such state is tried once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitrel.app import world
from gitrel.backends.backend import Backend
from gitrel.backends.embedded import EmbeddedBackend, spec_of
from gitrel.clock import VirtualClock
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.store.file import ClusterFile
from gitrel.orchestrator.commands import promote
from gitrel.orchestrator.overview import matrix
from gitrel.orchestrator.wait import next_look, reconcile_retrying, settled
from gitrel.orchestrator.world import World
from gitrel.repo.git import GitRepository
from gitrel.repo.model import Environment
from gitrel.rollout.verify import verify
from tests import small

Step = Callable[[str], None]


class Disk:
    """A repository and its clusters on disk, driven by a virtual clock that goes on where they stopped."""

    def __init__(self, folder: Path, step: Step) -> None:
        self._folder = folder
        self._step = step
        self._clusters: list[Cluster] = []
        self.clock = VirtualClock(small.START)

    def connect(self, environment: Environment) -> Backend:
        path = self._folder / "clusters" / environment.name
        cluster = Cluster.open(path, spec_of(environment), clock_start=self.clock.now())
        self._clusters.append(cluster)
        self.clock.advance_to(cluster.now)
        return EmbeddedBackend(cluster, self.clock)

    @contextmanager
    def world(self) -> Iterator[World]:
        with (
            self._steps_told(),
            world(self._folder / "repo", actor=small.AUTHOR, clock=self.clock, connect=self.connect) as it,
        ):
            for entry in it.ledger.history():
                self.clock.advance_to(entry.at)
            yield it

    def advance_to(self, instant: datetime) -> None:
        self.clock.advance_to(instant)
        for cluster in self._clusters:
            cluster.run_until(instant)

    @contextmanager
    def _steps_told(self) -> Iterator[None]:
        """Every durable step of Git and of the clusters' files calls `step` before and after."""
        with pytest.MonkeyPatch.context() as patch:
            commit, init = ClusterFile.commit, GitRepository.__init__

            def told_commit(file: ClusterFile, meta: Any) -> None:
                durable = bool(file._dirty)  # a moved clock alone loses nothing
                if durable:
                    self._step("cluster:before")
                commit(file, meta)
                if durable:
                    self._step("cluster:after")

            def told_init(repository: GitRepository, *args: Any, **kwargs: Any) -> None:
                init(repository, *args, **{**kwargs, "durable": self._step})

            patch.setattr(ClusterFile, "commit", told_commit)
            patch.setattr(GitRepository, "__init__", told_init)
            yield


def play(disk: Disk) -> dict[str, Any]:
    """What `gitrel promote web v2` and `gitrel reconcile --wait` do, on the disk's clock; the end state."""
    with disk.world() as it:
        while True:
            report = reconcile_retrying(it)
            rollout = report.rollouts["web"]
            if settled(report):
                if rollout.version == "v2":
                    return end_state(it)
                promote(it, "web", "v2", reason="test")
                continue
            disk.advance_to(next_look(report, it.clusters.connected(), timedelta(hours=1)))


def end_state(it: World) -> dict[str, Any]:
    """Everything that must not depend on where the run was interrupted. Instants may: work was repeated."""
    catalog, _ = it.source.catalog(it.source.head())
    clusters = {}
    for name, environment in sorted(catalog.environments.items()):
        backend = it.clusters.of(environment)
        deployments = backend.list("apps/v1", "Deployment", "shop")
        images = [d["spec"]["template"]["spec"]["containers"][0]["image"] for d in deployments]
        maps = [m["metadata"]["name"] for m in backend.list("v1", "ConfigMap", "shop")]
        pods = [p["status"]["phase"] for p in backend.list("v1", "Pod", "shop")]
        clusters[name] = {"images": images, "maps": maps, "pods": pods}
    rows = {
        row.component: {name: (c.version, c.pointer, c.phase) for name, c in row.cells.items()}
        for row in matrix(it).rows
    }
    breach = verify(it.ledger.history())
    return {"clusters": clusters, "rows": rows, "breach": str(breach) if breach else None}


def in_child(folder: Path, kill_at: int) -> tuple[int, Any]:
    """Plays in a fork. Gives the wait status, and what the child reported (None when it was killed)."""
    answer = folder / "answer.json"
    answer.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            count = 0

            def step(name: str) -> None:
                nonlocal count
                count += name.endswith(":before")
                if count == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

            state = play(Disk(folder, step))
            answer.write_text(json.dumps({"state": state, "steps": count}), encoding="utf-8")
            code = 0
        except BaseException as error:  # the parent is told, whatever it was
            print(f"child: {error!r}", file=sys.stderr)
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return status, json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else None


def fresh(folder: Path) -> Path:
    (folder / "repo").mkdir(parents=True)
    small.repository(folder / "repo")
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    status, answer = in_child(fresh(tmp_path_factory.mktemp("undisturbed")), kill_at=-1)
    assert status == 0
    return answer


def test_an_undisturbed_run_ends_well(undisturbed: Any) -> None:
    """The yardstick itself is right: v2 everywhere, the old ConfigMap pruned, the schedule kept."""
    state = undisturbed["state"]
    assert state["breach"] is None
    assert set(map(tuple, state["rows"]["web"].values())) == {("v2", "v2", "passed")}
    for cluster in state["clusters"].values():
        assert cluster["images"] == ["example.com/web:v2"]
        assert cluster["maps"] == ["gitrel-web", "web-v2"]
        assert cluster["pods"] == ["Running"]


SHARDS = 4
"""Parts of the test that may run side by side."""


@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_any_durable_step_it_ends_the_same(undisturbed: Any, tmp_path: Path, shard: int) -> None:
    """Whatever step the process dies before or after, starting again ends in the undisturbed state, and the
    journal still proves that the schedule was kept."""
    steps = undisturbed["steps"]
    assert steps > 40
    for kill_at in range(1 + shard, steps + 1, SHARDS):
        folder = fresh(tmp_path / str(kill_at))
        status, answer = in_child(folder, kill_at)
        assert os.WIFSIGNALED(status), f"step {kill_at} was not reached"
        assert answer is None
        status, answer = in_child(folder, kill_at=-1)
        assert status == 0, f"the run after a kill at step {kill_at} failed"
        assert answer["state"] == undisturbed["state"], f"killed at step {kill_at}"
