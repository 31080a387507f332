"""Asking many clusters side by side, before a pass asks them one by one: the only threads of the shell.

What comes back is kept by the backends; the pass itself stays one thread, and so one order. A cluster that
takes too long is left to answer in its own time: this pass and the next ones go on without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from gitrel.backends.backend import Backend, Remembering, Scope
from gitrel.backends.threads import LEAVE_SECONDS, Threads
from gitrel.clock import format_duration
from gitrel.delivery import inventory as inventories
from gitrel.delivery.inventory import Inventory
from gitrel.delivery.labels import COMPONENT, ENVIRONMENT, MANAGED_BY, TOOL
from gitrel.errors import GitrelError
from gitrel.repo.model import Catalog, Component, Environment

AT_ONCE = 16
"""Clusters that are asked at one time."""
PATIENCE = timedelta(seconds=20)
"""How long a pass waits for the slowest cluster."""
WORKLOADS = frozenset(
    ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job")
)
"""Kinds with pods that health is read from."""
PROBE = timedelta(seconds=1)
"""How long it waits for one that did not answer the last time."""
NAP = timedelta(milliseconds=100)
BACKOFF_FIRST = timedelta(seconds=5)
BACKOFF_MAX = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a pass is going to ask of one environment: of these components, by (name, namespace)."""

    environment: Environment
    components: frozenset[tuple[str, str]]


def ahead_of(catalog: Catalog, components: Iterable[Component]) -> list[Ahead]:
    """What a pass over the components is going to ask of real clusters, by name.

    Bundled clusters are asked when it is their turn: they are in this very process.
    """
    found: dict[str, set[tuple[str, str]]] = {}
    for component in components:
        for name in component.pointers:
            environment = catalog.environments[name]
            namespace = component.namespace or environment.namespace
            found.setdefault(name, set()).add((component.name, namespace))
    return [
        Ahead(catalog.environments[name], frozenset(part))
        for name, part in sorted(found.items())
        if catalog.environments[name].cluster.backend == "kubernetes"
    ]


@dataclass(slots=True)
class _Trouble:
    """A cluster that did not answer: not asked again before `until`, each time a little later."""

    why: str
    failures: int
    until: datetime


class Lookahead:
    """`at_once` and `patience` bound what many and slow clusters cost."""

    def __init__(self, at_once: int = AT_ONCE, patience: timedelta = PATIENCE) -> None:
        self._at_once = at_once
        self._patience = patience
        self._threads: Threads | None = None
        self._late: dict[str, tuple[Future[None], datetime]] = {}
        self._troubles: dict[str, _Trouble] = {}

    def read(
        self,
        wanted: Sequence[tuple[Ahead, Backend]],
        now: datetime,
        greet: Callable[[Ahead], object] = lambda ahead: None,
    ) -> dict[str, str]:
        """Environment → why it is to be left out of this pass. `greet` is the first thing asked of each.

        Backends that remember nothing are not asked.
        """
        left_out: dict[str, str] = {}
        started: dict[str, Future[None]] = {}
        for ahead, backend in wanted:
            name = ahead.environment.name
            if not isinstance(backend, Remembering):
                continue
            if why := self._not_now(name, now):
                left_out[name] = why
            else:
                started[name] = self._pool().submit(_read, ahead, backend, backend, greet)
        # Whoever was in trouble a moment ago is tried again, and waited for only if it is quick.
        probes = [future for name, future in started.items() if name in self._troubles]
        well = [future for name, future in started.items() if name not in self._troubles]
        self._wait(well, self._patience)
        self._wait(probes, min(PROBE, self._patience))
        for name, future in started.items():
            if why := self._result(name, future, now):
                left_out[name] = why
        return left_out

    def leave(self) -> None:
        """Hardly any patience from now on, also in a wait that has begun. Safe in a signal handler."""
        self._patience = min(self._patience, timedelta(seconds=LEAVE_SECONDS))

    def _wait(self, started: Sequence[Future[None]], patience: timedelta) -> None:
        """In short naps, so that `leave` counts for a wait that has begun."""
        waited = timedelta()
        while waited < min(patience, self._patience) and wait(started, NAP.total_seconds()).not_done:
            waited += NAP

    def _not_now(self, name: str, now: datetime) -> str:
        """Why the cluster is not asked at all: it is being asked still, or was in trouble a moment ago."""
        if name in self._late:
            future, since = self._late[name]
            if not future.done():
                return f"cluster {name}: no answer for {format_duration(now - since)} and still waiting"
            self._late.pop(name)
            self._result(name, future, now)
        trouble = self._troubles.get(name)
        if trouble is None or trouble.until <= now:
            return ""
        return f"{trouble.why} (asked again in {format_duration(trouble.until - now)})"

    def _result(self, name: str, future: Future[None], now: datetime) -> str:
        if not future.done():
            self._late[name] = future, now
            if name in self._troubles:
                return self._troubles[name].why
            return f"cluster {name}: no answer in {format_duration(self._patience)}"
        error = future.exception()
        if error is None:
            self._troubles.pop(name, None)
            return ""
        if not isinstance(error, GitrelError):
            raise error
        failures = self._troubles[name].failures + 1 if name in self._troubles else 1
        until = now + min(BACKOFF_FIRST * 2 ** min(failures - 1, 8), BACKOFF_MAX)
        self._troubles[name] = _Trouble(str(error), failures, until)
        return str(error)

    def _pool(self) -> Threads:
        if self._threads is None:
            self._threads = Threads(self._at_once, "gitrel-ahead")
        return self._threads

    def close(self, backends: Sequence[Backend] = ()) -> None:
        """Closes these, all at once because each may take a moment; then what is still under way ends too."""
        if backends:
            closing = Threads(len(backends), "gitrel-closing")
            for backend in backends:
                closing.submit(backend.close)
            closing.shutdown()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None


def _read(ahead: Ahead, backend: Backend, memory: Remembering, greet: Callable[[Ahead], object]) -> None:
    """First the inventories, which say what there is, then that; each kind where there is much of it."""
    greet(ahead)
    selector = {MANAGED_BY: TOOL, ENVIRONMENT: ahead.environment.name}
    homes = Counter(Scope("v1", "ConfigMap", namespace) for _, namespace in ahead.components)
    memory.hold(homes, selector, COMPONENT)
    objects = homes + Counter(
        Scope(obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace", ""))
        for inventory in _inventories(ahead, backend)
        for obj in inventory.objects
    )
    memory.hold(objects, selector, COMPONENT)
    workloads: Counter[Scope] = Counter()
    for scope, count in objects.items():
        if scope.kind in WORKLOADS and scope.namespace:
            workloads[Scope("v1", "Pod", scope.namespace)] += count
    # Pods carry the labels of their workloads, not ours; what happens to them concerns everybody there.
    memory.hold(workloads, {}, "")


def _inventories(ahead: Ahead, backend: Backend) -> Iterable[Inventory]:
    parents = [inventories.parent(name, namespace) for name, namespace in sorted(ahead.components)]
    for obj in backend.read(parents, recent=True).values():
        try:
            yield inventories.from_object(obj, ahead.environment.name)
        except GitrelError:
            continue  # whoever delivers will be told
