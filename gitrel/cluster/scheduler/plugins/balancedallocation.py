"""BalancedAllocation: a node whose CPU and memory fill up evenly wastes less of either."""

from __future__ import annotations

import numpy as np

from gitrel.cluster.scheduler.demand import CPU, MEMORY, Demand
from gitrel.cluster.scheduler.snapshot import Ints, Snapshot


def score(cpu: tuple[int, int], memory: tuple[int, int]) -> int:
    """(1 − |cpu share − memory share| / 2) × 100, rounded down; each resource as (capacity, requested)."""
    shares = [min(requested / capacity, 1.0) for capacity, requested in (cpu, memory) if capacity]
    deviation = abs(shares[0] - shares[1]) / 2 if len(shares) == 2 else 0.0
    return int((1 - deviation) * 100)


def score_rows(snapshot: Snapshot, demand: Demand, rows: Ints | slice) -> Ints | None:
    """None for pods that ask for nothing: they do not change the balance, so it says nothing about them."""
    if demand.is_best_effort:
        return None
    shares = []
    for resource, number in ((CPU, demand.basic[0]), (MEMORY, demand.basic[1])):
        capacity = snapshot.allocatable[resource][rows]
        requested = snapshot.requested[resource][rows] + number
        shares.append((np.minimum(requested / np.maximum(capacity, 1), 1.0), capacity > 0))
    (cpu, has_cpu), (memory, has_memory) = shares
    deviation = np.where(has_cpu & has_memory, np.abs(cpu - memory) / 2, 0.0)
    return ((1 - deviation) * 100).astype(np.int64)
