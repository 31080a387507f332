"""One scheduling cycle: filter the nodes, score those that are left, choose one.

The choice among equally good nodes is seeded: the pod's uid is mixed with each node's name, and the least
mixture wins. So it spreads evenly, is the same for the same seed, and does not depend on the order in which
nodes came. Every node is looked at and scored; Kubernetes stops early in large clusters to save time, which
columns need not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from gitrel.cluster.scheduler.demand import CPU, MEMORY, PODS, Demand
from gitrel.cluster.scheduler.plugins import (
    balancedallocation,
    imagelocality,
    interpodaffinity,
    nodeaffinity,
    nodeports,
    noderesourcesfit,
    nodeunschedulable,
    podtopologyspread,
    tainttoleration,
)
from gitrel.cluster.scheduler.refusal import Refusal, available
from gitrel.cluster.scheduler.snapshot import Ints, Mask, Snapshot
from gitrel.cluster.scheduler.template import Spread, Template

WEIGHT_TAINT_TOLERATION = 3
WEIGHT_NODE_AFFINITY = 2
WEIGHT_POD_TOPOLOGY_SPREAD = 2
WEIGHT_INTER_POD_AFFINITY = 2

NO_NODES = "no nodes available to schedule pods"
_ROWS_BY_PREDICATE_MAX = 6
"""Up to so many changed rows cost less one by one than numpy takes to set out."""
_ROWS_ONE_BY_ONE_MAX = 16
"""Up to so many changed rows are brought up to date through an index; more than that, the whole column at
once.
"""

Defaults = Callable[[], tuple[Spread, ...]]
Reasons = Callable[[Ints], Mapping[str, int]]
"""For rows that one plugin refuses: reason → how many of them give it."""


@dataclass(slots=True)
class _Suit:
    """What nodes are to templates with the same placement rules, whoever else is there. Valid for one
    version.
    """

    version: int
    schedulable: Mask
    untainted: Mask
    suited: Mask
    allowed: Mask
    disliked: Ints | None
    preferred: Ints | None


@dataclass(slots=True)
class _Room:
    """What is left on nodes for a demand: where it fits, and how good that would be. Kept up by the
    journal.
    """

    version: int
    position: int
    fits: Mask
    score: Ints


class Cycle:
    """Finds nodes on one snapshot. Remembers per demand and per placement what only changes with the
    nodes.
    """

    _LIMIT = 4096

    def __init__(self, snapshot: Snapshot, namespaces: Mapping[str, Mapping[str, str]]) -> None:
        self._snapshot = snapshot
        self._namespaces = namespaces
        self._suits: dict[bytes, _Suit] = {}
        self._rooms: dict[Demand, _Room] = {}

    def find(self, template: Template, uid: str, defaults: Defaults) -> str | None:
        """The best node for a pod; None where none is feasible.

        `defaults` gives the cluster's own spread constraints, and is asked only for a pod that has none.
        """
        feasible = self._feasible(template)
        candidates = np.flatnonzero(feasible)
        if not len(candidates):
            return None
        if len(candidates) > 1:
            scores = self._score(template, feasible, defaults)[candidates]
            candidates = candidates[scores == scores.max()]
        return self._snapshot.names[self._draw(candidates, uid)]

    def takes(self, template: Template, row: int) -> bool:
        """Whether one node would take a pod of the template now."""
        return bool(self._feasible(template)[row])

    def is_feasible(self, template: Template) -> bool:
        """Whether any node would take a pod of the template now."""
        return bool(self._feasible(template).any())

    def _draw(self, candidates: Ints, uid: str) -> int:
        """The tie-break: the candidate whose hash of (pod uid, node name) is least."""
        if len(candidates) == 1:
            return int(candidates[0])
        pod = np.uint64(int.from_bytes(blake2b(uid.encode(), digest_size=8).digest(), "big"))
        mixed = (self._snapshot.hashes[candidates] ^ pod) * np.uint64(0x9E3779B97F4A7C15)
        return int(candidates[(mixed ^ (mixed >> np.uint64(29))).argmin()])

    # --- filter -------------------------------------------------------------------------------------------

    def _feasible(self, template: Template) -> Mask:
        mask = self._suit(template).allowed & self._room(template.demand).fits
        if template.ports and self._snapshot.ports:
            mask &= nodeports.filter_rows(self._snapshot, template)
        if any(spread.hard for spread in template.spreads):
            mask &= self._spread(template)[1]
        if interpodaffinity.concerns(self._snapshot, template):
            verdict = interpodaffinity.filter_rows(self._snapshot, template, self._namespaces)
            mask &= verdict.affinity & verdict.anti_affinity & verdict.existing
        return mask

    def _spread(self, template: Template) -> tuple[Mask, Mask]:
        suit = self._suit(template)
        return podtopologyspread.filter_rows(self._snapshot, template, suit.suited, suit.untainted)

    def _suit(self, template: Template) -> _Suit:
        snapshot = self._snapshot
        found = self._suits.get(template.placement)
        if found is not None and found.version == snapshot.version:
            return found
        schedulable = nodeunschedulable.filter_rows(snapshot, template)
        untainted = tainttoleration.filter_rows(snapshot, template)
        suited = nodeaffinity.filter_rows(snapshot, template)
        if len(self._suits) >= self._LIMIT:
            self._suits.clear()
        found = self._suits[template.placement] = _Suit(
            snapshot.version,
            schedulable,
            untainted,
            suited,
            snapshot.present[: snapshot.size] & schedulable & untainted & suited,
            tainttoleration.disliked_rows(snapshot, template),
            nodeaffinity.preferred_rows(snapshot, template),
        )
        return found

    def _room(self, demand: Demand) -> _Room:
        snapshot = self._snapshot
        room = self._rooms.get(demand)
        if room is None or room.version != snapshot.version:
            if len(self._rooms) >= self._LIMIT:
                self._rooms.clear()
            everything = slice(0, snapshot.size)
            room = self._rooms[demand] = _Room(
                snapshot.version,
                len(snapshot.journal),
                noderesourcesfit.filter_rows(snapshot, demand, everything),
                self._room_score(demand, everything),
            )
        elif room.position < len(snapshot.journal):
            self._catch_up(room, demand, snapshot.journal[room.position :])
            room.position = len(snapshot.journal)
        return room

    def _catch_up(self, room: _Room, demand: Demand, changed: list[int]) -> None:
        """Brings the changed rows up to date: by the predicates where they are few, else as columns."""
        snapshot = self._snapshot
        if len(changed) <= _ROWS_BY_PREDICATE_MAX:
            for row in changed:
                room.fits[row], room.score[row] = self._row_of(demand, row)
            return
        few = len(changed) <= max(_ROWS_ONE_BY_ONE_MAX, snapshot.size // 8)
        rows = np.array(changed) if few else slice(0, snapshot.size)
        room.fits[rows] = noderesourcesfit.filter_rows(snapshot, demand, rows)
        room.score[rows] = self._room_score(demand, rows)

    def _row_of(self, demand: Demand, row: int) -> tuple[bool, int]:
        """(whether the demand fits on one node, how good that would be), without the cost of arrays."""
        snapshot = self._snapshot
        resources = (CPU, MEMORY, PODS, *(resource for resource, _ in noderesourcesfit.asked(demand)))
        offered = {r: int(snapshot.allocatable[r][row]) for r in resources if r in snapshot.allocatable}
        taken = {r: int(snapshot.requested[r][row]) for r in offered}
        score = noderesourcesfit.score(
            (offered[CPU], int(snapshot.scored_cpu[row]) + demand.scored_cpu),
            (offered[MEMORY], int(snapshot.scored_memory[row]) + demand.scored_memory),
        )
        if not demand.is_best_effort:
            score += balancedallocation.score(
                (offered[CPU], taken[CPU] + demand.basic[0]),
                (offered[MEMORY], taken[MEMORY] + demand.basic[1]),
            )
        return not noderesourcesfit.insufficient(offered, taken, demand), score

    def _room_score(self, demand: Demand, rows: Ints | slice) -> Ints:
        score = noderesourcesfit.score_rows(self._snapshot, demand, rows)
        balance = balancedallocation.score_rows(self._snapshot, demand, rows)
        return score if balance is None else score + balance

    # --- score --------------------------------------------------------------------------------------------

    def _score(self, template: Template, feasible: Mask, defaults: Defaults) -> Ints:
        """The weighted sum per row; a plugin to which all feasible nodes are alike adds nothing."""
        snapshot, suit = self._snapshot, self._suit(template)
        total = self._room(template.demand).score
        if suit.disliked is not None:
            total = total + WEIGHT_TAINT_TOLERATION * tainttoleration.normalized(suit.disliked, feasible)
        if suit.preferred is not None:
            total = total + WEIGHT_NODE_AFFINITY * nodeaffinity.normalized(suit.preferred, feasible)
        soft = tuple(s for s in template.spreads if not s.hard) if template.spreads else defaults()
        if soft:
            part = podtopologyspread.score_rows(snapshot, template, soft, feasible, suit.suited)
            if part is not None:
                total = total + WEIGHT_POD_TOPOLOGY_SPREAD * part
        if interpodaffinity.concerns(snapshot, template):
            part = interpodaffinity.score_rows(snapshot, template, self._namespaces, feasible)
            if part is not None:
                total = total + WEIGHT_INTER_POD_AFFINITY * part
        images = imagelocality.score_rows(snapshot, template)
        return total if images is None else total + images

    # --- why not ------------------------------------------------------------------------------------------

    def explain(self, template: Template) -> Refusal:
        """Why no node is feasible: each node counts for the first plugin that refuses it."""
        present = self._snapshot.present[: self._snapshot.size]
        nodes = int(present.sum())
        if not nodes:
            return Refusal(NO_NODES)
        counts, hopeful = self._count_refusals(template, present.copy())
        return Refusal(available(nodes, counts), nodes, hopeful)

    def refused_by(self, template: Template, row: int) -> Counter[str]:
        """The reasons of one node; none where it is feasible."""
        alone = np.zeros(self._snapshot.size, dtype=bool)
        alone[row] = True
        return self._count_refusals(template, alone)[0]

    def _count_refusals(self, template: Template, left: Mask) -> tuple[Counter[str], Ints]:
        """Reasons of the nodes that are `left`, and the rows of those that others could make room on."""
        counts: Counter[str] = Counter()
        hopeful = np.zeros(len(left), dtype=bool)
        for mask, reasons, may_help in self._refusals(template):
            refused = left & ~mask
            if rows := np.flatnonzero(refused).tolist():
                counts.update(reasons(np.array(rows)))
                hopeful |= refused & may_help
            left &= mask
        return counts, np.flatnonzero(hopeful)

    def _refusals(self, template: Template) -> Iterator[tuple[Mask, Reasons, Mask | bool]]:
        """(rows that pass, reasons for those that do not, where it could help that others go), in the order
        in which Kubernetes filters.
        """
        snapshot, suit = self._snapshot, self._suit(template)
        yield suit.schedulable, _always(nodeunschedulable.REASON), False
        yield suit.untainted, _always(tainttoleration.REASON), False
        yield suit.suited, _always(nodeaffinity.REASON), False
        if template.ports:
            yield nodeports.filter_rows(snapshot, template), _always(nodeports.REASON), True
        fits, large = self._room(template.demand).fits, noderesourcesfit.large_rows(snapshot, template.demand)
        yield fits, lambda rows: noderesourcesfit.reasons(snapshot, template.demand, rows), large
        if any(spread.hard for spread in template.spreads):
            labelled, even = self._spread(template)
            yield labelled, _always(podtopologyspread.REASON_MISSING_LABEL), False
            yield even, _always(podtopologyspread.REASON), True
        if interpodaffinity.concerns(snapshot, template):
            verdict = interpodaffinity.filter_rows(snapshot, template, self._namespaces)
            yield verdict.affinity, _always(interpodaffinity.REASON_AFFINITY), False
            yield verdict.anti_affinity, _always(interpodaffinity.REASON_ANTI_AFFINITY), True
            yield verdict.existing, _always(interpodaffinity.REASON_EXISTING), True


def _always(reason: str) -> Reasons:
    return lambda rows: {reason: len(rows)}
