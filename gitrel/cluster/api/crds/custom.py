"""Keeps the scheme in step with the definitions: a kind can be used as soon as its definition is stored.

Subscribed to the store before the controllers are, and nothing here is remembered that the definitions do
not say: a cluster that is reopened or forked serves what it served.
"""

from __future__ import annotations

from collections.abc import Callable

from gitrel.cluster.api.crds import names
from gitrel.cluster.api.crds.definition import RESOURCE
from gitrel.cluster.api.crds.kinds import kind_of
from gitrel.cluster.api.scheme import Scheme
from gitrel.cluster.controllers.controller import Change
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.store.store import Store
from gitrel.kube.identity import Object


class CustomKinds:
    """One per cluster."""

    def __init__(self, store: Store, scheme: Scheme, timestamp: Callable[[], str]) -> None:
        """Adds the kinds of every definition that is stored already."""
        self._store = store
        self._scheme = scheme
        self._timestamp = timestamp
        self._known: dict[str, Kind] = {}
        for definition in store.list(RESOURCE):
            self._serve(definition)

    def complete(self, new: Object, old: Object | None) -> Object:
        """The definition with its names accepted or refused, as it is about to be stored."""
        name = new["metadata"]["name"]
        others = [other for other in self._store.list(RESOURCE) if other["metadata"]["name"] != name]
        return names.calculated(new, others, self._timestamp())

    def on_change(self, change: Change) -> None:
        if change.resource != RESOURCE:
            return
        if change.type == "DELETED":
            self._drop(change.new["metadata"]["name"])
        elif change.old is None or _decisive(change.new) != _decisive(change.old):
            self._serve(change.new)

    def _serve(self, definition: Object) -> None:
        name = definition["metadata"]["name"]
        self._drop(name)
        kind = kind_of(definition)
        # A built-in kind keeps its place, whatever a definition of the same name says.
        if kind is not None and not self._scheme.knows(kind.resource):
            self._scheme.add(kind)
            self._known[name] = kind

    def _drop(self, name: str) -> None:
        kind = self._known.pop(name, None)
        if kind is not None:
            self._scheme.remove(kind)


def _decisive(definition: Object) -> object:
    """Everything in a definition that its kind is made of."""
    names_ = definition["status"].get("acceptedNames")
    leaving = definition["metadata"].get("deletionTimestamp")
    return names_, names.is_established(definition), leaving, definition["spec"]
