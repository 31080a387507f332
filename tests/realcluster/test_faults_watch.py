"""Watches of a real API server that go wrong on the way: rows 71, 72 and 73.

The promise is the same each time: after the fault what gitrel remembers is what the server has.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from gitrel.backends.backend import Scope
from gitrel.backends.kubernetes.backend import KubernetesBackend, open_kubernetes
from gitrel.kube.identity import Object
from tests.realcluster.conftest import IMPATIENT, RealPlane, wait_for
from tests.realcluster.faults import faults
from tests.realcluster.faults.proxy import Action, FaultProxy

CONFIG_MAPS = r"/configmaps$"
WATCH = {"watch": "1"}
OWNER = "gitrel.dev/component"
LABELS = {"gitrel.dev/watched": "yes"}


def config_map(plane: RealPlane, name: str, value: str = "1") -> Object:
    metadata = {"name": name, "namespace": plane.namespace, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}}


def scope(plane: RealPlane) -> Scope:
    return Scope("v1", "ConfigMap", plane.namespace)


@pytest.fixture
def watching(
    proxy: FaultProxy, real_plane: RealPlane, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KubernetesBackend]:
    """Through the proxy, and sure after two seconds of silence that nobody is there."""
    monkeypatch.setattr("gitrel.backends.kubernetes.watch.SILENCE_SECONDS", 2.0)
    kubeconfig = str(proxy.kubeconfig)
    backend = open_kubernetes("eastus", "real", kubeconfig=kubeconfig, limits=IMPATIENT, watching=True)
    yield backend
    backend.close()


def remembered(plane: RealPlane, backend: KubernetesBackend) -> dict[str, str]:
    one = scope(plane)
    found = backend.list(one.api_version, one.kind, one.namespace, LABELS, recent=True)
    return {obj["metadata"]["name"]: obj["data"]["a"] for obj in found}


def line(kind: str, obj: object) -> bytes:
    return orjson.dumps({"type": kind, "object": obj}) + b"\n"


EXPIRED = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired"}
INTERNAL = {**EXPIRED, "code": 500, "reason": "InternalError", "message": "etcd leader changed"}
HUGE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "x" * 10_000_000}}
FAULTS: dict[str, tuple[Action, str]] = {
    "71-closes-silently": (faults.watch_closes(), ""),
    "71-closes-after-an-event": (faults.watch_closes(after=1), ""),
    "71-half-open": (faults.watch_goes_deaf(), "silent"),
    "71-half-open-after-an-event": (faults.watch_goes_deaf(after=1), "silent"),
    "71-reset": (faults.reset, ""),
    "72-410-instead-of-a-watch": (faults.status(410, "Expired", "too old resource version"), "expired"),
    "72-410-in-the-watch": (faults.insert_lines([line("ERROR", EXPIRED)]), "expired"),
    "73-error-event": (faults.insert_lines([line("ERROR", INTERNAL)]), "error"),
    "73-garbage": (faults.insert_lines([b"\x00<html>not json\n"]), "garbage"),
    "73-half-an-event": (faults.insert_lines([b'{"type": "ADDED"}\n']), "garbage"),
    "73-10-MB-line": (faults.insert_lines([line("MODIFIED", HUGE)]), "too-long"),
    "69-html-instead-of-a-watch": (faults.html(502, "<html>Bad gateway</html>"), "error"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_remembered_is_what_the_server_has(
    real_plane: RealPlane, proxy: FaultProxy, watching: KubernetesBackend, name: str
) -> None:
    """71, 72, 73: whatever befalls a watch is survived and counted; no change, before or after, is lost."""
    fault, word = FAULTS[name]
    server = real_plane.backend
    for kept in ("a", "b", "gone"):
        server.apply(config_map(real_plane, kept))
    rule = proxy.on("GET", CONFIG_MAPS, fault, query=WATCH, times=1)
    watching.hold({scope(real_plane): 2}, LABELS, OWNER)
    wait_for(lambda: rule.hits, 10)
    server.apply(config_map(real_plane, "a", "2"))
    server.delete(config_map(real_plane, "gone"))
    server.apply(config_map(real_plane, "new"))
    wait_for(lambda: remembered(real_plane, watching) == {"a": "2", "b": "1", "new": "1"}, 20)
    wait_for(lambda: proxy_watches(proxy) >= 2, 20)
    server.apply(config_map(real_plane, "b", "3"))
    wait_for(lambda: remembered(real_plane, watching) == {"a": "2", "b": "3", "new": "1"}, 20)
    if word:
        assert watching.troubles().get(word, 0) >= 1, watching.troubles()


def proxy_watches(proxy: FaultProxy) -> int:
    return sum("watch" in seen.query for seen in list(proxy.seen))


def test_a_watch_that_never_works_is_not_believed(
    real_plane: RealPlane, proxy: FaultProxy, watching: KubernetesBackend
) -> None:
    """71: while nothing is heard every look asks the server, and attempts are made ever more rarely."""
    proxy.on("GET", CONFIG_MAPS, faults.status(500, "InternalError", "no watches today"), query=WATCH)
    real_plane.backend.apply(config_map(real_plane, "a"))
    watching.hold({scope(real_plane): 2}, LABELS, OWNER)
    wait_for(lambda: proxy_watches(proxy) >= 2, 20)
    for value in ("2", "3"):
        real_plane.backend.apply(config_map(real_plane, "a", value))
        assert remembered(real_plane, watching) == {"a": value}
    mark, _ = watching.changed_since("", "")
    assert watching.changed_since(mark, "")[1] is True
    assert proxy_watches(proxy) < 8
