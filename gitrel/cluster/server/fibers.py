"""Synchronous work that can stand still while somebody outside is asked, so that others are served meanwhile.

The write path is one synchronous piece, and a webhook may take its time, or ask this very server before it
answers. So work that may meet one runs on a thread of its own, strictly by turns with the event loop: while
it runs, the loop waits for it, and it stands still whenever the loop runs. Nothing is ever done at once but
the calls to the outside.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from gitrel.cluster.api.admission.webhooks.calls import Answer, Call, Unreachable, WebhookCaller

T = TypeVar("T")

_here = threading.local()
_idle: list[_Worker] = []
"""Threads that wait for work; only the event loop's thread takes from it."""


class Abandoned(BaseException):
    """Nobody waits for this work any more: it ends where it stands."""


class _Worker:
    """A thread that is used again: starting one takes longer than most of what it does."""

    def __init__(self) -> None:
        self._go = threading.Semaphore(0)
        self._work: Callable[[], None] = lambda: None
        threading.Thread(target=self._loop, name="gitrel-cluster-fiber", daemon=True).start()

    def start(self, work: Callable[[], None]) -> None:
        self._work = work
        self._go.release()

    def _loop(self) -> None:
        while True:
            self._go.acquire()
            self._work()
            _idle.append(self)


class Fiber(Generic[T]):
    """One piece of work; made and advanced on the event loop's thread alone."""

    def __init__(self, act: Callable[[], T]) -> None:
        self._act = act
        self._loop = asyncio.get_running_loop()
        self._answered = asyncio.Event()
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._started = self._parked = self._abandoned = False
        self._value: T
        self._failure: BaseException | None = None

    def advance(self) -> bool:
        """Gives it the turn until it is done; True where it stands still instead, waiting for `answered`."""
        self._answered.clear()
        self._parked = False
        if self._started:
            self._mine.release()
        else:
            self._started = True
            (_idle.pop() if _idle else _Worker()).start(self._run)
        self._theirs.acquire()
        return self._parked

    async def answered(self) -> None:
        """Until it can go on. Where nobody waits any longer, the work is abandoned."""
        try:
            await self._answered.wait()
        except BaseException:
            self._abandoned = True
            if self._answered.is_set():
                self.advance()
            raise

    def result(self) -> T:
        """What it gave, or raises what it raised."""
        if self._failure is not None:
            raise self._failure
        return self._value

    def _run(self) -> None:
        _here.fiber = self
        try:
            self._value = self._act()
        except BaseException as failure:
            self._failure = failure
        finally:
            _here.fiber = None
            self._theirs.release()

    def outside(self, ask: Callable[[], Any]) -> Any:
        """On its own thread: stands still for the others while it asks."""
        self._parked = True
        self._theirs.release()
        try:
            return ask()
        finally:
            self._loop.call_soon_threadsafe(self._wake)
            self._mine.acquire()
            if self._abandoned:
                raise Abandoned

    def _wake(self) -> None:
        self._answered.set()
        if self._abandoned:
            self.advance()


async def run(act: Callable[[], T]) -> T:
    """Runs the work to its end; others are served while it asks somebody outside."""
    fiber = Fiber(act)
    while fiber.advance():
        await fiber.answered()
    return fiber.result()


class PatientCaller:
    """A caller that lets others go on, where the work that calls it can stand still."""

    def __init__(self, caller: WebhookCaller) -> None:
        self._caller = caller

    def call(self, calls: Sequence[Call]) -> Sequence[Answer | Unreachable]:
        fiber: Fiber[Any] | None = getattr(_here, "fiber", None)
        if fiber is None:
            return self._caller.call(calls)
        found: Sequence[Answer | Unreachable] = fiber.outside(lambda: self._caller.call(calls))
        return found
