"""Pass, sleep until the next look or until woken, pass again; stop cleanly when told to.

Nothing is remembered here: where a rollout stands is in the journal, so a daemon that starts anew goes on
where the last one was. New commits are found at the next look, or at once when `wake` is called.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

from gitrel.errors import GitrelError
from gitrel.orchestrator.wait import RESTLESS, next_look, reconcile_retrying
from gitrel.orchestrator.world import PassReport, Scope, World

BACKOFF_MAX = timedelta(minutes=5)
QUIET = timedelta(seconds=5)
"""A pause in which there is time to tidy up."""


class Bell:
    """What watches ring: made before the daemon that answers it."""

    def __init__(self) -> None:
        self._answer: Callable[[], None] | None = None

    def answer(self, wake: Callable[[], None]) -> None:
        self._answer = wake

    def ring(self) -> None:
        if self._answer is not None:
            self._answer()


class Daemon:
    """`run` blocks until `stop`; both `stop` and `wake` may be called from other threads and signals."""

    def __init__(
        self,
        world: World,
        scope: Scope | None,
        *,
        poll: timedelta,
        on_begin: Callable[[], None] = lambda: None,
        on_report: Callable[[PassReport], None] = lambda report: None,
        on_error: Callable[[GitrelError], None] = lambda error: None,
    ) -> None:
        self._world = world
        self._scope = scope
        self._poll = poll
        self._on_begin = on_begin
        self._on_report = on_report
        self._on_error = on_error
        self._condition = threading.Condition(threading.RLock())
        self._woken = False
        self._stopping = False

    def stop(self) -> None:
        """The pass under way finishes its writes and is the last one; it waits for no silent cluster."""
        self._world.clusters.leave()
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def wake(self) -> None:
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def run(self) -> None:
        """Passes until stopped. A pass that fails is told, and tried again with growing patience."""
        failures = 0
        while not self._stopping:
            self._on_begin()
            try:
                pause = self._one_pass()
                failures = 0
            except GitrelError as error:
                failures += 1
                self._on_error(error)
                pause = min(timedelta(seconds=2**failures), BACKOFF_MAX)
            self._world.clusters.let_go()
            self._sleep(pause)

    def _one_pass(self) -> timedelta:
        report = reconcile_retrying(self._world, self._scope)
        self._on_report(report)
        due = next_look(report, self._world.clusters.connected(), self._poll)
        if due - self._world.clock.now() > QUIET:
            self._world.tidy()
        return max(due - self._world.clock.now(), timedelta())

    def _sleep(self, pause: timedelta) -> None:
        with self._condition:
            rest = min(RESTLESS, pause).total_seconds()
            # Clusters change in bursts: what happens in the first second is looked at together.
            self._condition.wait_for(lambda: self._stopping, timeout=rest)
            left = pause.total_seconds() - rest
            self._condition.wait_for(lambda: self._woken or self._stopping, timeout=left)
            self._woken = False


def stop_on_signals(daemon: Daemon) -> None:
    """SIGTERM and SIGINT stop the daemon after its current pass, a second one at once; SIGHUP wakes it."""

    def stop(signum: int, frame: FrameType | None) -> None:
        signal.signal(signum, signal.SIG_DFL)
        daemon.stop()

    def wake(signum: int, frame: FrameType | None) -> None:
        daemon.wake()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, wake)
