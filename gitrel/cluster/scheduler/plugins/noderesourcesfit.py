"""NodeResourcesFit: enough of everything must be free; and the emptier a node stays, the better
(LeastAllocated).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gitrel.cluster.scheduler.demand import BASIC, CPU, MEMORY, PODS, Demand
from gitrel.cluster.scheduler.snapshot import Ints, Mask, Snapshot

TOO_MANY_PODS = "Too many pods"


def insufficient(
    allocatable: Mapping[str, int], requested: Mapping[str, int], demand: Demand
) -> tuple[str, ...]:
    """Why one node cannot take the demand, a reason for each thing that is short; empty where it can."""
    reasons = []
    if requested.get(PODS, 0) + 1 > allocatable.get(PODS, 0):
        reasons.append(TOO_MANY_PODS)
    for resource, number in asked(demand):
        if number > allocatable.get(resource, 0) - requested.get(resource, 0):
            reasons.append(f"Insufficient {resource}")
    return tuple(reasons)


def asked(demand: Demand) -> list[tuple[str, int]]:
    """What is asked for at all, the pod's own place aside: nothing of a resource always fits, even when
    overcommitted.
    """
    basic = [(r, n) for r, n in zip(BASIC, demand.basic, strict=True) if n and r != PODS]
    return [*basic, *demand.extended]


def filter_rows(snapshot: Snapshot, demand: Demand, rows: Ints | slice) -> Mask:
    mask: Mask = snapshot.requested[PODS][rows] < snapshot.allocatable[PODS][rows]
    for resource, number in asked(demand):
        if resource in snapshot.allocatable:
            mask &= snapshot.requested[resource][rows] + number <= snapshot.allocatable[resource][rows]
        else:
            mask &= False
    return mask


def large_rows(snapshot: Snapshot, demand: Demand) -> Mask:
    """Where the demand would fit on the empty node, so that it is others who are in the way."""
    mask = np.ones(snapshot.size, dtype=bool)
    for resource, number in asked(demand):
        offered = snapshot.allocatable.get(resource)
        mask &= False if offered is None else offered[: snapshot.size] >= number
    return mask


def reasons(snapshot: Snapshot, demand: Demand, rows: Ints) -> dict[str, int]:
    """Reason → on how many of the rows; a node that is short of two things gives both."""
    crowded = snapshot.requested[PODS][rows] + 1 > snapshot.allocatable[PODS][rows]
    counts = {TOO_MANY_PODS: int(crowded.sum())}
    for resource, number in asked(demand):
        if resource in snapshot.allocatable:
            free = snapshot.allocatable[resource][rows] - snapshot.requested[resource][rows]
            counts[f"Insufficient {resource}"] = int((number > free).sum())
        else:
            counts[f"Insufficient {resource}"] = len(rows)
    return {reason: count for reason, count in counts.items() if count}


def least_allocated(capacity: int, requested: int) -> int:
    """The free share of one resource in percent, rounded down; 0 where it is overcommitted."""
    return 0 if requested > capacity else (capacity - requested) * 100 // capacity


def score(cpu: tuple[int, int], memory: tuple[int, int]) -> int:
    """The mean over CPU and memory, each as (capacity, requested); what a node does not have does not
    count.
    """
    parts = [least_allocated(*pair) for pair in (cpu, memory) if pair[0]]
    return sum(parts) // len(parts) if parts else 0


def score_rows(snapshot: Snapshot, demand: Demand, rows: Ints | slice) -> Ints:
    total = np.zeros(1, dtype=np.int64)
    parts = np.zeros(1, dtype=np.int64)
    columns = (
        (CPU, snapshot.scored_cpu, demand.scored_cpu),
        (MEMORY, snapshot.scored_memory, demand.scored_memory),
    )
    for resource, column, number in columns:
        capacity = snapshot.allocatable[resource][rows]
        free = capacity - column[rows] - number
        total = total + np.maximum(free, 0) * 100 // np.maximum(capacity, 1)
        parts = parts + (capacity > 0)
    return total // np.maximum(parts, 1)
