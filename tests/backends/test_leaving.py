"""Leaving a server that keeps silent: whoever waits for it is told at once, and no process stays for it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gitrel.backends import threads
from gitrel.backends.backend import Scope
from gitrel.backends.kubernetes.backend import KubernetesBackend, open_kubernetes
from gitrel.backends.kubernetes.requests import Limits
from gitrel.backends.threads import Threads
from gitrel.errors import Unreachable
from tests.waiting import PATIENCE_SECONDS

FOR_EVER = Limits(read=3600, total=7200)
A = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{"


class Silent:
    """A server that takes requests, says what a test wants, and then nothing more."""

    def __init__(self, folder: Path) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(
            f"clusters: [{{name: it, cluster: {{server: 'http://127.0.0.1:{self.port}'}}}}]\n"
            "contexts: [{name: it, context: {cluster: it}}]\n",
            encoding="utf-8",
        )
        self._stack = ExitStack()
        self._stack.callback(self.listening.close)

    @property
    def port(self) -> int:
        port: int = self.listening.getsockname()[1]
        return port

    def take(self, says: bytes) -> None:
        """Waits for a request, and answers with these bytes."""
        self.listening.settimeout(PATIENCE_SECONDS)
        connection = self._stack.enter_context(self.listening.accept()[0])
        assert connection.recv(1 << 16)
        connection.sendall(says)

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Silent]:
    server = Silent(tmp_path)
    yield server
    server.close()


def asked(backend: KubernetesBackend, how: str) -> None:
    if how == "itself":
        backend.identity()
    elif how == "many at once":
        backend.read([A, A])
    else:
        backend.hold({Scope("v1", "ConfigMap", "shop"): 10}, {}, "")


@pytest.mark.parametrize("says", [b"", HEAD], ids=["nothing", "half an answer"])
@pytest.mark.parametrize("how", ["itself", "many at once", "ahead"])
def test_who_waits_is_told_when_it_is_closed(silent: Silent, how: str, says: bytes) -> None:
    """An answer may take an hour here, and whoever waits for it gets Unreachable all the same."""
    backend = open_kubernetes("it", "it", kubeconfig=str(silent.kubeconfig), limits=FOR_EVER)
    told: list[Exception] = []

    def ask() -> None:
        try:
            asked(backend, how)
        except Exception as error:
            told.append(error)

    waiting = threading.Thread(target=ask, daemon=True)
    waiting.start()
    try:
        silent.take(says)
    finally:
        backend.close()
    waiting.join(PATIENCE_SECONDS)
    assert not waiting.is_alive()
    assert [type(error) for error in told] == [Unreachable]
    with pytest.raises(Unreachable, match="leaving"):
        backend.identity()


def test_what_does_not_end_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shutting down waits a moment for what is under way, and what had not begun never does."""
    monkeypatch.setattr(threads, "LEAVE_SECONDS", 0.01)
    pool, ends, begun = Threads(1, "test"), threading.Event(), threading.Event()

    def hang() -> bool:
        begun.set()
        return ends.wait(PATIENCE_SECONDS)

    endless = pool.submit(hang)
    never = pool.submit(begun.clear)
    assert begun.wait(PATIENCE_SECONDS)
    pool.shutdown(cancel_futures=True)
    assert not endless.done()
    assert never.cancelled()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(begun.clear)
    ends.set()
    assert endless.result(PATIENCE_SECONDS)
    assert begun.is_set()


def test_results_and_errors_come_back() -> None:
    """In the order of what was asked, from several threads at a time."""
    pool, meet = Threads(2, "test"), threading.Barrier(2, timeout=PATIENCE_SECONDS)
    assert [first for first, _ in pool.map(lambda n: (n, meet.wait()), range(4))] == [0, 1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 // 0).result(PATIENCE_SECONDS)
    pool.shutdown()


LEAVING = """
import threading
from gitrel.backends.threads import Threads
Threads(1, "endless").submit(threading.Event().wait)
"""


def test_no_process_stays_for_it() -> None:
    """Python ends although a thread of the pool never does."""
    subprocess.run([sys.executable, "-c", LEAVING], check=True, timeout=PATIENCE_SECONDS)
