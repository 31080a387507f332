"""Rendering one release, beside the tools that people would use instead: kustomize and helm.

A peer is measured where it is on the PATH, in the same run and on the same two objects. Both are started
once for each release, as a pipeline does; gitrel renders in the child process that it keeps.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks import repository
from benchmarks.figure import Figure, sized
from gitrel.app import read_catalog, renderer

RELEASES = sized(200, least=10)
RUNS = sized(11, least=2)
_CHART = "apiVersion: v2\nname: component\nversion: 0.0.1\n"
_KUSTOMIZATION = "resources: [deployment.yaml, service.yaml]\n"


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="gitrel-bench-") as folder:
        ours = _gitrel(Path(folder) / "repository")
        yield Figure("render_release_ms", ours * 1e3, "ms", None, "lower")
        for name, prepare in (("kustomize", _kustomize), ("helm", _helm)):
            command = prepare(Path(folder) / name)
            if command is None:
                continue
            theirs = median(_seconds(command) for _ in range(RUNS))
            yield Figure(f"render_release_{name}_ms", theirs * 1e3, "ms", None, "lower")
            yield Figure(f"render_release_times_faster_than_{name}", theirs / ours, "times", None, "higher")


def _gitrel(root: Path) -> float:
    """Seconds for each release, validated against the schema too, without the start of the child process."""
    catalog, _ = read_catalog(repository.write(root, RELEASES, 1))
    with renderer() as render:
        names = sorted(catalog.components)
        render(catalog, names[0], "current", "region-0")
        begun = time.perf_counter()
        for name in names:
            assert not render(catalog, name, "v2", "region-0").problems
        return (time.perf_counter() - begun) / len(names)


def _seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


def _kustomize(folder: Path) -> list[str] | None:
    if shutil.which("kubectl") is None:
        return None
    _objects(folder, lambda text: text)
    (folder / "kustomization.yaml").write_text(_KUSTOMIZATION, encoding="utf-8")
    return ["kubectl", "kustomize", str(folder)]


def _helm(folder: Path) -> list[str] | None:
    if shutil.which("helm") is None:
        return None
    _objects(
        folder / "templates", lambda text: text.replace("replicas: 2", "replicas: {{ .Values.replicas }}")
    )
    (folder / "Chart.yaml").write_text(_CHART, encoding="utf-8")
    (folder / "values.yaml").write_text("replicas: 2\n", encoding="utf-8")
    return ["helm", "template", "component", str(folder)]


def _objects(folder: Path, template: Callable[[str], str]) -> None:
    """The Deployment and the Service of `repository`, filled in."""
    values = {
        "{{ component }}": "component",
        "{{ component | tojson }}": "component",
        "{{ environment.name | tojson }}": "region-0",
        "{{ parameters.replicas }}": "2",
        "{{ parameters.registry }}": "registry.example.com",
        "{{ parameters.image }}": "shop/component",
        "{{ parameters.zone | tojson }}": "zone-0",
        "{{ flags.fastPath | string | tojson }}": '"False"',
        "{{ parameters.limits | tojson }}": "{cpu: 500m, memory: 256Mi}",
    }
    text = repository.DEPLOYMENT.replace("VERSION", "v2")
    for name, value in values.items():
        text = text.replace(name, value)
    folder.mkdir(parents=True)
    (folder / "deployment.yaml").write_text(template(text), encoding="utf-8")
    (folder / "service.yaml").write_text(repository.SERVICE.replace("NAME", "component"), encoding="utf-8")
