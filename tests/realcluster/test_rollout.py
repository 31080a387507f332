"""One release through a real control plane and a bundled one, with the commands that a person types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from gitrel.repo.git.creation import create
from tests import small
from tests.realcluster.conftest import RealPlane


def lay_out(folder: Path, namespace: str) -> None:
    """The small repository with its first region real, and timers of seconds."""
    small.write(folder)
    pipeline = folder / "environments/pipeline.yaml"
    text = pipeline.read_text(encoding="utf-8")
    pipeline.write_text(text.replace("meanTimeToSmoke: 10m", "meanTimeToSmoke: 1s"), encoding="utf-8")
    quiet = folder / "environments/quiet.yaml"
    text = quiet.read_text(encoding="utf-8")
    real = text.replace("{embedded: {nodes: 1}}", "{kubernetes: {context: real}}")
    quiet.write_text(real.replace("namespace: shop", f"namespace: {namespace}"), encoding="utf-8")
    create(folder, message="Begin", author=small.AUTHOR, at=small.START)


def test_a_release_goes_through_a_real_region_and_a_bundled_one(
    tmp_path: Path, real_plane: RealPlane
) -> None:
    """reconcile, promote, wait: v2 runs in both, the old ConfigMap is pruned, the schedule was kept."""
    lay_out(tmp_path, real_plane.namespace)

    def gitrel(*words: str) -> str:
        environ = os.environ | {"KUBECONFIG": str(real_plane.kubeconfig)}
        command = [sys.executable, "-m", "gitrel", *words, "-C", str(tmp_path)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=110)
        assert done.returncode == 0, done.stderr
        return done.stdout

    gitrel("reconcile", "--wait", "--timeout", "90s")
    gitrel("promote", "web", "v2", "--wait", "--timeout", "90s", "--reason", "proof")
    status = json.loads(gitrel("status", "-o", "json"))
    cells = {cell["environment"]: cell["version"] for cell in status["items"][0]["cells"]}
    assert cells == {"quiet": "v2", "busy": "v2"}
    assert images(real_plane) == ["example.com/web:v2"]
    names = [m["metadata"]["name"] for m in real_plane.backend.list("v1", "ConfigMap", real_plane.namespace)]
    assert names == ["gitrel-web", "kube-root-ca.crt", "web-v2"]
    assert "every step kept to the schedule" in gitrel("rollout", "verify", "-o", "table")


def images(plane: RealPlane) -> list[str]:
    found = plane.backend.list("apps/v1", "Deployment", plane.namespace)
    return [d["spec"]["template"]["spec"]["containers"][0]["image"] for d in found]
