"""`make demo-realcluster`: the demo with two regions on real control planes that live as long as it does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gitrel.backends.kubernetes.backend import open_kubernetes
from tests.realcluster.conftest import node
from tests.realcluster.plane import assets, control_plane

REGIONS = {"eastus": "east", "asia": "far-east"}
"""Region → context. The two that come first after the stages: a quiet one and a busy one."""


@contextmanager
def two_planes(binaries: Path, folder: Path) -> Iterator[str]:
    """Both running, with nodes; gives the value of KUBECONFIG that names both contexts."""
    east, asia = REGIONS.values()
    for name in (east, asia):
        (folder / name).mkdir()
    with (
        control_plane(binaries, folder / east, east) as first,
        control_plane(binaries, folder / asia, asia) as second,
    ):
        for plane in (first, second):
            backend = open_kubernetes(plane.name, plane.name, kubeconfig=str(plane.kubeconfig))
            for number in range(2):
                backend.apply(node(f"{plane.name}-{number}"))
            backend.close()
        yield os.pathsep.join((str(first.kubeconfig), str(second.kubeconfig)))


def command(*words: str) -> list[str]:
    regions = [
        word for region, context in REGIONS.items() for word in ("--real-region", f"{region}={context}")
    ]
    return [sys.executable, "-m", "gitrel", "demo", *regions, *words]


def main(words: Sequence[str]) -> int:
    binaries = assets()
    if binaries is None:
        print("KUBEBUILDER_ASSETS names no folder with a control plane: use make demo-realcluster")
        return 2
    with tempfile.TemporaryDirectory(prefix="gitrel-planes-") as folder:
        print("Starting two real control planes …", flush=True)
        with two_planes(binaries, Path(folder)) as kubeconfig:
            environ = os.environ | {"KUBECONFIG": kubeconfig}
            return subprocess.run(command(*words), env=environ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
