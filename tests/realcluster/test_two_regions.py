"""The example repository around the world, two of its regions real control planes, in one command."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from gitrel.backends.kubernetes.backend import open_kubernetes
from tests.conftest import NO_PLANE
from tests.realcluster.demo import REGIONS, command, two_planes
from tests.realcluster.plane import assets

SECONDS = 150
"""It takes half of that on two cores that nobody else uses."""


@pytest.mark.timeout(SECONDS + 30)
def test_the_demo_goes_through_two_real_regions(tmp_path: Path) -> None:
    """A good release reaches every place; the bad one is stopped in canary, before either real region."""
    binaries = assets()
    if binaries is None:
        pytest.skip(NO_PLANE)
    planes, kept = tmp_path / "planes", tmp_path / "demo"
    planes.mkdir()
    with two_planes(binaries, planes) as kubeconfig:
        begun = time.monotonic()
        words = command("--directory", str(kept))
        environ = os.environ | {"KUBECONFIG": kubeconfig, "NO_COLOR": "1"}
        done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=SECONDS)
        took = time.monotonic() - begun
        assert done.returncode == 0, done.stderr[-3000:]
        assert "reached development, staging, canary; it was stopped in canary" in done.stdout
        assert "every step kept to the schedule" in done.stdout
        for region, context in REGIONS.items():
            backend = open_kubernetes(region, context, kubeconfig=kubeconfig)
            found = backend.list("apps/v1", "Deployment", f"gitrel-demo-{region}")
            backend.close()
            images = {one["metadata"]["name"]: _image(one) for one in found}
            assert images["frontend"] == "registry.example.com/frontend:2.0.0"
            assert sorted(images) == ["frontend", "queue", "worker"]
            assert f"delete namespace gitrel-demo-{region}" in done.stdout
        again = subprocess.run(
            command("--directory", str(tmp_path / "again")), env=environ, capture_output=True, text=True
        )
        assert again.returncode == 2 and "namespace gitrel-demo-eastus is there already" in again.stderr
    assert took < SECONDS


def _image(deployment: dict[str, object]) -> str:
    spec = deployment["spec"]
    assert isinstance(spec, dict)
    image: str = spec["template"]["spec"]["containers"][0]["image"]
    return image
