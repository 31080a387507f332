"""The journal: an append-only chain of what was observed and decided, shared by every writer.

A save is a compare-and-swap on the head of the chain: whoever read an older head gets `Conflict`, reads
again and decides again. Pointer moves travel with the entry that explains them, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gitrel.rollout.actions import MovePointer
from gitrel.rollout.state import Rollout


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of one component. `inputs` and `actions` are plain JSON, enough to decide it again.

    kind      `decision` (a pass decided) or a command: `promote`, `rollback`, `pause`, `resume`, …
    commit    the commit of the config repository that was read
    spec      digest of the schedule in force (its text is kept beside the entry)
    inputs    decision: `{"seen": {…}}`; command: its arguments

    The ledger sets the last three when it appends: `sequence` counts the journal's entries from 1,
    `previous` is the id of the entry before, empty for the first.
    """

    at: datetime
    component: str
    kind: str
    actor: str
    commit: str
    because: str
    spec: str
    spec_json: Mapping[str, Any]
    inputs: Mapping[str, Any]
    actions: tuple[Mapping[str, Any], ...]
    after: Rollout
    sequence: int = 0
    id: str = field(default="", compare=False)
    previous: str = field(default="", compare=False)


class Ledger(Protocol):
    def head(self) -> str:
        """The id of the newest entry, empty for a new journal."""
        ...

    def load(self) -> tuple[str, Mapping[str, Rollout]]:
        """The head, and the newest record of every component that has one."""
        ...

    def save(self, entries: Sequence[Entry], moves: Sequence[tuple[str, MovePointer]], *, head: str) -> str:
        """Appends `entries` and commits `moves` (component, move) in one step; gives the new head.

        Raises `Conflict` where the journal's head, or the branch that a move changes, is no longer
        the one that was read; nothing is written then.
        """
        ...

    def history(self, component: str | None = None) -> Iterator[Entry]:
        """All entries, oldest first."""
        ...
