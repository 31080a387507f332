"""How many pods that match a selector are on each node, kept up to date as pods come and go.

A counter is filed under one label that a matching pod must carry, so that a pod touches only counters it
could belong to. The same is kept for the terms that pods on nodes hold against, or in favour of, other pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gitrel.cluster.scheduler.template import Term
from gitrel.kube import selectors
from gitrel.kube.selectors import Selector

if TYPE_CHECKING:
    from gitrel.cluster.scheduler.snapshot import Placed, Snapshot

Ints = NDArray[np.int64]
Namespaces = frozenset[str]
Pair = tuple[str, str] | None


class Counter:
    """Matching pods per row of the snapshot. `alive_only` leaves out those that are being deleted."""

    __slots__ = ("alive_only", "namespaces", "rows", "selector", "total")

    def __init__(self, namespaces: Namespaces, selector: Selector, alive_only: bool, length: int) -> None:
        self.namespaces, self.selector, self.alive_only = namespaces, selector, alive_only
        self.rows: Ints = np.zeros(length, dtype=np.int64)
        self.total = 0

    def matches(self, placed: Placed) -> bool:
        template = placed.template
        return (
            template.namespace in self.namespaces
            and not (self.alive_only and placed.terminating)
            and selectors.matches(self.selector, template.labels)
        )

    def move(self, row: int, by: int) -> None:
        self.rows[row] += by
        self.total += by


class Counting:
    """All counters of one snapshot, the pods by label, and the terms held by pods on nodes."""

    _LIMIT = 20_000

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._counters: dict[tuple[Namespaces, Selector, bool], Counter] = {}
        self._filed: dict[Pair, list[Counter]] = {}
        self._pods: dict[Pair, dict[str, Placed]] = {None: {}}
        self.terms: dict[Term, Ints] = {}
        """Term → how many pods hold it, per row."""
        self._holders: dict[Term, int] = {}

    def of(self, namespaces: Iterable[str], selector: Selector, *, alive_only: bool = False) -> Counter:
        """The counter for these pods; made from the pods on nodes when it is first asked for."""
        key = (frozenset(namespaces), selector, alive_only)
        counter = self._counters.get(key)
        if counter is None:
            if len(self._counters) >= self._LIMIT:
                self._counters.clear()
                self._filed.clear()
            counter = self._counters[key] = self._count(Counter(*key, len(self._snapshot.present)))
        return counter

    def _count(self, counter: Counter) -> Counter:
        pairs = _required_pairs(counter.selector)
        candidates = min((self._pods.get(pair) or {} for pair in pairs), key=len)
        for placed in candidates.values():
            if counter.matches(placed):
                counter.move(placed.row, 1)
        # Filed under its rarest label: that is the one the fewest other pods carry.
        rarest = min(pairs, key=lambda pair: len(self._pods.get(pair) or ()))
        self._filed.setdefault(rarest, []).append(counter)
        return counter

    def add(self, placed: Placed) -> None:
        for pair in _pairs(placed.template.labels):
            self._pods.setdefault(pair, {})[placed.uid] = placed
        self._move(placed, 1)

    def remove(self, placed: Placed) -> None:
        for pair in _pairs(placed.template.labels):
            pods = self._pods[pair]
            pods.pop(placed.uid, None)
            if not pods and pair is not None:
                del self._pods[pair]
        self._move(placed, -1)

    def _move(self, placed: Placed, by: int) -> None:
        for pair in _pairs(placed.template.labels):
            for counter in self._filed.get(pair, ()):
                if counter.matches(placed):
                    counter.move(placed.row, by)
        for term in placed.template.terms:
            self._move_term(term, placed.row, by)

    def _move_term(self, term: Term, row: int, by: int) -> None:
        if term not in self.terms:
            self.terms[term] = np.zeros(len(self._snapshot.present), dtype=np.int64)
        self.terms[term][row] += by
        self._holders[term] = self._holders.get(term, 0) + by
        if not self._holders[term]:
            del self._holders[term], self.terms[term]

    def grow(self, length: int) -> None:
        for counter in self._counters.values():
            counter.rows = _resized(counter.rows, length)
        for term, rows in self.terms.items():
            self.terms[term] = _resized(rows, length)


def _pairs(labels: Mapping[str, str]) -> Iterable[Pair]:
    yield None
    yield from labels.items()


def _required_pairs(selector: Selector) -> list[Pair]:
    """The labels a match must carry; None, which every pod is filed under, where there is none."""
    pairs: list[Pair] = [
        (requirement.key, next(iter(requirement.values)))
        for requirement in selector
        if requirement.operator == "In" and len(requirement.values) == 1
    ]
    return pairs or [None]


def _resized(column: Ints, length: int) -> Ints:
    new = np.zeros(length, dtype=np.int64)
    new[: len(column)] = column
    return new
