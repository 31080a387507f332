"""A repository with one component in two regions, the first of them real: what releases are tried out on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import yaml

from gitrel import app
from gitrel.backends.backend import Backend
from gitrel.backends.embedded import open_embedded
from gitrel.backends.kubernetes.backend import open_kubernetes
from gitrel.backends.kubernetes.requests import Limits
from gitrel.clock import SystemClock
from gitrel.events import EventStream
from gitrel.kube.identity import Object
from gitrel.orchestrator.world import World
from gitrel.repo.git.creation import create
from gitrel.repo.model import Environment
from tests import small

SECONDS = 110
HASTY = Limits(connect=1.0, read=5.0, total=8.0)
Version = Mapping[str, Object]
"""File name → object."""


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return self.out + self.err


@dataclass(frozen=True, slots=True)
class Site:
    """`kubeconfig`'s context `real` is the region `quiet`, which comes first; `busy` is bundled."""

    folder: Path
    kubeconfig: Path
    namespace: str

    def gitrel(self, *words: str) -> Done:
        """The command as a person types it. Whatever it says, no traceback may be in it."""
        environ = os.environ | {"KUBECONFIG": str(self.kubeconfig), "NO_COLOR": "1"}
        command = [sys.executable, "-m", "gitrel", *words, "-C", str(self.folder)]
        run = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=SECONDS)
        assert "Traceback" not in run.stderr, run.stderr
        return Done(run.returncode, run.stdout, run.stderr)

    def good(self, *words: str) -> str:
        done = self.gitrel(*words)
        assert done.code == 0, done.told
        return done.out

    @contextmanager
    def world(self) -> Iterator[World]:
        """The same without a process of its own, and impatient with the real cluster."""

        def connect(environment: Environment) -> Backend:
            if environment.cluster.backend == "kubernetes":
                return open_kubernetes(
                    environment.name, "real", kubeconfig=str(self.kubeconfig), limits=HASTY
                )
            return open_embedded(self.folder / ".gitrel/clusters/busy", environment, SystemClock())

        with app.world(self.folder, actor=small.AUTHOR, connect=connect, events=EventStream()) as world:
            yield world

    def phase(self, environment: str = "quiet") -> str:
        """Where the first component's rollout stands there."""
        status = orjson.loads(self.good("status", "-o", "json"))
        cells = {cell["environment"]: cell for cell in status["items"][0]["cells"]}
        phase: str = cells[environment]["phase"]
        return phase


def lay_out(
    folder: Path,
    kubeconfig: Path,
    namespace: str,
    versions: Mapping[str, Version],
    *,
    at: str = "v1",
    defaults: Mapping[str, object] | None = None,
) -> Site:
    """Writes and commits the repository; both pointers say `at`. `defaults` are added to the pipeline's."""
    waves = [{"name": "first", "environments": ["quiet"]}, {"name": "then", "environments": ["busy"]}]
    timers: dict[str, object] = {
        "minReadySeconds": 1,
        "meanTimeToSmoke": "1s",
        "soakFactor": 1,
        "onFailure": "hold",
    }
    spec: dict[str, object] = {"waves": waves, "defaults": timers | dict(defaults or {})}
    _write(folder / "environments/pipeline.yaml", _document("Pipeline", "small", spec))
    clusters = {"quiet": {"kubernetes": {"context": "real"}}, "busy": {"embedded": {"nodes": 1}}}
    for traffic, (name, cluster) in enumerate(clusters.items()):
        spec = {"role": "region", "traffic": traffic, "namespace": namespace, "cluster": cluster}
        _write(folder / f"environments/{name}.yaml", _document("Environment", name, spec))
    _write(folder / "apps/web/component.yaml", _document("Component", "web", {"renderer": "plain"}))
    for version, files in versions.items():
        for name, obj in files.items():
            _write(folder / f"apps/web/{version}/{name}", obj)
    for name in clusters:
        (folder / "apps/web" / name).symlink_to(at)
    create(folder, message="Begin", author=small.AUTHOR, at=small.START)
    return Site(folder, kubeconfig, namespace)


def _document(kind: str, name: str, spec: object) -> Mapping[str, object]:
    return {"apiVersion": "gitrel.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _write(path: Path, document: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str = "web", image: str = "example.com/web:v1", **spec: object) -> Object:
    labels = {"app": name}
    pod = {"containers": [{"name": name, "image": image}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    full = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": full}
