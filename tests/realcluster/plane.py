"""A real Kubernetes control plane on loopback: etcd, API server, controller manager, scheduler, and KWOK.

The binaries are looked for where the ecosystem's envtest looks, in the folder that KUBEBUILDER_ASSETS names;
`make realcluster` builds them once from Go modules. Everything is in one temporary folder and ends with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.realcluster.leash import leashed

PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
TOKEN = "realcluster"
START_SECONDS = 90.0
BY_HAND = "gitrel.dev/by-hand"
"""KWOK leaves nodes with this label, and their pods, to the test that made them."""
HURRY = ("--kube-api-qps=300", "--kube-api-burst=600")
"""Tests run side by side; the defaults are meant to spare a server that has others to serve."""
PATIENCE = ("--node-monitor-grace-period=24h",)
"""A KWOK node reports every 20 to 45 seconds and has no lease; by default it is given up after 50. On a busy
machine it is late, all its pods are marked as not ready then, and KWOK never marks them ready again (which a
kubelet does): whatever waits for them waits for ever."""
NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})
CA = "certificates/apiserver.crt"
"""The API server signs for itself."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A running control plane. `pids` are its processes by name; `ca` is what checks its certificate."""

    kubeconfig: Path
    """Its only context is called as the plane is (`real`), and may do everything."""
    server: str
    ca: Path
    token: str
    pids: dict[str, int]
    name: str = "real"


def assets() -> Path | None:
    """The folder with all the binaries, or None."""
    named = os.environ.get("KUBEBUILDER_ASSETS", "")
    folder = Path(named) if named else None
    return folder if folder and all((folder / part).is_file() for part in PARTS) else None


@contextmanager
def control_plane(
    binaries: Path, folder: Path, name: str = "real", more: Mapping[str, Sequence[str]] = NOTHING
) -> Iterator[Plane]:
    """Runs in `folder`, which exists and is empty, until the block ends. It has no nodes yet.

    `more` are further arguments of a part, by its name.
    """
    port, etcd, peer = _free_ports(3)
    _write_secrets(folder)
    server = f"https://127.0.0.1:{port}"
    kubeconfig = write_kubeconfig(folder / "kubeconfig", server, name=name)
    pids: dict[str, int] = {}
    with ExitStack() as running:

        def start(part: str, *arguments: str) -> None:
            pids[part] = running.enter_context(
                _process(folder, [str(binaries / part), *arguments, *more.get(part, ())])
            )

        start(
            "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
            "--log-level=error",
        )
        start(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={folder / 'certificates'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder / 'service-account.pem'}",
            f"--service-account-signing-key-file={folder / 'service-account.pem'}",
            "--endpoint-reconciler-type=none",
        )
        _wait_until_ready(f"https://127.0.0.1:{port}/readyz", folder)
        start(
            "kube-controller-manager",
            f"--kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={folder / 'service-account.pem'}",
            "--leader-elect=false",
            "--secure-port=0",
            *HURRY,
            *PATIENCE,
        )
        start(
            "kube-scheduler",
            f"--kubeconfig={kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
            *HURRY,
        )
        stages = [f"--config={stage}" for stage in sorted((binaries / "stages").glob("*.yaml"))]
        start(
            "kwok",
            f"--kubeconfig={kubeconfig}",
            f"--manage-nodes-with-label-selector=!{BY_HAND}",
            "--server-address=127.0.0.1:0",
            *stages,
        )
        yield Plane(kubeconfig, server, folder / CA, TOKEN, pids, name)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _write_secrets(folder: Path) -> None:
    key = folder / "service-account.pem"
    openssl = shutil.which("openssl")
    assert openssl, "openssl makes the service accounts' key"
    command = [openssl, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n", encoding="utf-8")


def write_kubeconfig(
    path: Path, server: str, *, ca: str = CA, token: str = TOKEN, name: str = "real"
) -> Path:
    """A kubeconfig with one context, called `name`; `ca` is a path, absolute or from the file's folder."""
    path.write_text(
        f"""\
apiVersion: v1
kind: Config
clusters: [{{name: {name}, cluster: {{server: "{server}", certificate-authority: {ca}}}}}]
users: [{{name: {name}-admin, user: {{token: {token}}}}}]
contexts: [{{name: {name}, context: {{cluster: {name}, user: {name}-admin}}}}]
current-context: {name}
""",
        encoding="utf-8",
    )
    return path


@contextmanager
def _process(folder: Path, command: Sequence[str]) -> Iterator[int]:
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as stream:
        running = subprocess.Popen(leashed(command), stdout=stream, stderr=subprocess.STDOUT, cwd=folder)
        try:
            yield running.pid
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _wait_until_ready(url: str, folder: Path) -> None:
    context = ssl._create_unverified_context()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    log = (folder / "kube-apiserver.log").read_text(encoding="utf-8", errors="replace")
    raise AssertionError(f"the API server did not become ready:\n{log[-2000:]}")
