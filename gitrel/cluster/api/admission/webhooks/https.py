"""Calling webhooks over HTTPS: one connection a call, calls of one batch at the same time.

Plain sockets and the standard library's HTTP; redirects are not followed, proxies not asked, and no more of
an answer is read than an AdmissionReview can be.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from urllib.parse import urlsplit

from gitrel.cluster.api.admission.webhooks.calls import Answer, Call, Unreachable

ANSWER_BYTES_MAX = 8 * 1024 * 1024
_PARALLEL_MAX = 16
_AGENT = "kube-apiserver-admission"


class HttpsCaller:
    """A `WebhookCaller` for real webhooks; safe to be used by several threads."""

    def call(self, calls: Sequence[Call]) -> Sequence[Answer | Unreachable]:
        if len(calls) == 1:
            return [_called(calls[0])]
        with ThreadPoolExecutor(min(len(calls), _PARALLEL_MAX)) as pool:
            return list(pool.map(_called, calls))


@lru_cache(maxsize=64)
def _trust(authorities: bytes | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authorities.decode() if authorities else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Connection(http.client.HTTPSConnection):
    """Connects to another address than the name that the certificate has to bear."""

    def __init__(self, host: str, port: int, call: Call, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=call.timeout_seconds, context=context)
        self._address = call.address or (host, port)
        self._context = context

    def connect(self) -> None:
        plain = socket.create_connection(self._address, self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)

    def cut(self) -> None:
        """Ends whatever another thread waits for on this connection."""
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


def _called(call: Call) -> Answer | Unreachable:
    """Within the timeout, all of it together: a socket's own timeout counts each read anew."""
    parts = urlsplit(call.url)
    host, port = parts.hostname or "", parts.port or 443
    late = threading.Event()
    try:
        connection = _Connection(host, port, call, _trust(call.authorities))
    except (ssl.SSLError, ValueError):
        return _unreachable(call, "unable to load root certificates: unable to parse bytes as PEM block")

    def end() -> None:
        late.set()
        connection.cut()

    timer = threading.Timer(call.timeout_seconds, end)
    timer.daemon = True
    timer.start()
    try:
        return _exchanged(connection, call, parts.path or "/", parts.query)
    except TimeoutError:
        return _unreachable(call, _LATE)
    except (OSError, http.client.HTTPException) as wrong:
        return _unreachable(call, _LATE if late.is_set() else _said(wrong, call.address or (host, port)))
    finally:
        timer.cancel()
        connection.close()


def _exchanged(connection: _Connection, call: Call, path: str, query: str) -> Answer | Unreachable:
    headers = {
        "User-Agent": _AGENT,
        "Content-Type": "application/json",
        "Accept": "application/json, */*",
    }
    connection.request("POST", f"{path}?{query}" if query else path, call.body, headers)
    answer = connection.getresponse()
    body = answer.read(ANSWER_BYTES_MAX + 1)
    if len(body) > ANSWER_BYTES_MAX:
        return _unreachable(call, f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    return Answer(answer.status, answer.headers.get("Content-Type") or "", body)


_LATE = "context deadline exceeded"


def _unreachable(call: Call, why: str) -> Unreachable:
    return Unreachable(f'Post "{call.url}": {why}')


def _said(wrong: Exception, address: tuple[str, int]) -> str:
    """In the words of Go, which people look for."""
    host, port = address
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    match wrong:
        case ssl.SSLCertVerificationError():
            return f"tls: failed to verify certificate: x509: {_x509(wrong, host)}"
        case ssl.SSLError():
            return f"tls: {wrong.reason or 'handshake failure'}"
        case socket.gaierror():
            return f"dial tcp: lookup {host}: no such host"
        case ConnectionRefusedError():
            return f"dial tcp {shown}: connect: connection refused"
        case http.client.RemoteDisconnected() | ConnectionResetError():
            return "EOF"
        case OSError():
            return f"dial tcp {shown}: {wrong.strerror or wrong}"
    return f"malformed HTTP response: {type(wrong).__name__}"


def _x509(wrong: ssl.SSLCertVerificationError, host: str) -> str:
    """18 to 21: no chain to a known authority; 10: over; 62 and 64: another name or address."""
    match wrong.verify_code:
        case 2 | 18 | 19 | 20 | 21:
            return "certificate signed by unknown authority"
        case 10:
            return "certificate has expired or is not yet valid"
        case 62 | 64:
            return f"certificate is not valid for {host}"
    return str(wrong.verify_message)
