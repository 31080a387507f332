"""One measured figure, with what it is held against. Several runs give the median: machines are noisy."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

SCALE = float(os.environ.get("BENCH_SCALE", "1"))
"""How large everything is; below 1 it is only tried whether it works, and no figure is kept."""


def sized(full: int, least: int = 1) -> int:
    """`full` at the usual scale, less at a smaller one, never below `least`."""
    return max(least, round(full * SCALE))


@dataclass(frozen=True, slots=True)
class Figure:
    """`target` is None for a figure that is only watched; `better` says in which direction."""

    id: str
    value: float
    unit: str
    target: float | None
    better: Literal["lower", "higher"]

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """The median wall time of one run, in seconds."""
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
