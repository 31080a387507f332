"""The cluster as the scheduler sees it: one row a node, one column a fact, and the pods that are on them.

Rows are taken and given back as nodes come and go; which row a node has means nothing, so a snapshot kept up
to date change by change and one built afresh from the objects answer alike. `journal` lists every row whose
pods changed, so that whoever remembers something per row can bring just those rows up to date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gitrel.cluster.scheduler.counting import Counting
from gitrel.cluster.scheduler.demand import BASIC, amounts
from gitrel.cluster.scheduler.images import sizes_of
from gitrel.cluster.scheduler.template import Port, Template
from gitrel.kube.identity import Object, labels_of
from gitrel.kube.selectors import Requirement

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_ROWS_FIRST = 128
_JOURNAL_MAX = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A pod on a node."""

    uid: str
    row: int
    template: Template
    terminating: bool


class Snapshot:
    """Columns over nodes. All arrays run to `size`; rows without a node are False in `present`."""

    def __init__(self) -> None:
        self.size = 0
        self.rows: dict[str, int] = {}
        self.nodes: list[Object | None] = []
        self.names: list[str] = []
        self.present: Mask = np.zeros(_ROWS_FIRST, dtype=bool)
        self.unschedulable: Mask = np.zeros(_ROWS_FIRST, dtype=bool)
        self.hashes: NDArray[np.uint64] = np.zeros(_ROWS_FIRST, dtype=np.uint64)
        self.allocatable: dict[str, Ints] = {r: _zeros() for r in BASIC}
        self.requested: dict[str, Ints] = {r: _zeros() for r in BASIC}
        self.scored_cpu: Ints = _zeros()
        self.scored_memory: Ints = _zeros()
        self.tainted: dict[int, tuple[Mapping[str, Any], ...]] = {}
        self.images: dict[int, Mapping[str, int]] = {}
        self.ports: dict[int, dict[Port, int]] = {}
        self.pods: dict[tuple[str, str], Placed] = {}
        self.counting = Counting(self)
        self.journal: list[int] = []
        self.version = 0
        """Moves whenever a node itself changes: whatever was remembered about nodes is void."""
        self._codes: dict[str, tuple[NDArray[np.int32], tuple[str, ...]]] = {}
        self._free: list[int] = []

    # --- nodes --------------------------------------------------------------------------------------------

    def put_node(self, node: Object) -> bool:
        """Adds or replaces a node; False where nothing changed that scheduling reads."""
        name = node["metadata"]["name"]
        row = self._row(name)
        old = self.nodes[row]
        if old is not None and _same_for_scheduling(old, node):
            self.nodes[row] = node
            return False
        self.nodes[row] = node
        self.present[row] = True
        self.unschedulable[row] = bool(node["spec"].get("unschedulable"))
        self._set_allocatable(row, amounts((node.get("status") or {}).get("allocatable")))
        _set(self.tainted, row, tuple(node["spec"].get("taints") or ()))
        _set(self.images, row, sizes_of(node))
        self._void()
        return True

    def remove_node(self, name: str) -> None:
        """Forgets the node. Its row stays while pods are still bound to it."""
        row = self.rows.get(name)
        if row is None:
            return
        self.nodes[row] = None
        self.present[row] = False
        self.tainted.pop(row, None)
        self.images.pop(row, None)
        if not self.requested["pods"][row]:
            del self.rows[name]
            self.names[row] = ""
            self._free.append(row)
        self._void()

    def _void(self) -> None:
        self.version += 1
        self.journal.clear()
        self._codes.clear()

    def _row(self, name: str) -> int:
        row = self.rows.get(name)
        if row is not None:
            return row
        if self._free:
            row = self._free.pop()
            self.nodes[row], self.names[row] = None, name
        else:
            row = self.size
            self.nodes.append(None)
            self.names.append(name)
            self.size += 1
            if self.size > len(self.present):
                self._grow()
        self.rows[name] = row
        self.hashes[row] = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
        self._void()
        return row

    def _grow(self) -> None:
        double = 2 * len(self.present)
        self.present = _resized(self.present, double)
        self.unschedulable = _resized(self.unschedulable, double)
        self.hashes = _resized(self.hashes, double)
        self.scored_cpu, self.scored_memory = (
            _resized(self.scored_cpu, double),
            _resized(self.scored_memory, double),
        )
        for columns in (self.allocatable, self.requested):
            for resource, column in columns.items():
                columns[resource] = _resized(column, double)
        self.counting.grow(double)

    def _set_allocatable(self, row: int, offered: Mapping[str, int]) -> None:
        for resource in offered.keys() - self.allocatable.keys():
            self._add_resource(resource)
        for resource, column in self.allocatable.items():
            column[row] = offered.get(resource, 0)

    def _add_resource(self, resource: str) -> None:
        for columns in (self.allocatable, self.requested):
            columns.setdefault(resource, np.zeros(len(self.present), dtype=np.int64))

    # --- pods ---------------------------------------------------------------------------------------------

    def put_pod(self, pod: Object, template: Template) -> bool:
        """Adds a pod that is bound, or notes what changed about it; False where that is nothing."""
        metadata = pod["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        known = self.pods.get(key)
        row = self._row(pod["spec"]["nodeName"])
        placed = Placed(metadata["uid"], row, template, "deletionTimestamp" in metadata)
        if known is not None:
            same = (known.uid, known.row, known.terminating) == (placed.uid, row, placed.terminating)
            if same and known.template is template:
                return False
            self.remove_pod(*key)
        self.pods[key] = placed
        self._account(placed, 1)
        self.counting.add(placed)
        return True

    def remove_pod(self, namespace: str, name: str) -> bool:
        """Takes a pod away; False where it was not there."""
        placed = self.pods.pop((namespace, name), None)
        if placed is None:
            return False
        self._account(placed, -1)
        self.counting.remove(placed)
        return True

    def _account(self, placed: Placed, sign: int) -> None:
        row, demand = placed.row, placed.template.demand
        for resource, number in zip(BASIC, demand.basic, strict=True):
            if number:
                self.requested[resource][row] += sign * number
        for resource, number in demand.extended:
            if resource not in self.requested:
                self._add_resource(resource)
            self.requested[resource][row] += sign * number
        self.scored_cpu[row] += sign * demand.scored_cpu
        self.scored_memory[row] += sign * demand.scored_memory
        if placed.template.ports:
            self._account_ports(row, placed.template.ports, sign)
        self.journal.append(row)
        if len(self.journal) > _JOURNAL_MAX:
            self._void()

    def _account_ports(self, row: int, ports: Iterable[Port], sign: int) -> None:
        taken = self.ports.setdefault(row, {})
        for port in ports:
            taken[port] = taken.get(port, 0) + sign
            if not taken[port]:
                del taken[port]
        if not taken:
            del self.ports[row]

    # --- labels -------------------------------------------------------------------------------------------

    def codes(self, key: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """A label of the nodes as a column: per row an index into the distinct values, -1 where it is
        missing.
        """
        known = self._codes.get(key)
        if known is None:
            known = self._codes[key] = self._read_codes(key)
        return known

    def _read_codes(self, key: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        index: dict[str, int] = {}
        codes = np.full(self.size, -1, dtype=np.int32)
        for row, node in enumerate(self.nodes):
            value = labels_of(node).get(key) if node is not None else None
            if value is not None:
                codes[row] = index.setdefault(value, len(index))
        return codes, tuple(index)

    def matching(self, requirement: Requirement) -> Mask:
        """The rows whose node labels meet one requirement; decided once per distinct value."""
        codes, values = self.codes(requirement.key)
        verdicts = [requirement.matches({requirement.key: value}) for value in values]
        # -1 reads the last entry, which is the verdict on nodes without the label.
        return np.array([*verdicts, requirement.matches({})], dtype=bool)[codes]


def _zeros() -> Ints:
    return np.zeros(_ROWS_FIRST, dtype=np.int64)


def _resized(column: NDArray[Any], length: int) -> NDArray[Any]:
    new = np.zeros(length, dtype=column.dtype)
    new[: len(column)] = column
    return new


def _set(where: dict[int, Any], row: int, value: Any) -> None:
    """Keeps rows that have something only, so that what most nodes lack costs nothing."""
    if value:
        where[row] = value
    else:
        where.pop(row, None)


def _same_for_scheduling(old: Object, new: Object) -> bool:
    was, is_ = old.get("status") or {}, new.get("status") or {}
    return (
        labels_of(old) == labels_of(new)
        and old["spec"].get("taints") == new["spec"].get("taints")
        and bool(old["spec"].get("unschedulable")) == bool(new["spec"].get("unschedulable"))
        and was.get("allocatable") == is_.get("allocatable")
        and was.get("images") == is_.get("images")
    )
