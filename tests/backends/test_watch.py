"""A watch that is lied to, cut off and left alone: what is remembered stays what the server has."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitrel.backends.backend import Scope
from gitrel.backends.kubernetes import watch as watches
from gitrel.backends.kubernetes.backend import KubernetesBackend, open_kubernetes
from gitrel.backends.kubernetes.memory import Memory
from gitrel.kube.identity import Object
from tests.backends.server import Say, Script, Talk, scripted
from tests.waiting import PATIENCE_SECONDS, until

SCOPE = Scope("v1", "ConfigMap", "shop")
A = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of real life, a hundred times shorter."""
    monkeypatch.setattr(watches, "BACKOFF_FIRST", 0.005)


@contextmanager
def watched(folder: Path, *say: Say) -> Iterator[tuple[Script, KubernetesBackend]]:
    with scripted(folder, *say) as (server, kubeconfig):
        server.hold("a", "1")
        backend = open_kubernetes("script", "script", kubeconfig=str(kubeconfig), watching=True)
        try:
            backend.hold({SCOPE: 1}, {"owner": "web"}, "owner")
            yield server, backend
        finally:
            server.ended.set()
            backend.close()


def value(backend: KubernetesBackend) -> str:
    (found,) = backend.list("v1", "ConfigMap", "shop", {"owner": "web"}, recent=True)
    text: str = found["data"]["v"]
    return text


def garbage(talk: Talk) -> None:
    talk.begin()
    talk.raw(b"\x00<html>not json\n")


def error_410(talk: Talk) -> None:
    talk.begin()
    talk.event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})


def error_500(talk: Talk) -> None:
    talk.begin()
    talk.event("ERROR", {"kind": "Status", "code": 500})


def http_410(talk: Talk) -> None:
    talk.json({"kind": "Status", "code": 410}, 410)


def huge(talk: Talk) -> None:
    talk.begin()
    try:
        for _ in range(160):
            talk.raw(b"x" * 65536)
    except OSError:
        return  # the client has had enough


def unknown(talk: Talk) -> None:
    talk.begin()
    talk.event("SURPRISE", {"metadata": {"resourceVersion": "9"}})


@pytest.mark.parametrize(
    ("say", "word"),
    [
        (error_410, "expired"),
        (http_410, "expired"),
        (error_500, "error"),
        (unknown, "error"),
        (garbage, "garbage"),
        (huge, "too-long"),
    ],
)
def test_what_history_cannot_tell_is_listed_again(tmp_path: Path, say: Say, word: str) -> None:
    """After 410, an ERROR event, a line that is no event or 10 MB long: counted, listed, up to date."""

    def wrong(talk: Talk) -> None:
        talk.script.hold("a", "2")  # changed meanwhile, and nobody says so
        say(talk)

    with watched(tmp_path, wrong) as (it, backend):
        until(lambda: backend.troubles().get(word) == 1, "the trouble is counted")
        until(lambda: it.asked.count("list") == 2, "everything is listed again")
        until(lambda: value(backend) == "2", "the change is seen")


def test_after_silence_everything_is_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may be there, or a server that was put back to the version of a backup: asked to go on from a
    later one it says nothing at all, and what is different there is not told."""
    monkeypatch.setattr(watches, "SILENCE_SECONDS", 0.3)
    with watched(tmp_path) as (server, backend):
        server.hold("a", "2")
        until(lambda: backend.troubles().get("silent", 0) >= 2, "it is silent twice")
        until(lambda: value(backend) == "2", "the change is seen")
        assert server.asked.count("list") >= 2


def test_a_watch_that_is_told_to_wait_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """429 with Retry-After: not asked again before, and it goes on from where it was."""

    def busy(talk: Talk) -> None:
        talk.json({"kind": "Status", "code": 429}, 429, {"Retry-After": "7"})

    pauses: list[float] = []
    wait = threading.Event.wait

    def waited(event: threading.Event, timeout: float | None = None) -> bool:
        if threading.current_thread().name.startswith("gitrel-watch") and timeout is not None:
            pauses.append(timeout)
            timeout = 0.001
        return wait(event, timeout)

    monkeypatch.setattr(threading.Event, "wait", waited)
    with watched(tmp_path, busy) as (server, _):
        until(lambda: sum(word.startswith("watch") for word in server.asked) >= 2, "it is asked again")
        assert pauses[0] == 7.0
        assert server.asked[:3] == ["list", "watch 2", "watch 2"]


def test_an_error_of_our_own_ends_no_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that died in silence would leave a memory that is believed for ever: it is counted, and listed
    again."""
    put, broken = Memory.put, [True]

    def puts(self: Memory, obj: Object, *, own: bool = False) -> None:
        if broken:
            broken.pop()
            raise AttributeError
        put(self, obj, own=own)

    def changes(talk: Talk) -> None:
        talk.begin()
        talk.event("MODIFIED", {"metadata": {"name": "a", "resourceVersion": "9"}})

    monkeypatch.setattr(Memory, "put", puts)
    with watched(tmp_path, changes) as (server, backend):
        until(lambda: backend.troubles().get("fault") == 1, "the fault is counted")
        until(lambda: server.asked.count("list") == 2, "everything is listed again")
        until(lambda: value(backend) == "1", "memory is what was listed")


def test_a_watch_that_ends_goes_on_where_it_was(tmp_path: Path) -> None:
    """Bookmarks count: the next watch begins at the last one, though no object came with it."""

    def bookmark(talk: Talk) -> None:
        talk.begin()
        talk.event("BOOKMARK", {"kind": "ConfigMap", "metadata": {"resourceVersion": "77"}})

    with watched(tmp_path, bookmark) as (server, backend):
        until(lambda: "watch 77" in server.asked, "it goes on at the bookmark")
        assert server.asked.count("list") == 1
        assert value(backend) == "1"


def test_nothing_is_asked_while_nothing_happens(tmp_path: Path) -> None:
    """Reading what is watched, and asking whether it changed, makes no request; a change is heard."""
    now = threading.Event()

    def later(talk: Talk) -> None:
        assert now.wait(PATIENCE_SECONDS)
        talk.begin()
        talk.event("MODIFIED", talk.script.hold("a", "2"))
        talk.script.ended.wait(PATIENCE_SECONDS)

    with watched(tmp_path, later) as (it, backend):
        mark, changed = backend.changed_since("", "web")
        assert changed
        asked = list(it.asked)
        for _ in range(5):
            assert backend.changed_since(mark, "web") == (mark, False)
            assert next(iter(backend.read([A], recent=True).values()))["data"] == {"v": "1"}
            backend.hold({SCOPE: 1}, {"owner": "web"}, "owner")
        assert [word for word in it.asked if word in ("list", "get")] == [w for w in asked if w != "watch 2"]
        now.set()
        until(lambda: backend.changed_since(mark, "web")[1], "the change is heard")
        assert value(backend) == "2"


def test_while_the_server_is_gone_memory_is_not_believed(tmp_path: Path) -> None:
    """Then everything may have changed, and a read asks the cluster, which says that it is gone."""

    def cut(talk: Talk) -> None:
        talk.begin()
        talk.event("ERROR", {"kind": "Status", "code": 500})

    with watched(tmp_path, cut) as (server, backend):
        mark, _ = backend.changed_since("", "web")
        server.objects.clear()
        server.ended.set()
        until(lambda: backend.changed_since(mark, "web")[1], "memory is not believed")
        assert backend.read([A], recent=True) == {}
