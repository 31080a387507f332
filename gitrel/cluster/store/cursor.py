"""A cursor: a watch as a position in the log, filtered, resumable at any revision that was not compacted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gitrel.cluster.store.store import Store
from gitrel.kube.identity import Object


class WatchEvent(NamedTuple):
    """`type` is ADDED, MODIFIED or DELETED, as the watcher's filter sees it."""

    type: str
    object: Object


class Cursor:
    """Reads one resource's changes after `revision`.

    An object that starts or stops to match `where` (a label selector, say) is ADDED or DELETED for the
    watcher, whatever the log calls the change (apiserver `storage/etcd3/watcher.go`).
    """

    def __init__(
        self,
        store: Store,
        resource: str,
        revision: int,
        *,
        namespace: str | None = None,
        where: Callable[[Object], bool] | None = None,
    ) -> None:
        self._store = store
        self._resource = resource
        self._namespace = namespace
        self._where = where
        self.revision = revision

    def read(self, limit: int | None = None) -> Sequence[WatchEvent]:
        """What happened since the last read, at most `limit` log entries of it. Raises Expired."""
        changes = self._store.changes_after(self.revision, limit)
        events = []
        for change in changes:
            self.revision = change.revision
            if change.resource != self._resource:
                continue
            seen_before = change.old is not None and self._sees(change.old)
            seen_now = change.type != "DELETED" and self._sees(change.new)
            if seen_now:
                events.append(WatchEvent("MODIFIED" if seen_before else "ADDED", change.new))
            elif seen_before:
                events.append(WatchEvent("DELETED", change.new))
        return events

    def _sees(self, obj: Object) -> bool:
        if self._namespace is not None and obj["metadata"].get("namespace", "") != self._namespace:
            return False
        return self._where is None or self._where(obj)
