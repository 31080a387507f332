"""One measured figure, with what it is held against. Several runs give the median: machines are noisy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


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
