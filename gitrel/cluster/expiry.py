"""Events are forgotten an hour after they last happened, as the API server's `--event-ttl` has it.

One key stands for all events of one namespace in one minute, so that thousands of events cost one timer.
(The real server leases them by the minute too.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from gitrel.clock import parse_instant
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader

EVENT_TTL = timedelta(hours=1)
_MINUTE = len("2026-01-31T12:00")


class EventExpiry:
    """Keys: (namespace, minute of the last occurrence)."""

    name = "event-expiry"

    def __init__(self) -> None:
        self.watches = {"events": _wake}

    def reconcile(self, key: Key, context: Context) -> None:
        due = parse_instant(f"{key.name}:00Z") + timedelta(minutes=1) + EVENT_TTL
        if context.now < due:
            context.requeue_at(key, due)
            return
        for event in context.read.list("events", key.namespace):
            if _minute(event) == key.name:
                context.write.delete("events", key.namespace, event["metadata"]["name"])


def _wake(change: Change, read: Reader) -> Iterable[Key]:
    if change.type == "DELETED":
        return ()
    return (Key(change.new["metadata"]["namespace"], _minute(change.new)),)


def _minute(event: Mapping[str, Any]) -> str:
    instant = event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]
    return str(instant)[:_MINUTE]
