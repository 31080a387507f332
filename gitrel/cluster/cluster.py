"""The composition root: store, API, controllers and clock as one cluster that moves only when asked to.

    cluster = Cluster(ClusterSpec(seed=7)) cluster.api.apply({"apiVersion": "apps/v1", "kind": "Deployment",
    ...}) cluster.settle()                        # what is ready now, and what it causes, in no time
    cluster.advance(timedelta(minutes=5))   # play five minutes, stopping at every instant where something is
    due

One writer, no threads: nothing happens between two calls. The engine's clock stands still inside a call; it
jumps from one due instant to the next, and with a clock of the outside world it never runs ahead of that.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Self

from gitrel.clock import Clock, VirtualClock, format_instant, parse_instant
from gitrel.cluster import bootstrap
from gitrel.cluster.api.admission import builtin
from gitrel.cluster.api.admission.dynamic import DynamicAdmission
from gitrel.cluster.api.admission.webhooks.calls import NoCaller, WebhookCaller
from gitrel.cluster.api.allocation import ServiceAllocator
from gitrel.cluster.api.client import Client
from gitrel.cluster.api.crds.custom import CustomKinds
from gitrel.cluster.api.crds.definition import RESOURCE as CUSTOM_RESOURCE_DEFINITIONS
from gitrel.cluster.api.handler import Handler, Request
from gitrel.cluster.api.patching import Patcher
from gitrel.cluster.api.rbac import access, reconciling
from gitrel.cluster.api.rbac.authorizer import Authorizer
from gitrel.cluster.api.scheme import Scheme
from gitrel.cluster.api.writer import ControllerWriter
from gitrel.cluster.controllers.controller import Context, Controller, Discovering, Key, Writer
from gitrel.cluster.controllers.serviceaccount import controller as serviceaccount
from gitrel.cluster.kinds.registry import BUILTIN
from gitrel.cluster.loop import Loop
from gitrel.cluster.parts import Controllers, default_controllers
from gitrel.cluster.randomness import Randomness
from gitrel.cluster.snapshot import Snapshot
from gitrel.cluster.spec import ClusterSpec
from gitrel.cluster.store.file import ClusterFile
from gitrel.cluster.store.store import Store
from gitrel.errors import UsageError

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where a virtual clock starts when nobody says otherwise."""


class Cluster:
    """`clock` is the outside world's; without one, time is virtual, starts at `clock_start` and moves by
    calls only.
    """

    def __init__(
        self,
        spec: ClusterSpec | None = None,
        *,
        controllers: Controllers = default_controllers,
        clock_start: datetime = EPOCH,
        clock: Clock | None = None,
        moment: Snapshot | None = None,
        file: ClusterFile | None = None,
        webhooks: WebhookCaller | None = None,
    ) -> None:
        """A new cluster, or one that goes on from `moment`. Use `open` for one that is kept in a file.

        `webhooks` calls admission webhooks; without it they all count as failed, by their failure policies.
        """
        self.spec = moment.spec if moment else spec or ClusterSpec()
        self._parts = controllers
        self._outside = clock
        self._webhooks = webhooks or NoCaller()
        start = clock.now() if clock else clock_start
        self._clock = VirtualClock(moment.now if moment else start)
        self._randomness = Randomness(self.spec.seed, moment.drawn if moment else None, name=self.spec.name)
        self.store = moment.store.copy() if moment else Store()
        self._assemble()
        self._file = file
        if file:
            self.store.subscribe(file.on_change)
        if moment is None:
            bootstrap.furnish(self.writer, self.spec)
            self._restore_policy()
        elif moment.queue is not None:
            self.loop.resume(moment.queue)
        else:
            self.loop.wake_all()
            self._restore_policy()

    def _assemble(self) -> None:
        now = self._clock.now
        services = ServiceAllocator(
            self.store,
            IPv4Network(self.spec.service_cidr),
            (self.spec.node_port_first, self.spec.node_port_last),
            self._randomness.stream("services"),
        )
        controllers = tuple(self._parts(self.spec))
        dynamic = DynamicAdmission(
            self.store,
            self._webhooks,
            lambda: self.authorizer,
            self._randomness,
            lambda: admission.forget(),
            lambda: self.handler.scheme,
        )
        self.calls_webhooks: Callable[[], bool] = dynamic.calls_webhooks
        """Whether any webhook is configured, so that a write may have to wait for somebody outside."""
        admission = builtin.chain(
            lambda quota: self.store.put("resourcequotas", quota),
            accounts_are_made=any(part.name == serviceaccount.NAME for part in controllers),
            authorizer=lambda: self.authorizer,
            enable=self.spec.enable_admission,
            disable=self.spec.disable_admission,
            policies=dynamic.plugins,
        )
        # Before anybody else hears of a configuration, it is in force.
        self.store.subscribe(dynamic.on_change)
        self.handler = Handler(self.store, Scheme(BUILTIN), self._randomness, now, services, admission)
        custom = CustomKinds(self.store, self.handler.scheme, self.handler.timestamp)
        self.handler.completions[CUSTOM_RESOURCE_DEFINITIONS] = lambda new, old, request: custom.complete(
            new, old
        )
        # Before the controllers hear of a definition, its kind is there.
        self.store.subscribe(custom.on_change)
        self.authorizer: Authorizer = access.authorizer(self.spec.authorization, self.store)
        """Who may do what, by `spec.authorization`; asked for every request with a user."""
        access.guard(self.handler, self.authorizer)
        request = Request("gitrel", field_validation="Strict")
        self._client = Client(self.handler, Patcher(self.handler), request, self.authorizer)
        self.writer: Writer = ControllerWriter(self.handler, "gitrel")
        """The trusted way in: defaults, but neither validation nor a record of owners. For tests and
        seeding.
        """
        for controller in controllers:
            if isinstance(controller, Discovering):
                controller.discover(self.handler.scheme)
        self.loop = Loop(
            controllers, self.store, [self._contexts(place, c) for place, c in enumerate(controllers)]
        )
        self.store.subscribe(self.loop.on_change)

    def _restore_policy(self) -> None:
        """At every start, as the API server does, where roles decide anything."""
        if access.uses_roles(self.spec.authorization):
            reconciling.reconcile(self.writer, self.store)

    def _contexts(self, place: int, controller: Controller) -> Callable[[datetime], Context]:
        """Makes the controller's context for an instant; all but the instant stays the same."""
        writer = ControllerWriter(self.handler, controller.name)
        random = self._randomness.stream(f"controller/{controller.name}")

        def requeue_at(key: Key, due: datetime) -> None:
            self.loop.requeue_at(place, key, due)

        return lambda now: Context(now, self.store, writer, requeue_at, random)

    # --- what there is ------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The engine's instant; with a clock of the outside world, as of the last call."""
        return self._clock.now()

    @property
    def api(self) -> Client:
        """The API with everything that strangers get: checks, field managers, dry runs.

        With a clock of the outside world, plays what fell due until now first: so ask for it anew each time.
        """
        if self._outside:
            self._play_until(self._outside.now())
        return self._client

    @property
    def reader(self) -> Store:
        return self.store

    @property
    def revision(self) -> int:
        return self.store.revision

    # --- time ---------------------------------------------------------------------------------------------

    def settle(self) -> int:
        """Everything that is ready or due now, and what it causes. Returns the number of reconciles.

        One settled batch is one transaction of the file, if there is one.
        """
        count = self._play_until(self._outside.now()) if self._outside else self.loop.drain(self.now)
        self.commit()
        return count

    def step(self) -> bool:
        """One reconcile; a virtual clock jumps to the next due instant if nothing is ready. False at rest."""
        if self.loop.idle:
            due = self.loop.next_due()
            if due is None or (self._outside and due > self._outside.now()):
                return False
            self._clock.advance_to(due)
            self.loop.fire(self.now)
        return self.loop.step(self.now)

    def next_due(self) -> datetime | None:
        """When something will happen by itself; None when all is still."""
        return self.now if not self.loop.idle else self.loop.next_due()

    def run_until(self, instant: datetime) -> None:
        """Plays everything up to and including `instant`, and leaves a virtual clock there.

        Raises UsageError with a clock of the outside world, which nobody can move.
        """
        if self._outside:
            raise UsageError("this cluster follows the system clock: wait for it, or use a virtual clock")
        self._play_until(instant)

    def advance(self, by: timedelta) -> None:
        self.run_until(self.now + by)

    def wait_for(self, condition: Callable[[], bool], timeout: timedelta = timedelta(hours=1)) -> bool:
        """Plays until `condition` holds; False when `timeout` of cluster time passed before, or all is
        still.
        """
        deadline = self.now + timeout
        self.settle()
        while not condition():
            due = self.loop.next_due()
            if due is None or due > deadline:
                return False
            self.run_until(due)
        return True

    def _play_until(self, instant: datetime) -> int:
        count = self.loop.drain(self.now)
        self.commit()
        while (due := self.loop.next_due()) is not None and due <= instant:
            self._clock.advance_to(due)
            count += self.loop.drain(self.now)
            self.commit()
        self._clock.advance_to(instant)
        self.commit()
        return count

    def pass_time(self, instant: datetime) -> None:
        """Moves a virtual clock towards `instant`, but not past anything that is still to be played.

        For a server, which plays in slices (`step`) and commits by itself.
        """
        due = self.next_due()
        self._clock.advance_to(instant if due is None else min(due, instant))

    # --- copies -------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """This moment, to be opened as often as wanted; costs references, not objects."""
        return Snapshot(
            self.spec, self.store.copy(), dict(self._randomness.drawn), self.now, self.loop.queue()
        )

    def fork(self) -> Self:
        """A second cluster that goes on from here by itself, on a virtual clock and without a file."""
        return type(self)(controllers=self._parts, moment=self.snapshot(), webhooks=self._webhooks)

    # --- the file -----------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        path: str | Path,
        spec: ClusterSpec | None = None,
        *,
        controllers: Controllers = default_controllers,
        clock_start: datetime = EPOCH,
        clock: Clock | None = None,
        webhooks: WebhookCaller | None = None,
    ) -> Self:
        """The cluster kept in the directory `path`, made with `spec` where there is none yet.

        A virtual clock goes on where it stood; with a `clock`, what fell due since is played at once, each
        thing at its own instant. Raises InUse, Unreadable, or UsageError where `spec` would have made
        another cluster.
        """
        file = ClusterFile(Path(path))
        try:
            moment = _moment(file, spec)
            cluster = cls(
                spec,
                controllers=controllers,
                clock_start=clock_start,
                clock=clock,
                moment=moment,
                file=file,
                webhooks=webhooks,
            )
            cluster.settle()
        except BaseException:
            file.close()
            raise
        return cluster

    def commit(self) -> None:
        """Writes what changed since the last time to the file, as one transaction; nothing without a file."""
        if self._file:
            self._file.commit(
                {
                    "spec": self.spec.as_json(),
                    "now": format_instant(self.now),
                    "revision": self.revision,
                    "drawn": dict(self._randomness.drawn),
                }
            )

    def close(self) -> None:
        """Writes what is not written yet and lets go of the file; does nothing without one."""
        if self._file:
            self.commit()
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _moment(file: ClusterFile, spec: ClusterSpec | None) -> Snapshot | None:
    saved = file.load()
    if saved is None:
        return None
    made = ClusterSpec.from_json(saved.meta["spec"])
    if spec is not None and not spec.made_like(made):
        raise UsageError(
            f"the cluster in {file.directory} was made from another spec: open it without one, or remove it"
        )
    store = Store()
    store.load(saved.objects, saved.meta["revision"])
    return Snapshot(spec or made, store, saved.meta["drawn"], parse_instant(saved.meta["now"]), None)
