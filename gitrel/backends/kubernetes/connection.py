"""The connections to one API server, by the official client: TLS, proxies, keepalive, client certificates.

The client's pool is all that is used of it. A certificate that a plugin renews needs a pool of its own.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitrel.backends.kubernetes.access import Access
from gitrel.backends.kubernetes.credentials import Certificate, Credential
from gitrel.backends.kubernetes.cutting import Lines

if TYPE_CHECKING:
    from urllib3 import PoolManager

CONNECTIONS_MAX = 8
"""Connections that are kept to one cluster, and so calls to it at one time; watches have more."""


class Connection:
    """`server` is the URL that paths are appended to. Safe to use from several threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._certificate: Certificate | None = None
        self._pool: PoolManager | None = None
        self._lines = Lines()

    @property
    def server(self) -> str:
        return self._access.endpoint.server

    def credential(self) -> Credential:
        """Raises NoAccess or Unreachable where there is none to be had."""
        return self._access.credentials.current()

    def refused(self, credential: Credential) -> None:
        self._access.credentials.refused(credential)

    def headers(self, credential: Credential) -> list[tuple[str, str]]:
        """Who asks, and as whom."""
        own = [("Authorization", credential.authorization)] if credential.authorization else []
        return [*own, *self._access.headers]

    def pool(self, credential: Credential) -> PoolManager:
        """The pool for this credential, made on first use."""
        with self._lock:
            if self._pool is None or credential.certificate != self._certificate:
                self._pool = self._lines.follow(self._opened(credential.certificate))
                self._certificate = credential.certificate
            return self._pool

    def _opened(self, certificate: Certificate | None) -> PoolManager:
        from kubernetes.client import ApiClient, Configuration

        endpoint = self._access.endpoint
        configuration: Any = Configuration(host=endpoint.server)
        configuration.connection_pool_maxsize = CONNECTIONS_MAX
        configuration.keep_alive = True
        configuration.verify_ssl = endpoint.verify
        if endpoint.ca is not None:
            configuration.ca_cert_data = endpoint.ca.decode("ascii", "replace")
        if endpoint.server_name:
            configuration.tls_server_name = endpoint.server_name
        if endpoint.proxy:
            configuration.proxy, configuration.no_proxy = endpoint.proxy, ""  # NO_PROXY is for the variables
        if certificate is None:
            return _pool_of(ApiClient(configuration=configuration))
        # OpenSSL reads certificates from files only. They are gone again as soon as they are read.
        with tempfile.TemporaryDirectory(prefix="gitrel-") as folder:
            pair = Path(folder, "pair.pem")
            pair.touch(mode=0o600)
            pair.write_bytes(certificate.certificate + b"\n" + certificate.key)
            pool = _pool_of(ApiClient(configuration=configuration))
            pool.connection_pool_kw["ssl_context"] = _context(endpoint.ca, endpoint.verify, pair)
            return pool

    def close(self) -> None:
        """Ends every wait for the server, and lets go of the connections."""
        self._lines.cut()
        with self._lock:
            if self._pool is not None:
                self._pool.clear()
                self._pool = None


def _pool_of(client: Any) -> PoolManager:
    pool: PoolManager = client.rest_client.pool_manager
    return pool


def _context(ca: bytes | None, verify: bool, pair: Path) -> Any:
    import ssl

    context = ssl.create_default_context(cadata=ca.decode("ascii", "replace") if ca else None)
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(pair)
    return context
