"""Connections that can be cut while somebody reads from them.

A pool knows the connections that nobody uses. Who waits for an answer of a server that keeps silent would
wait for as long as it has patience; here the sockets in use are known too, and the wait ends at once.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from urllib3 import PoolManager


class Lines:
    """The sockets of a pool, used or not, for as long as they live."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: weakref.WeakSet[Any] = weakref.WeakSet()
        self._are_cut = False

    def follow(self, pool: PoolManager) -> PoolManager:
        """The pool, whose sockets are known here from the moment at which they are connected."""
        from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

        pool.pool_classes_by_scheme = {
            "http": _telling(HTTPConnectionPool, self._connected),
            "https": _telling(HTTPSConnectionPool, self._connected),
        }
        return pool

    def cut(self) -> None:
        """Whoever reads from one of them finds its end, and so does whoever gets a new one."""
        with self._lock:
            self._are_cut = True
            made = list(self._made)
        for one in made:
            _cut(one)

    def _connected(self, one: Any) -> None:
        with self._lock:
            self._made.add(one)
            too_late = self._are_cut
        if too_late:
            _cut(one)


def _telling(pool: Any, connected: Callable[[Any], None]) -> Any:
    """The same class of pools, with connections that tell of their sockets."""

    class Connection(pool.ConnectionCls):  # type: ignore[misc]  # a class that is a value
        def connect(self) -> None:
            super().connect()
            # Not the connection: it forgets a socket that ends with its answer, before that is read.
            connected(self.sock)

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


def _cut(one: Any) -> None:
    """Both directions of the socket itself: TLS would first want to say goodbye."""
    inner = getattr(one, "socket", one)  # TLS within TLS, through a proxy
    if isinstance(inner, socket.socket):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(inner, socket.SHUT_RDWR)
