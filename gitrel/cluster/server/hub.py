"""Wakes the watches of a resource that changed, once a turn, and remembers what spares them work.

A watch is a position in the store's log, so nothing is queued for anybody here. What is kept: when each
resource changed last (a watch of a quiet one misses nothing, however long the log of the busy ones grew), and
the last events as bytes, which a thousand watches of one thing share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.store.cursor import WatchEvent
from gitrel.cluster.store.store import Store

_FRAMES_MAX = 4096


class Hub:
    """Belongs to one event loop, and to the store it is made for."""

    def __init__(self, store: Store) -> None:
        self.closing = False
        self._known_from = store.revision
        self._changed: dict[str, int] = {}
        self._dirty: set[str] = set()
        self._watches: dict[str, set[asyncio.Event]] = {}
        self._frames: dict[tuple[str, str], bytes] = {}
        store.subscribe(self._on_change)

    def _on_change(self, change: Change) -> None:
        self._changed[change.resource] = change.revision
        self._dirty.add(change.resource)

    def publish(self) -> None:
        """Wakes everybody whose resource changed since the last time."""
        for resource in self._dirty:
            for woken in self._watches.get(resource, ()):
                woken.set()
        self._dirty.clear()

    def close(self) -> None:
        """Ends every watch."""
        self.closing = True
        for watches in self._watches.values():
            for woken in watches:
                woken.set()

    @property
    def watching(self) -> int:
        return sum(map(len, self._watches.values()))

    @contextmanager
    def watch(self, resource: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the resource changed."""
        woken = asyncio.Event()
        watches = self._watches.setdefault(resource, set())
        watches.add(woken)
        try:
            yield woken
        finally:
            watches.discard(woken)

    def quiet_since(self, resource: str, revision: int) -> bool:
        """Whether it is certain that nothing of `resource` changed after `revision`.

        Of what came before this hub nothing is known.
        """
        return revision >= self._known_from and self._changed.get(resource, 0) <= revision

    def frame(self, event: WatchEvent) -> bytes:
        """One line of a watch. A revision is given to one object only, so it names the event too."""
        key = (event.type, event.object["metadata"]["resourceVersion"])
        found = self._frames.get(key)
        if found is None:
            if len(self._frames) >= _FRAMES_MAX:
                self._frames.clear()
            found = orjson.dumps({"type": event.type, "object": event.object}) + b"\n"
            self._frames[key] = found
        return found
