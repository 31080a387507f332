"""The one writer: owns the cluster on the event loop's thread and plays it between requests.

Requests write at once; what follows from a write is played in slices, so that no request waits long behind
the controllers. All that was written in one turn of the loop is committed together, and only then answered:
what a client was told survives the end of the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from time import perf_counter
from typing import TypeVar

from gitrel.cluster.api.errors import Moved
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.server import fibers
from gitrel.cluster.server.fibers import Fiber
from gitrel.cluster.server.hub import Hub
from gitrel.cluster.server.pace import Pace

SLICE_SECONDS = 0.01
"""How long the controllers have the thread before requests are looked at again."""
_WAIT_SECONDS_MAX = 3600.0
_LOOK_SECONDS = 0.002
_TRIES = 5
"""Of a write that others overtook, as the API server tries a patch."""

T = TypeVar("T")

log = logging.getLogger("gitrel.cluster")


class Engine:
    """Start it on the loop that serves the requests."""

    def __init__(self, cluster: Cluster, pace: Pace, *, durable: bool) -> None:
        """`durable`: writes are answered after they were committed to the cluster's file."""
        self.cluster = cluster
        self.pace = pace
        self.hub = Hub(cluster.store)
        self._durable = durable
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._standing: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._stopped = False

    # --- for requests -------------------------------------------------------------------------------------

    def before_write(self) -> None:
        """Moves the cluster's clock to now, or to what is still to be played before."""
        if self.pace.flows:
            self.cluster.pass_time(self.pace.until(self.cluster.now))

    async def write(self, act: Callable[[], T]) -> T:
        """A write at the cluster's now, answered when it is safe. Raises what `act` raises.

        Where webhooks are asked, others are served meanwhile; what they overtook is tried again.
        """
        self.before_write()
        done = await self.ask(act)
        await self.written()
        return done

    async def ask(self, act: Callable[[], T]) -> T:
        """As `write`, for what changes nothing."""
        return await self._patiently(act) if self.cluster.calls_webhooks() else act()

    async def _patiently(self, act: Callable[[], T]) -> T:
        for _ in range(_TRIES - 1):
            try:
                return await fibers.run(act)
            except Moved:
                self.before_write()
        return await fibers.run(act)

    async def written(self) -> None:
        """To be awaited after a write, before it is answered."""
        self.touch()
        await self.committed()

    async def committed(self) -> None:
        """Returns when all that was written so far is safe."""
        if self._durable and not self._stopped:
            done = asyncio.get_running_loop().create_future()
            self._waiting.append(done)
            await done

    def now(self) -> datetime:
        """The cluster's instant at which a request is answered."""
        return self.pace.until(self.cluster.now) if self.pace.flows else self.cluster.now

    async def advance(self, by: timedelta) -> None:
        """Moves a clock that may be moved, and returns when everything until then is played and safe."""
        self.before_write()
        until = self.pace.move(self.cluster.now, by)
        self._soon()
        while not self._stopped and (due := self.cluster.next_due()) is not None and due <= until:
            await asyncio.sleep(_LOOK_SECONDS)
            if self.pace.until(self.cluster.now) < until:
                # Somebody changed something meanwhile, which alone would not go so far.
                self.pace.move(until, timedelta())
                self._soon()
        if not self._stopped:
            self.cluster.pass_time(until)
            self._soon()
        await self.committed()

    def touch(self) -> None:
        """Something was written from outside: play what follows soon."""
        self.pace.touched(self.cluster.now)
        self._soon()

    # --- the turn -----------------------------------------------------------------------------------------

    def start(self) -> None:
        self._soon()

    def stop(self) -> None:
        """Ends every watch and plays no more; what waits for a commit still gets it."""
        self._stopped = True
        self.hub.close()
        for handle in (self._turn, self._timer):
            if handle is not None:
                handle.cancel()
        if self._standing is not None:
            self._standing.cancel()
        self._turn = self._timer = None
        self._commit()

    def _soon(self) -> None:
        if self._turn is None and not self._stopped:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        more = self._play()
        self._commit()
        self.hub.publish()
        if more:
            self._soon()
        elif self._standing is None:
            self._arm()

    def _play(self) -> bool:
        """Plays what is due, for one slice at most; True if there is more.

        A controller that waits for a webhook holds up the controllers, but nobody else.
        """
        if self._standing is not None:
            return False
        cluster, until = self.cluster, self.pace.until(self.cluster.now)
        end = perf_counter() + SLICE_SECONDS
        while (due := cluster.next_due()) is not None and due <= until:
            try:
                if self._step():
                    return False
            except Exception:
                # A fault in one controller over one key, whatever it is: it is logged, and the others go on,
                # as they do in a real controller manager.
                log.exception("a controller failed")
            if perf_counter() > end:
                return True
        if self.pace.flows:
            cluster.pass_time(until)
        return False

    def _step(self) -> bool:
        """One reconcile; True where it stands still until somebody outside has answered."""
        if not self.cluster.calls_webhooks():
            self.cluster.step()
            return False
        fiber = Fiber(self.cluster.step)
        if fiber.advance():
            self._standing = asyncio.get_running_loop().create_task(self._finish(fiber))
            return True
        fiber.result()
        return False

    async def _finish(self, fiber: Fiber[bool]) -> None:
        """The rest of a step that stands still."""
        try:
            await fiber.answered()
            while fiber.advance():
                await fiber.answered()
            fiber.result()
        except Exception:
            # As in `_play`: one controller's fault ends its own step and nothing else.
            log.exception("a controller failed")
        self._standing = None
        self._soon()

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            self.cluster.commit()
        except Exception as failure:
            # Not only what the disk refuses: whoever waits to be written must hear of any failure, or would
            # wait for ever. Their requests are answered with it.
            log.exception("the cluster's file cannot be written")
            for done in waiting:
                if not done.done():
                    done.set_exception(failure)
            return
        for done in waiting:
            if not done.done():
                done.set_result(None)

    def _arm(self) -> None:
        """Wakes up again when the next thing is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.cluster.next_due()
        seconds = None if due is None else self.pace.seconds_to(due)
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(min(seconds, _WAIT_SECONDS_MAX), self._soon)
