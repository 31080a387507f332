"""Threads for asking clusters, which no process has to wait for.

Those of `concurrent.futures` are joined when Python ends, however long a silent server keeps them; these are
not, and whoever shuts a pool down waits for a moment only.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

LEAVE_SECONDS = 2.0
"""How long what is under way may take to end when nobody wants it any more."""

P = ParamSpec("P")
T = TypeVar("T")
_Task = Callable[[], None]


class Threads(Executor):
    """At most `at_once` of them; each is begun when there is work for it.

    The result of what has not ended by then is never known: its future stays as it is.
    """

    def __init__(self, at_once: int, name: str) -> None:
        self._at_once = at_once
        self._name = name
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._waiting: set[Future[Any]] = set()
        self._running: list[threading.Thread] = []
        self._ended = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Raises RuntimeError after `shutdown`."""
        future: Future[T] = Future()

        def task() -> None:
            with self._lock:
                self._waiting.discard(future)
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            if self._ended:
                raise RuntimeError("these threads were shut down")
            self._waiting.add(future)
            self._tasks.put(task)
            self._begin_one()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Gives what is under way `LEAVE_SECONDS` to end, and leaves it alone then."""
        with self._lock:
            self._ended = True
            cancelled = list(self._waiting) if cancel_futures else []
            running = list(self._running)
        for future in cancelled:
            future.cancel()
        for _ in running:
            self._tasks.put(None)
        end = time.monotonic() + LEAVE_SECONDS
        for thread in running if wait else ():
            thread.join(max(0.0, end - time.monotonic()))

    def _begin_one(self) -> None:
        """One more thread, where there may be more."""
        if len(self._running) >= self._at_once:
            return
        name = f"{self._name}-{len(self._running)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._running.append(thread)
        thread.start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            del task
