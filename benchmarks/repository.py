"""A thousand components in ten environments: how long `gitrel validate` takes cold, unchanged, and after one
changed parameter, and `gitrel diff` of one component's change, as whole processes in a temporary folder.

Each component has two released versions and `current`, each of a template that reads the environment and its
parameters, and of one plain file; eight pointers are bare links, two carry parameters of their own.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, sized

COMPONENTS = sized(1_000, least=10)
ENVIRONMENTS = 10
OWN_PARAMETERS = (8, 9)
"""The environments in which each component has parameters of its own."""

_PIPELINE = """\
apiVersion: gitrel.dev/v1alpha1
kind: Pipeline
metadata: {name: large}
spec:
  defaults: {meanTimeToSmoke: 10m, soakFactor: 2}
  parameters: {registry: registry.example.com, replicas: 2}
"""
_ENVIRONMENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Environment
metadata: {name: NAME}
spec:
  role: region
  traffic: TRAFFIC
  namespace: shop
  parameters:
    zone: zone-TRAFFIC
    unread: 0
"""
_COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {name: NAME}
spec:
  minReadySeconds: 10
  parameters:
    image: shop/NAME
    limits: {cpu: 500m, memory: 256Mi}
  flags: {fastPath: false}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ component }}
  labels: {app: {{ component | tojson }}, region: {{ environment.name | tojson }}}
spec:
  replicas: {{ parameters.replicas }}
  selector: {matchLabels: {app: {{ component | tojson }}}}
  template:
    metadata: {labels: {app: {{ component | tojson }}}}
    spec:
      containers:
        - name: main
          image: "{{ parameters.registry }}/{{ parameters.image }}:VERSION"
          env:
            - {name: ZONE, value: {{ parameters.zone | tojson }}}
            - {name: FAST, value: {{ flags.fastPath | string | tojson }}}
          ports: [{containerPort: 8080}]
          readinessProbe: {httpGet: {path: /ready, port: 8080}}
          resources:
            limits: {{ parameters.limits | tojson }}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec:
  selector: {app: NAME}
  ports: [{port: 80, targetPort: 8080}]
"""


def write(root: Path, components: int = COMPONENTS, environments: int = ENVIRONMENTS) -> Path:
    """Lays the repository out in `root`."""
    _put(root / "environments/pipeline.yaml", _PIPELINE)
    names = [f"region-{number}" for number in range(environments)]
    for number, name in enumerate(names):
        text = _ENVIRONMENT.replace("NAME", name).replace("TRAFFIC", str(number))
        _put(root / f"environments/{name}.yaml", text)
    for number in range(components):
        _write_component(root / "apps", f"component-{number:04d}", names)
    return root


def _write_component(apps: Path, name: str, environments: list[str]) -> None:
    folder = apps / name
    _put(folder / "component.yaml", _COMPONENT.replace("NAME", name))
    for version in ("v1", "v2", "current"):
        _put(folder / version / f"{name}-deployment.yaml.j2", DEPLOYMENT.replace("VERSION", version))
        _put(folder / version / f"{name}-service.yaml", SERVICE.replace("NAME", name))
    for number, environment in enumerate(environments):
        version = "v2" if number < len(environments) // 2 else "v1"
        if number in OWN_PARAMETERS:
            text = f"parameters:\n  replicas: {number}\n  owner: {name}\n"
            _put(folder / environment / f"{environment}-parameters.yaml", text)
            (folder / environment / "templates").symlink_to(f"../{version}")
        else:
            (folder / environment).symlink_to(version)


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def validate(root: Path, cache: Path) -> float:
    """Seconds that one `gitrel validate` takes; it must find nothing wrong."""
    return _timed(root, cache, 0, "validate")


def _timed(root: Path, cache: Path, code: int, *words: str) -> float:
    """Seconds of one process, which has to end with `code`."""
    program = str(Path(sys.executable).with_name("gitrel"))
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "XDG_STATE_HOME": str(cache / "state")}
    begun = time.perf_counter()
    done = subprocess.run([program, *words, "-C", str(root)], env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - begun
    assert done.returncode == code, done.stderr
    return seconds


def _commit(root: Path) -> None:
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-q", "-m", "Lay it out"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        root, cache = write(Path(folder) / "repository"), Path(folder) / "cache"
        yield Figure("validate_cold_seconds", validate(root, cache), "s", 60, "lower")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        yield Figure("validate_peak_memory", peak, "MiB", 600, "lower")
        yield Figure("validate_unchanged_seconds", validate(root, cache), "s", 2, "lower")
        changed = f"component-{COMPONENTS // 2:04d}"
        component = root / f"apps/{changed}/region-8/region-8-parameters.yaml"
        component.write_text(f"parameters:\n  replicas: 7\n  owner: {changed}\n", encoding="utf-8")
        seconds = validate(root, cache)
        yield Figure("validate_one_parameter_changed_seconds", seconds, "s", 3, "lower")
        shared = root / "environments/region-3.yaml"
        shared.write_text(
            shared.read_text(encoding="utf-8").replace("unread: 0", "unread: 1"), encoding="utf-8"
        )
        yield Figure("validate_unread_parameter_changed_seconds", validate(root, cache), "s", 3, "lower")
        _commit(root)
        component.write_text(f"parameters:\n  replicas: 9\n  owner: {changed}\n", encoding="utf-8")
        seconds = _timed(root, cache, 1, "diff", "--base", "HEAD")
        yield Figure("diff_one_component_seconds", seconds, "s", 3, "lower")
