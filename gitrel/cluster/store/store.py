"""The store: one monotone revision, an append-only log of changes, and the state that the log adds up to.

Every write is one revision and one entry of the log: so the log has no holes, a watch is a position in it,
and a slow reader never holds up a writer. Objects go in and come out by reference and are never edited in
place; the store stamps `metadata.resourceVersion` in a copy of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.store.indexes import BY_LABEL, BY_NODE, BY_OWNER, ObjectKey
from gitrel.cluster.store.table import Table
from gitrel.kube.identity import Object

HISTORY_MAX = 100_000
"""Changes kept for watchers. Past twice as many the older half is compacted, so that it costs nothing per
write.
"""

Listener = Callable[[Change], None]


class Expired(Exception):
    """The position asked for was compacted away: list again and watch from there (HTTP 410 `Expired`)."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")
        self.asked = asked
        self.oldest = oldest


def key_of(obj: Object) -> ObjectKey:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Store:
    """Implements `Reader` for controllers; written to by the API's write path alone."""

    def __init__(self, history_max: int = HISTORY_MAX) -> None:
        self.revision = 0
        self._history_max = history_max
        self._log: list[Change] = []
        self._tables: dict[str, Table] = {}
        self._listeners: tuple[Listener, ...] = ()

    # --- reading ------------------------------------------------------------------------------------------

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        table = self._tables.get(resource)
        return table.objects.get((namespace, name)) if table else None

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Object]:
        table = self._tables.get(resource)
        return [*table.ordered(namespace)] if table else []

    def owned_by(self, resource: str, uid: str) -> Sequence[Object]:
        table = self._tables.get(resource)
        return [table.objects[key] for key in table.index(BY_OWNER).keys(uid)] if table else []

    def on_node(self, node: str) -> Sequence[Object]:
        table = self._tables.get("pods")
        return [table.objects[key] for key in table.index(BY_NODE).keys(node)] if table else []

    def selected(self, resource: str, namespace: str, labels: Mapping[str, str]) -> Sequence[Object]:
        """Walks the rarest of the labels; no labels at all select the whole namespace, as in Kubernetes."""
        table = self._tables.get(resource)
        if table is None or not labels:
            return self.list(resource, namespace)
        index = table.index(BY_LABEL)
        rarest = min((index.keys((namespace, *item)) for item in labels.items()), key=len)
        found = [table.objects[key] for key in rarest]
        if len(labels) == 1:
            return found
        wanted = labels.items()
        return [obj for obj in found if wanted <= obj["metadata"]["labels"].items()]

    def resources(self) -> Sequence[str]:
        """Every resource that has, or had, an object; in alphabetical order."""
        return sorted(self._tables)

    def count(self, resource: str) -> int:
        table = self._tables.get(resource)
        return len(table.objects) if table else 0

    # --- writing ------------------------------------------------------------------------------------------

    def put(self, resource: str, obj: Object) -> Object:
        """Inserts or replaces; returns the object as stored, with its new resourceVersion."""
        self.revision += 1
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}
        old = self._table(resource).put(key_of(stored), stored)
        self._append("MODIFIED" if old else "ADDED", resource, old, stored)
        return stored

    def remove(self, resource: str, namespace: str, name: str) -> Object:
        """Returns the last state, whose resourceVersion is the revision of the removal. Raises KeyError."""
        old = self._table(resource).remove((namespace, name))
        self.revision += 1
        last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.revision)}}
        self._append("DELETED", resource, old, last)
        return last

    def _table(self, resource: str) -> Table:
        table = self._tables.get(resource)
        if table is None:
            table = self._tables[resource] = Table()
        return table

    def _append(
        self, type_: Literal["ADDED", "MODIFIED", "DELETED"], resource: str, old: Object | None, new: Object
    ) -> None:
        change = Change(type_, resource, old, new, self.revision)
        self._log.append(change)
        if len(self._log) > 2 * self._history_max:
            self.compact(self.revision - self._history_max)
        for listener in self._listeners:
            listener(change)

    # --- the log ------------------------------------------------------------------------------------------

    @property
    def compacted(self) -> int:
        """The oldest revision that a watch may start after."""
        return self.revision - len(self._log)

    def compact(self, revision: int) -> None:
        """Forgets the changes up to and including `revision`; later ones stay."""
        del self._log[: max(0, revision - self.compacted)]

    def changes_after(self, revision: int, limit: int | None = None) -> Sequence[Change]:
        """The changes with a higher revision, oldest first. Raises Expired where some are gone already."""
        start = revision - self.compacted
        if start < 0:
            raise Expired(revision, self.compacted)
        return self._log[start : None if limit is None else start + limit]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` with every change, in order, before the write returns. Returns the way to stop."""
        self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return unsubscribe

    # --- copies -------------------------------------------------------------------------------------------

    def copy(self) -> Store:
        """An independent store that shares every object, without the listeners."""
        twin = Store(self._history_max)
        twin.revision = self.revision
        twin._log = self._log.copy()
        twin._tables = {resource: table.copy() for resource, table in self._tables.items()}
        return twin

    def load(self, objects: Iterable[tuple[str, Object]], revision: int) -> None:
        """Fills an empty store from a file: no changes are logged, so watches start at `revision`."""
        assert not self._tables and not self._log, "only an empty store can be loaded"
        for resource, obj in objects:
            self._table(resource).put(key_of(obj), obj)
        self.revision = revision
