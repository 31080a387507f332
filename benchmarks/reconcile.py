"""A thousand components: how long passes of `gitrel reconcile` take that begin with nothing in memory.

Each pass is what a CI job does: open the repository and the journal, read, judge, compare with the clusters,
decide, record. The clusters are bundled ones in memory, on a virtual clock, and outlive the passes; what one
of them costs to open from its file is measured in `cluster`. The cold pass renders and applies everything.

Passes run with the garbage collector as `gitrel` sets it, and with the clusters out of its sight: in a CI job
they are not in this process. Memory is what one pass allocates at its peak, by tracemalloc: the clusters and
the program itself do not count.
"""

from __future__ import annotations

import gc
import os
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import repository
from benchmarks.figure import Figure, sized
from gitrel.__main__ import GARBAGE_THRESHOLD
from gitrel.app import read_catalog, world
from gitrel.orchestrator.reconcile import reconcile
from gitrel.orchestrator.world import PassReport
from gitrel.rehearsal.fleet import Fleet

COMPONENTS = sized(1_000, least=10)
ENVIRONMENTS = 10
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
ACTOR = "Bench <bench@example.com>"
_PODS_PER_NODE = 50


TARGETS = {
    1: {"cold_seconds": 60.0, "unchanged_seconds": 2.0, "one_changed_seconds": 3.0},
    ENVIRONMENTS: {"unchanged_seconds": 5.0, "unchanged_warm_seconds": 2.0, "unchanged_own_memory": 600.0},
}
"""By the number of environments."""


def measure() -> Iterator[Figure]:
    with _collecting_as_gitrel_does():
        for environments, targets in TARGETS.items():
            for name, value in _passes(COMPONENTS, environments).items():
                unit = "s" if name.endswith("_seconds") else "MiB"
                place = f"reconcile_1000_by_{environments}_{name}"
                yield Figure(place, value, unit, targets.get(name), "lower")


def _passes(components: int, environments: int) -> dict[str, float]:
    """Seconds and MiB by what had changed."""
    with tempfile.TemporaryDirectory(prefix="gitrel-bench-") as folder, _own_cache(Path(folder)):
        root = _repository(Path(folder) / "repository", components, environments)
        catalog, _ = read_catalog(root)
        fleet = Fleet(catalog, START)
        found = {"cold_seconds": _cold(root, fleet)}
        gc.collect()
        gc.freeze()
        found["unchanged_seconds"], report = _pass(root, fleet)
        assert not report.outcomes
        found["unchanged_warm_seconds"] = _warm_pass(root, fleet)
        found["unchanged_own_memory"] = _memory_of_pass(root, fleet)
        changed = root / f"apps/component-{components // 2:04d}/component.yaml"
        changed.write_text(changed.read_text(encoding="utf-8").replace("256Mi", "128Mi"), encoding="utf-8")
        _git(root, "commit", "-qam", "Less memory")
        found["one_changed_seconds"], report = _pass(root, fleet)
        assert report.outcomes
        gc.unfreeze()
        return found


def _cold(root: Path, fleet: Fleet) -> float:
    """All passes in which something was done, until every component runs everywhere."""
    cold, report = _pass(root, fleet)
    while any(rollout.status != "passed" for rollout in report.rollouts.values()):
        fleet.advance_to(fleet.clock.now() + timedelta(minutes=1))
        took, report = _pass(root, fleet)
        cold += took if report.outcomes else 0.0
    return cold


def _pass(root: Path, fleet: Fleet) -> tuple[float, PassReport]:
    begun = time.perf_counter()
    with world(root, actor=ACTOR, clock=fleet.clock, connect=fleet.connect, cache=True) as it:
        report = reconcile(it)
    took = time.perf_counter() - begun
    assert not report.errors, report.errors[0].error
    return took, report


def _warm_pass(root: Path, fleet: Fleet) -> float:
    """The second pass of one process, as the daemon makes them."""
    with world(root, actor=ACTOR, clock=fleet.clock, connect=fleet.connect, cache=True) as it:
        reconcile(it)
        begun = time.perf_counter()
        assert not reconcile(it).outcomes
        return time.perf_counter() - begun


def _memory_of_pass(root: Path, fleet: Fleet) -> float:
    tracemalloc.start()
    try:
        _pass(root, fleet)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


@contextmanager
def _collecting_as_gitrel_does() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(GARBAGE_THRESHOLD, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _repository(root: Path, components: int, environments: int) -> Path:
    """The repository of `repository`, with one small pod for each component and nodes enough for them."""
    repository.write(root, components, environments)
    for file in root.glob("apps/*/*/*-deployment.yaml.j2"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("replicas: {{ parameters.replicas }}", "replicas: 1"), encoding="utf-8")
    for file in root.glob("apps/*/component.yaml"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("500m", "10m"), encoding="utf-8")
    nodes = components // _PODS_PER_NODE + 60
    for file in root.glob("environments/region-*.yaml"):
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"  cluster: {{embedded: {{nodes: {nodes}}}}}\n")
    _git(root, "init", "-q", "-b", "main")
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "Begin")
    return root


def _git(root: Path, *arguments: str) -> None:
    command = ("git", "-c", "user.name=Bench", "-c", "user.email=bench@example.com", *arguments)
    subprocess.run(command, cwd=root, check=True, capture_output=True)


@contextmanager
def _own_cache(folder: Path) -> Iterator[None]:
    """A render cache that is empty at first, and nobody's."""
    names = {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_STATE_HOME": str(folder / "state")}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
