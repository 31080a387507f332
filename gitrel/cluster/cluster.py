"""The composition root: store, API, controllers and clock as one cluster that moves only when asked to.

cluster = Cluster(ClusterSpec(seed=7), controllers=…)
cluster.writer.create("deployments.apps", {...})
cluster.settle()                        # what is ready now, and what it causes, in no time
cluster.advance(timedelta(minutes=5))   # play five minutes, stopping at every instant where something is due
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

from gitrel.clock import VirtualClock
from gitrel.cluster import bootstrap
from gitrel.cluster.api.allocation import ServiceAllocator
from gitrel.cluster.api.client import Client
from gitrel.cluster.api.handler import Handler, Request
from gitrel.cluster.api.patching import Patcher
from gitrel.cluster.api.scheme import Scheme
from gitrel.cluster.api.writer import ControllerWriter
from gitrel.cluster.controllers.controller import Context, Controller, Key
from gitrel.cluster.kinds.registry import BUILTIN
from gitrel.cluster.loop import Loop
from gitrel.cluster.randomness import Randomness
from gitrel.cluster.spec import ClusterSpec
from gitrel.cluster.store.store import Store

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where a virtual clock starts when nobody says otherwise."""

Controllers = Callable[[ClusterSpec], Sequence[Controller]]


class Cluster:
    """One writer, no threads: nothing happens between two calls."""

    def __init__(
        self, spec: ClusterSpec | None = None, *, controllers: Controllers, clock_start: datetime = EPOCH
    ) -> None:
        self.spec = spec or ClusterSpec()
        self._clock = VirtualClock(clock_start)
        self._factory = controllers
        self._controllers = tuple(c for c in controllers(self.spec) if c.name not in self.spec.without)
        self._randomness = Randomness(self.spec.seed)
        self.store = Store()
        services = ServiceAllocator(
            self.store,
            IPv4Network(self.spec.service_cidr),
            (self.spec.node_port_first, self.spec.node_port_last),
            self._randomness.stream("services"),
        )
        self.handler = Handler(self.store, Scheme(BUILTIN), self._randomness, self._clock.now, services)
        self._places = {controller.name: place for place, controller in enumerate(self._controllers)}
        self._writers = {
            c.name: ControllerWriter(self.handler, c.name, self._clock.now) for c in self._controllers
        }
        self.loop = Loop(self._controllers, self.store, self._context)
        self.store.subscribe(self.loop.on_change)
        self.api = Client(
            self.handler,
            Patcher(self.handler, self._clock.now),
            Request("gitrel", field_validation="Strict"),
        )
        self.writer = ControllerWriter(self.handler, "gitrel", self._clock.now)
        bootstrap.furnish(self.writer, self.spec)

    def _context(self, controller: Controller) -> Context:
        place = self._places[controller.name]

        def requeue_at(key: Key, due: datetime) -> None:
            self.loop.requeue_at(place, key, due)

        return Context(
            self._clock.now(),
            self.store,
            self._writers[controller.name],
            requeue_at,
            self._randomness.stream(f"controller/{controller.name}"),
        )

    # --- time ---------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self._clock.now()

    @property
    def reader(self) -> Store:
        return self.store

    @property
    def revision(self) -> int:
        return self.store.revision

    def settle(self) -> int:
        """Everything that is ready or due now, and what it causes. Returns the number of reconciles."""
        return self.loop.drain(self.now)

    def step(self) -> bool:
        """One reconcile, moving the clock to the next due instant if nothing is ready; False when all is
        still."""
        if self.loop.idle:
            due = self.loop.next_due()
            if due is None:
                return False
            self._clock.advance_to(due)
            self.loop.fire(self.now)
        return self.loop.step(self.now)

    def next_due(self) -> datetime | None:
        """When something will happen by itself; None when all is still."""
        return self.now if not self.loop.idle else self.loop.next_due()

    def run_until(self, instant: datetime) -> None:
        """Plays everything up to and including `instant`, and leaves the clock there."""
        self.settle()
        while (due := self.loop.next_due()) is not None and due <= instant:
            self._clock.advance_to(due)
            self.settle()
        self._clock.advance_to(instant)

    def advance(self, by: timedelta) -> None:
        self.run_until(self.now + by)

    def wait_for(self, condition: Callable[[], bool], timeout: timedelta = timedelta(hours=1)) -> bool:
        """Plays until `condition` holds; False when `timeout` of cluster time passed, or all is still,
        before."""
        deadline = self.now + timeout
        self.settle()
        while not condition():
            due = self.loop.next_due()
            if due is None or due > deadline:
                return False
            self.run_until(due)
        return True
