"""The two clusters under comparison, behind one wall: how each comes to rest, and how its time passes.

The bundled cluster is at rest when nothing is due before the instant at which the script holds its clock. A
real one never says so; it is taken to be at rest when it shows what the bundled one showed at that place of
the script and stays so for a moment, or else when nothing has changed for long.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from gitrel.clock import format_instant
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.server.bringup import served
from gitrel.cluster.server.serving import Serving
from gitrel.cluster.spec import ClusterSpec
from gitrel.kube.identity import Object
from tests.realcluster.differential import byhand
from tests.realcluster.differential.client import STRATEGIC, Client, path_of
from tests.realcluster.differential.recorder import Recorder

STILL_SECONDS = 0.3
"""How long a real cluster must show what is expected before the script goes on."""
LOST_SECONDS = 6.0
"""How long one that shows something else must be silent before that is taken for its answer."""
QUIET_SECONDS = 1.5
"""How long it must be silent where nothing is expected, because the bundled cluster cannot play along."""
PATIENCE_SECONDS = 40.0
REST = timedelta(seconds=1.2)
"""What a moment lasts on the bundled cluster: a little more than the second that Jobs wait for each other's
pods."""
_SWEEP_SECONDS, _SWEEPS_PER_BEAT = 2.0, 5


class Side(Protocol):
    client: Client
    recorder: Recorder
    real: bool

    def now(self) -> str:
        """The cluster's own clock, in whole seconds."""
        ...

    def pass_time(self, seconds: float) -> None: ...

    def settle(self, namespace: str, expected: Callable[[], bool] | None) -> None:
        """Until the controllers have nothing to do; `expected` says whether it looks like the other side."""
        ...

    def add_node(self, node: Object) -> None:
        """Until it is ready to have pods."""
        ...

    def remove_node(self, name: str) -> None: ...

    def retire(self, namespace: str) -> None:
        """Lets a namespace go that nobody looks at any more."""
        ...


class _Nodes:
    """What both do to have a node."""

    client: Client

    def now(self) -> str:
        raise NotImplementedError

    def _register(self, node: Object) -> None:
        answer = self.client.request("POST", path_of("nodes"), node)
        assert answer.ok, answer.body
        status = path_of("nodes", name=node["metadata"]["name"], subresource="status")
        answer = self.client.request(
            "PATCH", status, byhand.node_status(node, self.now()), content_type=STRATEGIC
        )
        assert answer.ok, answer.body

    def is_open(self, node: Object) -> bool:
        """Whether nothing of what keeps pods off a new node is left."""
        found = self.client.request("GET", path_of("nodes", name=node["metadata"]["name"])).body
        return len(found["spec"].get("taints") or ()) == len(node["spec"].get("taints") or ())


class Real(_Nodes):
    """A control plane of other people's making, on the machine's clock."""

    real = True

    def __init__(self, kubeconfig: Path) -> None:
        self.client = Client(kubeconfig)
        self.recorder = Recorder(self.client)
        self._alive: set[str] = set()
        self._retired: set[str] = set()
        self._closing = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()

    def close(self) -> None:
        self._closing.set()
        self._heart.join()
        self.recorder.close()

    def now(self) -> str:
        return format_instant(datetime.now(UTC).replace(microsecond=0))

    def pass_time(self, seconds: float) -> None:
        time.sleep(seconds)  # real controllers look at the real clock

    def settle(self, namespace: str, expected: Callable[[], bool] | None) -> None:
        began = time.monotonic()

        def at_rest() -> bool:
            quiet = min(self.recorder.quiet_seconds(namespace), time.monotonic() - began)
            if quiet > (QUIET_SECONDS if expected is None else LOST_SECONDS):
                return True
            return expected is not None and quiet > STILL_SECONDS and expected()

        self.recorder.wait(at_rest, PATIENCE_SECONDS)

    def add_node(self, node: Object) -> None:
        self._register(node)
        self._renew(node["metadata"]["name"], "POST")
        self._alive.add(node["metadata"]["name"])
        assert self.recorder.wait(lambda: self.is_open(node), PATIENCE_SECONDS), "the node never opened"

    def remove_node(self, name: str) -> None:
        self._alive.discard(name)
        assert self.client.request("DELETE", path_of("nodes", name=name)).ok

    def retire(self, namespace: str) -> None:
        self.client.request("DELETE", path_of("namespaces", name=namespace))
        self._retired.add(namespace)

    def _beat(self) -> None:
        """Keeps the nodes alive, and ends what is to end in namespaces that are going."""
        for beat in itertools.count():
            if self._closing.wait(_SWEEP_SECONDS):
                return
            if beat % _SWEEPS_PER_BEAT == 0:
                for name in sorted(self._alive):
                    self._renew(name, "PATCH")
            for namespace in sorted(self._retired):
                self._sweep(namespace)

    def _sweep(self, namespace: str) -> None:
        objects = self.recorder.objects(namespace)
        for (resource, name), obj in objects.items():
            if resource == "pods" and "deletionTimestamp" in obj["metadata"]:
                path = path_of("pods", namespace, name)
                self.client.request("DELETE", path, byhand.AT_ONCE)
        if not objects:
            self._retired.discard(namespace)

    def _renew(self, node: str, method: str) -> None:
        instant = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lease: dict[str, Any] = {
            "spec": {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": instant}
        }
        place = path_of("leases", "kube-node-lease", node if method == "PATCH" else "")
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        named = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": node}}
        self.client.request(method, place, {**named, **lease}, content_type=kind)


class _Held:
    """A pace that a script moves: time is where it was put."""

    flows = True

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def until(self, now: datetime) -> datetime:
        return max(now, self.instant)

    def seconds_to(self, due: datetime) -> float | None:
        return None

    def touched(self, now: datetime) -> None:
        """Nobody's writing moves it."""


class Bundled(_Nodes):
    """The bundled cluster behind its HTTPS server, on a clock that the script holds."""

    real = False

    def __init__(self, serving: Serving, kubeconfig: Path) -> None:
        self._serving = serving
        self.pace = serving.call(lambda cluster: _Held(cluster.now))
        serving.engine.pace = self.pace
        self.client = Client(kubeconfig)
        self.recorder = Recorder(self.client)

    def now(self) -> str:
        return format_instant(self.pace.instant.replace(microsecond=0))

    def pass_time(self, seconds: float) -> None:
        self.pace.instant += timedelta(seconds=seconds)
        self._rest()

    def settle(self, namespace: str, expected: Callable[[], bool] | None) -> None:
        self.pace.instant += REST
        self._rest()
        stored = self._serving.call(lambda cluster: _revisions(cluster, namespace))

        def told() -> bool:
            known = self.recorder.objects(namespace)
            return {key: obj["metadata"]["resourceVersion"] for key, obj in known.items()} == stored

        assert self.recorder.wait(told, 10), "the watches do not tell what is stored"

    def _rest(self) -> None:
        while not self._serving.call(lambda cluster: _is_at_rest(cluster, self.pace.instant)):
            time.sleep(0.002)  # the server's own thread plays it

    def add_node(self, node: Object) -> None:
        self._register(node)
        self._rest()
        assert self.is_open(node), "the node never opened"

    def remove_node(self, name: str) -> None:
        assert self.client.request("DELETE", path_of("nodes", name=name)).ok
        self._rest()

    def retire(self, namespace: str) -> None:
        self.client.request("DELETE", path_of("namespaces", name=namespace))


def _is_at_rest(cluster: Cluster, instant: datetime) -> bool:
    due = cluster.next_due()
    return due is None or due > instant


def _revisions(cluster: Cluster, namespace: str) -> dict[tuple[str, str], str]:
    from tests.realcluster.differential.recorder import WATCHED

    found = {}
    kinds = {kind.resource.partition(".")[0]: kind.resource for kind in cluster.handler.scheme}
    for resource in WATCHED:
        listed = cluster.reader.list(kinds[resource], "" if resource == "namespaces" else namespace)
        for obj in listed:
            metadata = obj["metadata"]
            if resource != "namespaces" or metadata["name"] == namespace:
                found[(resource, metadata["name"])] = metadata["resourceVersion"]
    return found


@contextmanager
def bundled(directory: Path) -> Iterator[Bundled]:
    """Without kubelets: the script is the kubelet."""
    with served(directory, ClusterSpec(nodes=(), without=("kubelet",))) as serving:
        side = Bundled(serving, directory / "kubeconfig")
        yield side
        side.recorder.close()
