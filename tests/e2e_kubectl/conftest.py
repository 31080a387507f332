"""The real kubectl, on a cluster of its own for each module."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gitrel.cluster.server.bringup import served

FOUND = os.environ.get("GITREL_KUBECTL") or shutil.which("kubectl")
"""The one on the PATH, or another one that is to be tried."""


class Kubectl:
    """Runs one kubectl against one cluster, with nothing of the user's around it."""

    def __init__(self, program: str, kubeconfig: Path, home: Path) -> None:
        self.program = program
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KUBECONFIG": str(kubeconfig),
            "KUBECACHEDIR": str(home / "cache"),
        }

    def run(
        self, *arguments: str, stdin: str = "", code: int = 0, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.program, *arguments],
            input=stdin,
            env={**self.environment, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """What it says on stdout; on stderr where it is to fail."""
        done = self.run(*arguments, stdin=stdin, code=code)
        return done.stderr if code else done.stdout


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cluster")
    with served(folder):
        yield folder / "kubeconfig"


@pytest.fixture(scope="module")
def kubectl(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    if FOUND is None:
        pytest.skip("there is no kubectl on this machine: the bundled cluster is not tried with it")
    return Kubectl(FOUND, kubeconfig, tmp_path_factory.mktemp("home"))
