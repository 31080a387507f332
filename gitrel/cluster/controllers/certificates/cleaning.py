"""Deletes requests that nobody waits for any more (`pkg/controller/certificates/cleaner`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from gitrel.clock import parse_instant
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.kinds.certificates import RESOURCE
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

DECIDED = timedelta(hours=1)
"""How long a request stays after it was approved, denied, or has failed."""
PENDING = timedelta(hours=24)


def end_of(request: Object) -> datetime:
    """When the request goes, if nothing more happens to it."""
    ends = [parse_instant(request["metadata"]["creationTimestamp"]) + PENDING]
    for row in get(request, "status", "conditions", default=()):
        if row["type"] in ("Approved", "Denied", "Failed"):
            told = row.get("lastUpdateTime") or row.get("lastTransitionTime")
            ends += [parse_instant(told) + DECIDED] if told else []
    return min(ends)


class CleaningController:
    name = "csrcleaner"
    watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {RESOURCE: own_key}

    def reconcile(self, key: Key, context: Context) -> None:
        request = context.read.get(RESOURCE, "", key.name)
        if request is None:
            return
        if context.now < (end := end_of(request)):
            context.requeue_at(key, end)
            return
        context.write.delete(RESOURCE, "", key.name, uid=request["metadata"]["uid"])
