"""Serving over HTTPS: the socket, TLS with client certificates, uvicorn, and an orderly end.

`Serving.run` has the calling thread until it is told to stop; `serve_in_thread` is for tests and programs
that go on beside it.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from gitrel.cluster.cluster import Cluster
from gitrel.cluster.server.app import ApiServer
from gitrel.cluster.server.engine import Engine
from gitrel.cluster.server.identity import Authenticator
from gitrel.cluster.server.pace import Pace
from gitrel.errors import UsageError

_IDLE_SECONDS = 90
_HEAD_SECONDS = 30.0
"""A connection that has not sent the head of its first request by then is closed."""
_GRACE_SECONDS = 5
_GOODBYE_SECONDS = 0.5
"""How long the end of TLS is waited for; asyncio alone would wait for half a minute."""
_READ_BUFFER_BYTES = 32 * 1024
"""Two TLS records; asyncio's own choice is 256 KiB."""

_WRITE_BUFFER_BYTES = 64 * 1024
"""From here on an answer waits for its client; asyncio's own choice for TLS is 512 KiB, which a thousand
watches that nobody reads would fill."""

T = TypeVar("T")


class _Protocol(H11Protocol):
    """uvicorn's protocol, telling the application whose certificate the connection has shown."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        secured = transport.get_extra_info("ssl_object")
        certificate = secured.getpeercert() if secured is not None else None
        if certificate:
            self.app = _with_certificate(self.app, certificate)
        asyncio.get_running_loop().call_later(_HEAD_SECONDS, self._close_if_silent)

    def shutdown(self) -> None:
        """The server ends: clients that keep an idle connection need not say goodbye."""
        super().shutdown()
        asyncio.get_running_loop().call_later(_GOODBYE_SECONDS, self._abort_if_closing)

    def _abort_if_closing(self) -> None:
        if self.transport.is_closing():
            self.transport.abort()

    def _close_if_silent(self) -> None:
        if not self.headers and not self.transport.is_closing():
            self.transport.close()


def _with_certificate(app: Any, certificate: dict[str, Any]) -> ASGIApp:
    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        scope["peer_certificate"] = certificate
        await app(scope, receive, send)

    return told


class _Server(uvicorn.Server):
    """Starts and stops the engine with the sockets, on their loop."""

    def __init__(self, config: uvicorn.Config, engine: Engine, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._engine = engine
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # asyncio holds a read buffer for each TLS connection; a thousand idle watches hold a thousand.
        SSLProtocol.max_size = min(SSLProtocol.max_size, _READ_BUFFER_BYTES)
        self._engine.start()
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._engine.stop()
        await super().shutdown(sockets)


@dataclass(frozen=True, slots=True)
class Files:
    """PEM files on disk, for Python's TLS reads nothing else."""

    certificate: Path
    key: Path
    authorities: tuple[Path, ...]
    """Who signs certificates that clients may show."""


def tls(files: Files) -> ssl.SSLContext:
    """Client certificates are asked for, not insisted on; one that nobody trusts ends the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)
    for authority in files.authorities:
        try:
            context.load_verify_locations(authority)
        except (OSError, ssl.SSLError) as wrong:
            raise UsageError(
                f"--client-ca {authority}: not a readable bundle of certificates: {wrong}"
            ) from None
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


def listen(host: str, port: int) -> socket.socket:
    """Raises UsageError where nobody can listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once only on sockets that say they are TCP.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(1024)
    except OSError as wrong:
        bound.close()
        raise UsageError(f"--listen {host}:{port}: {wrong.strerror or wrong}") from None
    return bound


class Serving:
    """One cluster behind one socket."""

    def __init__(
        self,
        cluster: Cluster,
        pace: Pace,
        authenticator: Authenticator,
        files: Files,
        bound: socket.socket,
        *,
        durable: bool = False,
    ) -> None:
        self.engine = Engine(cluster, pace, durable=durable)
        self.socket = bound
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_ready: Callable[[], None] = lambda: None
        context = tls(files)
        config = uvicorn.Config(
            ApiServer(self.engine, authenticator),
            http=_Protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ssl_context_factory=lambda config, default: context,
        )
        self._server = _Server(config, self.engine, self._started)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serves until SIGTERM, SIGINT or `stop`."""
        self._on_ready = on_ready
        self._server.run(sockets=[self.socket])

    def _started(self) -> None:
        self._loop = asyncio.get_running_loop()
        # What stands now stands for long; the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        self._on_ready()

    def stop(self) -> None:
        """From any thread."""
        self._server.should_exit = True

    def call(self, act: Callable[[Cluster], T]) -> T:
        """Runs `act` on the cluster in the server's thread, between requests, and plays what follows."""
        assert self._loop is not None, "not running"

        async def acting() -> T:
            return await self.engine.write(lambda: act(self.engine.cluster))

        return asyncio.run_coroutine_threadsafe(acting(), self._loop).result()


@contextmanager
def serve_in_thread(serving: Serving) -> Iterator[Serving]:
    """Serves in a thread of its own until the block ends."""
    ready = threading.Event()
    thread = threading.Thread(target=serving.run, args=(ready.set,), name="gitrel-cluster", daemon=True)
    thread.start()
    try:
        while not ready.wait(0.05):
            if not thread.is_alive():
                raise UsageError("the server did not start")
        yield serving
    finally:
        serving.stop()
        thread.join()


def url_of(host: str, port: int) -> str:
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def hosts_of(host: str, service_address: str) -> Iterable[str]:
    """Everything by which clients may call the server."""
    return (host, "localhost", "127.0.0.1", "::1", *_IN_CLUSTER, service_address)


_IN_CLUSTER = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
