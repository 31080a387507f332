"""A thousand components: how long passes of `gitrel reconcile` take that begin with nothing in memory.

Each pass is what a CI job does: open the repository and the journal, read, judge, compare with the clusters,
decide, record. The clusters are bundled ones in memory, on a virtual clock, and outlive the passes; what one
of them costs to open from its file is measured in `cluster`. The cold pass renders and applies everything.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import repository
from benchmarks.figure import Figure, sized
from gitrel.app import read_catalog, world
from gitrel.orchestrator.reconcile import reconcile
from gitrel.orchestrator.world import PassReport
from gitrel.rehearsal.fleet import Fleet

COMPONENTS = sized(1_000, least=10)
WIDE_COMPONENTS = sized(200, least=5)
WIDE_ENVIRONMENTS = 10
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
ACTOR = "Bench <bench@example.com>"
_PODS_PER_NODE = 50


def measure() -> Iterator[Figure]:
    targets = {"cold": 60.0, "unchanged": 2.0, "one_changed": 3.0}
    for name, seconds in _passes(COMPONENTS, 1).items():
        yield Figure(f"reconcile_1000_components_{name}_seconds", seconds, "s", targets[name], "lower")
    for name, seconds in _passes(WIDE_COMPONENTS, WIDE_ENVIRONMENTS).items():
        yield Figure(f"reconcile_200_by_10_{name}_seconds", seconds, "s", None, "lower")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Figure("reconcile_peak_memory", peak, "MiB", None, "lower")


def _passes(components: int, environments: int) -> dict[str, float]:
    """Seconds by what had changed."""
    with tempfile.TemporaryDirectory(prefix="gitrel-bench-") as folder, _own_cache(Path(folder)):
        root = _repository(Path(folder) / "repository", components, environments)
        catalog, _ = read_catalog(root)
        fleet = Fleet(catalog, START)
        cold, report = _pass(root, fleet)
        while any(rollout.status != "passed" for rollout in report.rollouts.values()):
            fleet.advance_to(fleet.clock.now() + timedelta(minutes=1))
            took, report = _pass(root, fleet)
            cold += took if report.outcomes else 0.0
        unchanged, report = _pass(root, fleet)
        assert not report.outcomes
        changed = root / f"apps/component-{components // 2:04d}/component.yaml"
        changed.write_text(changed.read_text(encoding="utf-8").replace("256Mi", "128Mi"), encoding="utf-8")
        _git(root, "commit", "-qam", "Less memory")
        one, report = _pass(root, fleet)
        assert report.outcomes
        return {"cold": cold, "unchanged": unchanged, "one_changed": one}


def _pass(root: Path, fleet: Fleet) -> tuple[float, PassReport]:
    begun = time.perf_counter()
    with world(root, actor=ACTOR, clock=fleet.clock, connect=fleet.connect, cache=True) as it:
        report = reconcile(it)
    took = time.perf_counter() - begun
    assert not report.errors, report.errors[0].error
    return took, report


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
