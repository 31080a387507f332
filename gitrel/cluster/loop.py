"""The loop: drains what is ready in the order in which it became ready, then fires timers as they fall due.

One writer, no threads. A change wakes controllers at once (their keys queue up, each at most once); a pass
over one key is one `reconcile`. Timers are ordered by (due, the controller's place, sequence), so the whole
order is total and the same inputs give the same log.
"""

from __future__ import annotations

import gc
import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.controller import ANY, Change, Context, Controller, Key, Reader

_RETRY_FIRST = timedelta(milliseconds=5)
_RETRY_MAX = timedelta(seconds=1000)
"""client-go's default rate limiter for a failing key: 5 ms, doubling, at most 1000 s."""

RECONCILES_MAX = 1000
"""Passes over one key at one instant. More is a controller that undoes its own work: better to stop loudly.
"""


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the cycle collector, which would look again and again through objects that hold no cycles.

    Ten thousands of objects stay alive through a drain; looking through them costs a third of its time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


Task = tuple[int, Key]
"""(the controller's place in the list, the key)."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What a loop waits for; `timers` is a heap of (due, place, sequence, key)."""

    ready: tuple[Task, ...]
    timers: tuple[tuple[datetime, int, int, Key], ...]
    armed: Mapping[Task, datetime]
    failures: Mapping[Task, int]
    sequence: int


Wake = Callable[[Change, Reader], Iterable[Key]]


def _route(watches: Sequence[Mapping[str, Wake | None]], resource: str) -> Sequence[tuple[int, Wake]]:
    """Whom a change of the resource wakes, in the order of the controllers."""
    found = []
    for place, of in enumerate(watches):
        wake = of.get(resource) if resource in of else of.get(ANY)
        if wake is not None:
            found.append((place, wake))
    return found


class Restless(Exception):
    """A controller asks for the same key again and again without time passing: a fault in the controller."""


class Loop:
    """Owns the queue and the timers; knows nothing of clocks beyond the `now` it is handed."""

    def __init__(
        self,
        controllers: Sequence[Controller],
        read: Reader,
        contexts: Sequence[Callable[[datetime], Context]],
    ) -> None:
        """`contexts` makes each controller's context for an instant, in the order of the controllers."""
        self._controllers = controllers
        self._read = read
        self._make_context = contexts
        self._contexts: dict[int, Context] = {}
        self._contexts_now: datetime | None = None
        self._ready: deque[Task] = deque()
        self._queued: set[Task] = set()
        self._timers: list[tuple[datetime, int, int, Key]] = []
        self._armed: dict[Task, datetime] = {}
        self._failures: dict[Task, int] = {}
        self._sequence = 0
        watches = [controller.watches for controller in controllers]
        self._routes = {resource: _route(watches, resource) for found in watches for resource in found}
        self._elsewhere = _route(watches, ANY)

    def on_change(self, change: Change) -> None:
        """Queues every key that the change wakes. Subscribed to the store."""
        for place, wake in self._routes.get(change.resource, self._elsewhere):
            for key in wake(change, self._read):
                self._enqueue((place, key))

    def _enqueue(self, task: Task) -> None:
        if task not in self._queued:
            self._queued.add(task)
            self._ready.append(task)

    def requeue_at(self, place: int, key: Key, due: datetime) -> None:
        """Arms the key's timer; the earliest request wins until the key is looked at."""
        task = (place, key)
        armed = self._armed.get(task)
        if armed is None or due < armed:
            self._armed[task] = due
            self._sequence += 1
            heapq.heappush(self._timers, (due, place, self._sequence, key))

    def next_due(self) -> datetime | None:
        """When the next timer fires; those that were overtaken are dropped on the way."""
        while self._timers:
            due, place, _, key = self._timers[0]
            if self._armed.get((place, key)) == due:
                return due
            heapq.heappop(self._timers)
        return None

    @property
    def idle(self) -> bool:
        return not self._ready

    def fire(self, now: datetime) -> None:
        """Queues every key whose timer fell due."""
        while (due := self.next_due()) is not None and due <= now:
            _, place, _, key = heapq.heappop(self._timers)
            del self._armed[(place, key)]
            self._enqueue((place, key))

    def step(self, now: datetime) -> bool:
        """One reconcile of the key that has been ready for longest; False where nothing is ready."""
        if not self._ready:
            return False
        task = self._ready.popleft()
        self._queued.discard(task)
        self._armed.pop(task, None)
        controller = self._controllers[task[0]]
        try:
            controller.reconcile(task[1], self._context(task[0], now))
        except ApiError:
            self._retry_later(task, now)
        else:
            if self._failures:
                self._failures.pop(task, None)
        return True

    def _context(self, place: int, now: datetime) -> Context:
        """One for all reconciles of a controller at one instant."""
        if now != self._contexts_now:
            self._contexts_now = now
            self._contexts.clear()
        found = self._contexts.get(place)
        if found is None:
            found = self._contexts[place] = self._make_context[place](now)
        return found

    def _retry_later(self, task: Task, now: datetime) -> None:
        failures = self._failures.get(task, 0)
        self._failures[task] = failures + 1
        # The exponent is cut where the doubling has long passed its limit, so that it cannot overflow.
        self.requeue_at(*task, now + min(_RETRY_FIRST * 2 ** min(failures, 20), _RETRY_MAX))

    def drain(self, now: datetime) -> int:
        """Everything that is ready or due at `now`, and what that causes. Gives the number of reconciles."""
        with _collector_paused():
            return self._drain(now)

    def _drain(self, now: datetime) -> int:
        count = 0
        passes: dict[Task, int] = {}
        while True:
            if not self._ready:
                self.fire(now)
            if not self._ready:
                return count
            task = self._ready[0]
            passes[task] = passes.get(task, 0) + 1
            if passes[task] > RECONCILES_MAX:
                name = self._controllers[task[0]].name
                raise Restless(f"controller {name} never comes to rest on {'/'.join(filter(None, task[1]))}")
            self.step(now)
            count += 1

    def wake_all(self) -> None:
        """Queues every key that any object could wake, as after a restart: what is due follows from
        objects.
        """
        known = [resource for resource in self._routes if resource != ANY]
        later = self._read.resources() if self._elsewhere else ()
        for resource in (*known, *(name for name in later if name not in self._routes)):
            for obj in self._read.list(resource):
                self.on_change(Change("ADDED", resource, None, obj, int(obj["metadata"]["resourceVersion"])))

    def queue(self) -> Queue:
        """A copy of all that waits."""
        return Queue(
            tuple(self._ready), tuple(self._timers), dict(self._armed), dict(self._failures), self._sequence
        )

    def resume(self, queue: Queue) -> None:
        """Waits for what another loop with the same controllers waited for."""
        self._ready = deque(queue.ready)
        self._queued = set(queue.ready)
        self._timers = list(queue.timers)
        self._armed = dict(queue.armed)
        self._failures = dict(queue.failures)
        self._sequence = queue.sequence
