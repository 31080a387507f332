"""Indexes: from a term (an owner's uid, a label, a node) to the keys of the objects that carry it, in order.

An index is built when it is first asked for and kept up to date from then on, so that resources nobody asks
about that way cost nothing.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from gitrel.kube.identity import Object

ObjectKey = tuple[str, str]
"""(namespace, name); the namespace of cluster-scoped objects is empty."""


class Indexed(NamedTuple):
    """What an index is made of: the field that decides, and the terms that its value stands for.

    The field is looked at first: as objects share what did not change, most writes end at an identity test.
    """

    field: Callable[[Object], Any]
    terms: Callable[[ObjectKey, Any], Iterable[Hashable]]


def _owner_references(obj: Object) -> Any:
    return obj["metadata"].get("ownerReferences")


def _labels(obj: Object) -> Any:
    return obj["metadata"].get("labels")


def _node_name(obj: Object) -> Any:
    spec = obj.get("spec")
    return spec.get("nodeName") if spec else None


BY_OWNER = Indexed(_owner_references, lambda _, refs: {ref["uid"] for ref in refs})
BY_LABEL = Indexed(_labels, lambda key, labels: [(key[0], *item) for item in labels.items()])
BY_NODE = Indexed(_node_name, lambda _, node: (node,))


class Index:
    """Term → keys in order."""

    __slots__ = ("_groups", "_indexed")

    def __init__(self, indexed: Indexed, objects: Iterable[tuple[ObjectKey, Object]] = ()) -> None:
        self._indexed = indexed
        self._groups: dict[Hashable, list[ObjectKey]] = {}
        for key, obj in objects:
            self.move(key, None, obj)

    def keys(self, term: Hashable) -> Sequence[ObjectKey]:
        """The live list: to be read at once, and never kept or changed by the caller."""
        return self._groups.get(term, ())

    def move(self, key: ObjectKey, old: Object | None, new: Object | None) -> None:
        """Follows one write; `old` is None for a new object, `new` for one that is gone."""
        before = self._indexed.field(old) if old else None
        after = self._indexed.field(new) if new else None
        if before is after or before == after:
            return
        for term in self._indexed.terms(key, before) if before else ():
            self._drop(term, key)
        for term in self._indexed.terms(key, after) if after else ():
            group = self._groups.get(term)
            if group is None:
                self._groups[term] = [key]
            else:
                insort(group, key)

    def _drop(self, term: Hashable, key: ObjectKey) -> None:
        group = self._groups[term]
        del group[bisect_left(group, key)]
        if not group:
            del self._groups[term]

    def copy(self) -> Index:
        twin = Index(self._indexed)
        twin._groups = {term: list(keys) for term, keys in self._groups.items()}
        return twin
