"""The one stream of what happens: typed, ordered, and the same for every reader.

Progress displays, logs, metrics, the rehearsal's report and its byte-for-byte event log all read it.
An event is a fact that already happened; nothing is decided from one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gitrel.clock import format_instant


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is a dotted word such as `environment.phase`; `data` holds plain JSON values only."""

    at: datetime
    kind: str
    component: str = ""
    environment: str = ""
    message: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The event as one flat JSON object; empty fields are left out."""
        row: dict[str, Any] = {"at": format_instant(self.at), "kind": self.kind}
        for name in ("component", "environment", "message"):
            if value := getattr(self, name):
                row[name] = value
        return row | ({"data": dict(self.data)} if self.data else {})


Listener = Callable[[Event], None]


class EventStream:
    """Hands each event to every listener, in the order in which they subscribed."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Returns the way to unsubscribe."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            listener(event)
