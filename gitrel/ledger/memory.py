"""The journal in memory: the same promises without a disk, for rehearsals and tests.

Ids are consecutive numbers and records are kept as they are: a save costs microseconds, so a rehearsal
spends its time on the rollout.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from gitrel.errors import Conflict
from gitrel.ledger.ledger import Entry
from gitrel.rollout.actions import MovePointer
from gitrel.rollout.state import Rollout

OnMove = Callable[[str, MovePointer], None]


class MemoryLedger:
    """Hands each (component, move) to `on_move` before it remembers the entries that explain it.

    Where `on_move` raises, nothing is remembered; to undo what it did for earlier moves of the same save
    is its own affair, as only it knows where the pointers are kept.
    """

    def __init__(self, on_move: OnMove) -> None:
        self._on_move = on_move
        self._lock = threading.RLock()
        self._entries: list[Entry] = []
        self._records: dict[str, Rollout] = {}

    def head(self) -> str:
        return self._entries[-1].id if self._entries else ""

    def load(self) -> tuple[str, Mapping[str, Rollout]]:
        with self._lock:
            return self.head(), MappingProxyType(dict(self._records))

    def save(self, entries: Sequence[Entry], moves: Sequence[tuple[str, MovePointer]], *, head: str) -> str:
        with self._lock:
            if head != self.head():
                last = self._entries[-1] if self._entries else None
                by = f": {last.actor} was first ({last.component}: {last.because})" if last else ""
                raise Conflict(f"the journal moved on{by}")
            explained = {entry.component for entry in entries}
            if unexplained := [component for component, _ in moves if component not in explained]:
                raise ValueError(f"no entry explains the move of {unexplained[0]}")
            for component, move in moves:
                self._on_move(component, move)
            for entry in entries:
                number = len(self._entries) + 1
                self._entries.append(replace(entry, sequence=number, id=str(number), previous=self.head()))
                self._records[entry.component] = entry.after
            return self.head()

    def history(self, component: str | None = None) -> Iterator[Entry]:
        """All entries there are when it is called, oldest first."""
        for entry in self._entries[:]:
            if component in (None, entry.component):
                yield entry
