"""Which pods are to be scheduled, in which order, and when one that did not fit is tried again.

Order: higher priority first, then whoever has stood longer (by revision). A pod that failed waits until a
change makes room for it, but no less than its back-off of 1 s, 2, 4, 8, 10 after its last attempt, and no
longer than 5 minutes. Whether a change makes room is found out by looking, so an attempt that would fail is
not made, and nothing has to be remembered about changes in between. How often a pod was tried and when last
stands in its FailedScheduling events.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from gitrel.cluster.controllers.controller import Key
from gitrel.cluster.scheduler.template import Template

BACKOFF_FIRST_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 10.0
FLUSH_AFTER_SECONDS = 300.0


def backoff_seconds(attempts: int) -> float:
    """How long a pod is left alone after its `attempts`-th failure."""
    return min(BACKOFF_FIRST_SECONDS * 2.0 ** min(attempts - 1, 10), BACKOFF_MAX_SECONDS)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A pod to be scheduled. `tried_at` is in seconds since 1970, cut to whole seconds as its events are."""

    key: Key
    uid: str
    priority: int
    revision: int
    template: Template
    gated: bool = False
    attempts: int = 0
    tried_at: float = 0.0

    @property
    def order(self) -> tuple[int, int, Key]:
        return -self.priority, self.revision, self.key

    @property
    def free_at(self) -> float:
        """When its back-off ends."""
        return self.tried_at + backoff_seconds(self.attempts)

    @property
    def flush_at(self) -> float:
        return self.tried_at + FLUSH_AFTER_SECONDS


def entry_of(pod: Mapping[str, Any], template: Template, attempts: int = 0, tried_at: float = 0.0) -> Entry:
    metadata, spec = pod["metadata"], pod["spec"]
    return Entry(
        Key(metadata.get("namespace", ""), metadata["name"]),
        metadata["uid"],
        spec.get("priority") or 0,
        int(metadata["resourceVersion"]),
        template,
        bool(spec.get("schedulingGates")),
        attempts,
        tried_at,
    )


class Queue:
    """`active` pods are tried at the next pass, `waiting` ones when there is room for them or they are
    flushed.
    """

    def __init__(self) -> None:
        self.active: dict[Key, Entry] = {}
        self.waiting: dict[Template, dict[Key, Entry]] = {}
        self._template_of: dict[Key, Template] = {}
        self._flushes: list[tuple[float, Key]] = []

    def put(self, entry: Entry) -> None:
        """A pod that is new, or was changed by its owner: it is tried at once."""
        self.drop(entry.key)
        self.active[entry.key] = entry

    def put_back(self, entry: Entry) -> None:
        """A pod that was tried in vain."""
        self.drop(entry.key)
        self.waiting.setdefault(entry.template, {})[entry.key] = entry
        self._template_of[entry.key] = entry.template
        heapq.heappush(self._flushes, (entry.flush_at, entry.key))

    def drop(self, key: Key) -> None:
        self.active.pop(key, None)
        template = self._template_of.pop(key, None)
        if template is not None:
            group = self.waiting[template]
            del group[key]
            if not group:
                del self.waiting[template]

    def _waiting_entry(self, key: Key) -> Entry | None:
        template = self._template_of.get(key)
        return None if template is None else self.waiting[template][key]

    def flushed(self, now: float) -> list[Entry]:
        """The waiting pods that are tried again whether or not there is room. Each is given out once."""
        due = []
        while self.next_flush() <= now:
            entry = self._waiting_entry(heapq.heappop(self._flushes)[1])
            if entry is not None:
                due.append(entry)
        return due

    def next_flush(self) -> float:
        """When the next waiting pod is flushed; infinite where none waits."""
        while self._flushes:
            at, key = self._flushes[0]
            entry = self._waiting_entry(key)
            if entry is not None and entry.flush_at == at:
                return at
            heapq.heappop(self._flushes)
        return inf


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.order)
