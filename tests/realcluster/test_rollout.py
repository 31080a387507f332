"""One release through a real control plane and a bundled one, with the commands that a person types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitrel.backends.kubernetes.backend import KubernetesBackend, open_kubernetes
from gitrel.repo.git.creation import create
from tests import small
from tests.contract.conftest import NODE, namespace
from tests.realcluster.plane import assets, control_plane


def lay_out(folder: Path) -> None:
    """The small repository with its first region real, and timers of seconds."""
    small.write(folder)
    pipeline = folder / "environments/pipeline.yaml"
    text = pipeline.read_text(encoding="utf-8")
    pipeline.write_text(text.replace("meanTimeToSmoke: 10m", "meanTimeToSmoke: 1s"), encoding="utf-8")
    quiet = folder / "environments/quiet.yaml"
    text = quiet.read_text(encoding="utf-8")
    real = text.replace("{embedded: {nodes: 1}}", "{kubernetes: {context: real}}")
    quiet.write_text(real, encoding="utf-8")
    create(folder, message="Begin", author=small.AUTHOR, at=small.START)


def test_a_release_goes_through_a_real_region_and_a_bundled_one(tmp_path: Path) -> None:
    """reconcile, promote, wait: v2 runs in both, the old ConfigMap is pruned, the schedule was kept."""
    binaries = assets()
    if binaries is None:
        pytest.skip("no real control plane: `make test-realcluster` builds one and runs these tests")
    plane, repo = tmp_path / "plane", tmp_path / "repo"
    plane.mkdir()
    repo.mkdir()
    lay_out(repo)
    with control_plane(binaries, plane) as kubeconfig:
        backend = open_kubernetes("real", "real", kubeconfig=str(kubeconfig))
        backend.apply(NODE)
        backend.apply(namespace("shop"))

        def gitrel(*words: str) -> str:
            environ = os.environ | {"KUBECONFIG": str(kubeconfig)}
            command = [sys.executable, "-m", "gitrel", *words, "-C", str(repo)]
            done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=110)
            assert done.returncode == 0, done.stderr
            return done.stdout

        gitrel("reconcile", "--wait", "--timeout", "90s")
        gitrel("promote", "web", "v2", "--wait", "--timeout", "90s", "--reason", "proof")
        status = json.loads(gitrel("status", "-o", "json"))
        cells = {cell["environment"]: cell["version"] for cell in status["items"][0]["cells"]}
        assert cells == {"quiet": "v2", "busy": "v2"}
        assert images(backend) == ["example.com/web:v2"]
        names = [m["metadata"]["name"] for m in backend.list("v1", "ConfigMap", "shop")]
        assert names == ["gitrel-web", "kube-root-ca.crt", "web-v2"]
        assert "every step kept to the schedule" in gitrel("rollout", "verify", "-o", "table")
        backend.close()


def images(backend: KubernetesBackend) -> list[str]:
    found = backend.list("apps/v1", "Deployment", "shop")
    return [d["spec"]["template"]["spec"]["containers"][0]["image"] for d in found]
