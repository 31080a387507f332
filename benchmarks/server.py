"""The bundled cluster over HTTPS: how much one process serves to clients on the same machine.

The server is a bare control plane (no scheduler, no kubelets) in memory; clients are plain TLS connections
that stay open, so that it is the server that is measured.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.figure import Figure, sized

CONNECTIONS = 8
PODS = sized(10_000)
GETS = sized(8000)
WATCHES = sized(1000)
_PATH = "/api/v1/namespaces/default/pods"
_SERVE = """
import sys, time
from pathlib import Path
from gitrel.cluster.server.bringup import served
from gitrel.cluster.spec import ClusterSpec
spec = ClusterSpec(nodes=(), without=("scheduler", "kubelet"))
with served(Path(sys.argv[1]), spec, clock="system", tokens=["bench,bench,1"]):
    print("ready", flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    port: int
    tls: ssl.SSLContext

    def memory_mib(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", _SERVE, directory]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        config = yaml.safe_load((Path(directory) / "kubeconfig").read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        authority = b64decode(cluster["certificate-authority-data"]).decode()
        port = int(cluster["server"].rpartition(":")[2])
        try:
            yield Server(process.pid, port, ssl.create_default_context(cadata=authority))
        finally:
            process.stdin.close()
            process.wait()


class Connection:
    """One HTTP/1.1 connection that is kept."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def open(self) -> Connection:
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self._server.port, ssl=self._server.tls, limit=1 << 26
        )
        return self

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer bench\r\n"
            "Accept: application/json\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)

    async def head(self) -> bytes:
        return (await self.reader.readuntil(b"\r\n\r\n")).lower()

    async def answer(self) -> bytes:
        head = await self.head()
        size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return await self.reader.readexactly(size)

    async def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        self.send(method, path, body)
        return await self.answer()


def pod(name: str) -> bytes:
    container = {"name": "main", "image": "example.org/app:1", "ports": [{"containerPort": 8080}]}
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "bench"}},
        "spec": {"containers": [container]},
    }
    return json.dumps(document).encode()


async def shared(server: Server, count: int, call: Callable[[Connection, int], Awaitable[bytes]]) -> float:
    """Calls per second of `count` calls over all connections."""
    connections = [await Connection(server).open() for _ in range(CONNECTIONS)]
    await connections[0].call("GET", "/readyz")
    numbers = iter(range(count))

    async def work(connection: Connection) -> None:
        for number in numbers:
            answer = await call(connection, number)
            assert b'"Failure"' not in answer, answer

    begun = time.perf_counter()
    await asyncio.gather(*map(work, connections))
    took = time.perf_counter() - begun
    for connection in connections:
        connection.writer.close()
    return count / took


async def list_seconds(server: Server) -> float:
    connection = await Connection(server).open()
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        answer = await connection.call("GET", _PATH)
        best = min(best, time.perf_counter() - begun)
        assert len(json.loads(answer)["items"]) == PODS
    connection.writer.close()
    return best


async def watches(server: Server) -> tuple[float, float]:
    """MiB that idle watches cost, and seconds until an event has reached all of them."""
    before = server.memory_mib()
    path = "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion="
    writer = await Connection(server).open()
    listed = json.loads(await writer.call("GET", "/api/v1/namespaces/default/configmaps"))
    open_watches = []
    for _ in range(WATCHES):
        connection = await Connection(server).open()
        connection.send("GET", path + listed["metadata"]["resourceVersion"])
        await connection.head()
        open_watches.append(connection)
    memory = server.memory_mib() - before
    begun = time.perf_counter()
    await writer.call("POST", "/api/v1/namespaces/default/configmaps", b'{"metadata":{"name":"news"}}')
    await asyncio.gather(*(one.reader.readuntil(b"}\n") for one in open_watches))
    took = time.perf_counter() - begun
    for one in open_watches:
        one.writer.close()
    return memory, took


def measure() -> Iterator[Figure]:
    with server() as found:
        creates = asyncio.run(shared(found, PODS, lambda c, n: c.call("POST", _PATH, pod(f"pod-{n}"))))
        yield Figure("server_pod_creates_per_second", creates, "creates/s", 1500, "higher")
        gets = asyncio.run(shared(found, GETS, lambda c, n: c.call("GET", f"{_PATH}/pod-{n % PODS}")))
        yield Figure("server_pod_gets_per_second", gets, "gets/s", 4000, "higher")
        yield Figure("server_list_10000_pods_seconds", asyncio.run(list_seconds(found)), "s", 0.5, "lower")
        memory, took = asyncio.run(watches(found))
        yield Figure("server_1000_idle_watches_mib", memory, "MiB", 200, "lower")
        yield Figure("server_event_to_1000_watches_seconds", took, "s", 0.5, "lower")
