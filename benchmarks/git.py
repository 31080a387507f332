"""What Git costs: a promotion in a long history, and the first copy of a remote, to read and to act on."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.figure import Figure, median_seconds, sized
from gitrel.app import world
from gitrel.backends.backend import Backend
from gitrel.clock import SystemClock
from gitrel.errors import Unreachable
from gitrel.orchestrator.commands import promote
from gitrel.repo.git.access import Access
from gitrel.repo.git.mirror import Mirror, RemoteSource
from gitrel.repo.git.reading import read_remote
from gitrel.repo.model import Environment

COMMITS = sized(10_000, least=50)
COMPONENTS = sized(100, least=10)
ENVIRONMENTS = tuple(f"e{number}" for number in range(10))
TARGET_SECONDS = 1.0
RUNS = 3
CLOCK = SystemClock()

_ENVIRONMENT = "apiVersion: gitrel.dev/v1alpha1\nkind: Environment\nspec: {cluster: {embedded: {nodes: 1}}}\n"
_PIPELINE = "apiVersion: gitrel.dev/v1alpha1\nkind: Pipeline\n"


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="gitrel-bench-") as folder:
        repository = history(Path(folder) / "config.git")
        promotions = iter(range(COMPONENTS))
        seconds = median_seconds(lambda: promoted(repository, f"c{next(promotions)}"), RUNS)
        yield Figure("promote_10000_commits_s", seconds, "s", TARGET_SECONDS, "lower")
        for name, first in (("read", read), ("act", act)):
            taken = anew(partial(first, repository), Path(folder) / name)
            yield Figure(f"first_copy_to_{name}_10000_commits_s", taken, "s", None, "lower")


def anew(first: Callable[[Path], None], cache: Path) -> float:
    """The seconds of what is done but once with each cache, so that every run gets an empty one."""
    copies = iter(range(RUNS))
    return median_seconds(lambda: first(cache / str(next(copies))), RUNS)


def promoted(repository: Path, component: str) -> None:
    """Everything that `gitrel promote` does before it makes a pass: read, render, look, decide, record."""
    with world(repository, actor="Bench <bench@example.com>", connect=away) as it:
        assert promote(it, component, "v2").changed


def read(repository: Path, cache: Path) -> None:
    read_remote(source(repository, cache), None, CLOCK)


def act(repository: Path, cache: Path) -> None:
    """The whole history, as the first pass on a new machine needs it."""
    mirror = Mirror(source(repository, cache))
    mirror.repository.fetch(mirror.url, [(mirror.branch(), mirror.branch())])
    mirror.close()


def source(repository: Path, cache: Path) -> RemoteSource:
    return RemoteSource(f"file://{repository}", cache, access=Access(transports=frozenset({"file"})))


def away(environment: Environment) -> Backend:
    """What the clusters do is not what is measured."""
    raise Unreachable(f"{environment.name} is away")


def history(path: Path) -> Path:
    """A bare repository with as many pointer moves; made by one process, in seconds."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    stream = "\n".join(_stream()).encode()
    subprocess.run(["git", "fast-import", "--quiet"], cwd=path, input=stream, check=True)
    subprocess.run(["git", "gc", "-q"], cwd=path, check=True)
    return path


def _stream() -> Iterator[str]:
    """In the format of git-fast-import(1)."""
    yield from _commit(0, "Begin")
    yield from _file("environments/pipeline.yaml", _PIPELINE)
    for name in ENVIRONMENTS:
        yield from _file(f"environments/{name}.yaml", _ENVIRONMENT)
    for number in range(COMPONENTS):
        for version in ("current", "v1", "v2"):
            text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}}}\ndata: {{v: {version}}}\n"
            yield from _file(f"apps/c{number}/{version}/c{number}-configmap.yaml", text)
        for name in ENVIRONMENTS:
            yield from _file(f"apps/c{number}/{name}", "v1", "120000")
    for number in range(1, COMMITS):
        component, environment = number % COMPONENTS, ENVIRONMENTS[number // COMPONENTS % len(ENVIRONMENTS)]
        version = "v2" if number // (COMPONENTS * len(ENVIRONMENTS)) % 2 else "v1"
        yield from _commit(number, f"Point c{component} in {environment} at {version}")
        yield from _file(f"apps/c{component}/{environment}", version, "120000")


def _commit(number: int, subject: str) -> Iterator[str]:
    yield "commit refs/heads/main"
    yield f"committer Ada <ada@example.com> {1_700_000_000 + number} +0000"
    yield f"data {len(subject)}"
    yield subject


def _file(path: str, text: str, mode: str = "100644") -> Iterator[str]:
    yield f"M {mode} inline {path}"
    yield f"data {len(text)}"
    yield text
