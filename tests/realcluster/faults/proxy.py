"""A TLS proxy in front of a real API server that misbehaves where its script says so, and else passes on.

The script is a list of rules: which requests (method, path, the how-manieth), and what happens to them.
Everything that came is kept in `seen`, so that a test can count what gitrel asked and when.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gitrel.cluster.server import certificates
from tests.realcluster.plane import Plane, write_kubeconfig

UPSTREAM_SECONDS = 600.0
HOP_BY_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "host"))


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came; `at` is on the monotonic clock, in seconds."""

    method: str
    path: str
    query: dict[str, str]
    token: str
    body: bytes
    at: float


class Dropped(Exception):
    """The connection to the client is over."""


class Exchange:
    """One request that a rule has in its hands, and the means to answer it, well or badly."""

    def __init__(self, handler: _Handler, seen: Seen) -> None:
        self._handler = handler
        self._token = ""
        self.seen = seen

    def forward(self) -> tuple[int, dict[str, str], bytes]:
        """What the API server itself answers."""
        with self._ask() as response:
            return response.status, dict(response.getheaders()), response.read()

    def forward_as(self, token: str) -> None:
        """Passes on with another credential than came."""
        self._token = token
        self.pass_on()

    def _ask(self) -> http.client.HTTPResponse:
        handler = self._handler
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in HOP_BY_HOP}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return handler.server.ask(handler.command, handler.path, self.seen.body, headers)

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._handler.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                self._handler.send_header(name, value)
        self._handler.send_header("Content-Length", str(len(body)))
        self._handler.end_headers()
        self._handler.wfile.write(body)

    def reply_cut(self, status: int, body: bytes, headers: dict[str, str], *, keep: int) -> None:
        """Says how long the body is, sends `keep` bytes of it, and is gone."""
        handler = self._handler
        handler.send_response_only(status)
        handler.send_header("Content-Type", headers.get("Content-Type", "application/json"))
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:keep])
        handler.wfile.flush()
        self.reset()

    def reset(self) -> None:
        """A connection that breaks: the peer gets RST, not an orderly end."""
        connection = self._handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Dropped

    def hang(self) -> None:
        """Never answers, and keeps the connection until the proxy ends or the client goes."""
        self._handler.server.hang(self._handler.connection)
        raise Dropped

    def stream(self) -> Iterator[bytes]:
        """The lines of the API server's watch; the head of an endless answer has been sent on then."""
        response = self._ask()
        self._handler.send_response_only(response.status)
        self._handler.send_header("Content-Type", response.getheader("Content-Type", "application/json"))
        self._handler.send_header("Transfer-Encoding", "chunked")
        self._handler.end_headers()
        self._handler.wfile.flush()
        return self._lines(response)

    def _lines(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        with response:
            while line := response.readline():
                yield line

    def send_line(self, line: bytes) -> None:
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self._handler.wfile.flush()

    def end_stream(self) -> None:
        self._handler.wfile.write(b"0\r\n\r\n")
        self._handler.wfile.flush()

    def pass_on(self) -> None:
        """What a proxy does when nothing is wrong."""
        if "watch" not in self.seen.query:
            code, headers, body = self.forward()
            self.reply(code, body, headers)
            return
        for line in self.stream():
            self.send_line(line)
        self.end_stream()


Action = Callable[[Exchange], None]


@dataclass
class Rule:
    """For matching requests after the first `skip`, `times` of them (None: all). `hits` counts those."""

    method: str
    path: re.Pattern[str]
    action: Action
    query: dict[str, str]
    skip: int
    times: int | None
    hits: int = 0
    _passed: int = 0

    def takes(self, seen: Seen) -> bool:
        if self.method not in ("*", seen.method) or not self.path.search(seen.path):
            return False
        if any(seen.query.get(key) != value for key, value in self.query.items()):
            return False
        if self._passed < self.skip:
            self._passed += 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


@dataclass
class FaultProxy:
    """`kubeconfig`'s context is the plane's own (`real`), but leads through the proxy."""

    plane: Plane
    folder: Path
    url: str = ""
    rules: list[Rule] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def on(
        self,
        method: str,
        path: str,
        action: Action,
        *,
        query: dict[str, str] | None = None,
        skip: int = 0,
        times: int | None = None,
    ) -> Rule:
        """Adds a rule; the first that matches a request has it. `path` is a regular expression."""
        rule = Rule(method, re.compile(path), action, query or {}, skip, times)
        self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """Nothing is wrong any more."""
        self.rules.clear()

    def count(self, method: str, path: str) -> int:
        """Requests that came."""
        with self._lock:
            return sum(one.method == method and bool(re.search(path, one.path)) for one in self.seen)

    def times(self, method: str, path: str) -> list[float]:
        """When they came, in seconds on the monotonic clock."""
        with self._lock:
            return [one.at for one in self.seen if one.method == method and re.search(path, one.path)]

    def take(self, seen: Seen) -> Action | None:
        with self._lock:
            self.seen.append(seen)
            return next((rule.action for rule in self.rules if rule.takes(seen)), None)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, proxy: FaultProxy, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy
        self._tls = tls
        self._upstream = urlsplit(proxy.plane.server)
        self._trust = ssl.create_default_context(cafile=str(proxy.plane.ca))
        self._open: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wrapped = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.append(wrapped)
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or does not like the certificate, is part of the game."""

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        host, port = self._upstream.hostname, self._upstream.port
        upstream = http.client.HTTPSConnection(
            host or "", port, timeout=UPSTREAM_SECONDS, context=self._trust
        )
        upstream.connect()
        self._open.append(upstream.sock)
        upstream.request(method, path, body or None, headers | {"Connection": "close"})
        return upstream.getresponse()

    def hang(self, connection: socket.socket) -> None:
        """Until the other side has gone, or this one."""
        connection.settimeout(0.2)
        while connection.fileno() >= 0:
            try:
                if not connection.recv(65536):
                    return
            except TimeoutError:
                continue
            except (OSError, ValueError):
                return

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in self._open:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed: `seen` is the log."""

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        body = self.rfile.read(length) if length else b""
        exchange = Exchange(self, Seen(self.command, parts.path, query, token, body, time.monotonic()))
        action = self.server.proxy.take(exchange.seen)
        try:
            (action or Exchange.pass_on)(exchange)
        except (Dropped, OSError, ValueError, http.client.HTTPException):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle


@contextmanager
def fault_proxy(plane: Plane, folder: Path) -> Iterator[FaultProxy]:
    """Runs in front of `plane` until the block ends; certificate and kubeconfig stand in `folder`."""
    now = datetime.now(UTC)
    authority = certificates.new_authority("fault-proxy", now)
    pair = certificates.serving(authority, ["127.0.0.1", "localhost"], now)
    for name, data in (
        ("ca.crt", authority.certificate),
        ("tls.crt", pair.certificate),
        ("tls.key", pair.key),
    ):
        (folder / name).write_bytes(data)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    proxy = FaultProxy(plane, folder)
    server = _Server(proxy, tls)
    proxy.url = f"https://127.0.0.1:{server.server_address[1]}"
    write_kubeconfig(proxy.kubeconfig, proxy.url, ca="ca.crt", name=plane.name)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.end()
        thread.join(5)
