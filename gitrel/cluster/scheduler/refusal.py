"""Why a pod is put nowhere, in the scheduler's words: node by node, and whether anybody's going would help.

Kubernetes `FitError.Error` and `PostFilter` (`pkg/scheduler/framework/types.go`, `framework/preemption`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gitrel.cluster.scheduler.snapshot import Ints

HELPLESS = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
NEVER = "not eligible due to preemptionPolicy=Never."
UNDER_WAY = "not eligible due to a terminating pod on the nominated node."
NOBODY = np.zeros(0, dtype=np.int64)


class Refusal(NamedTuple):
    """`hopeful` are the rows of nodes that would take the pod if others went; `nodes` counts all."""

    message: str
    nodes: int = 0
    hopeful: Ints = NOBODY

    def told(self, preemption: str) -> str:
        """With what became of preemption; a pod for which nobody was asked to go needs no such words."""
        if not self.nodes:
            return self.message
        return f"{self.message} no new claims to deallocate, preemption: {preemption}"

    def helpless(self, tried: Mapping[str, int]) -> str:
        """What preemption found: `tried` are the reasons of the hopeful nodes."""
        without = self.nodes - len(self.hopeful)
        return available(self.nodes, {**tried, **({HELPLESS: without} if without else {})})


def available(nodes: int, reasons: Mapping[str, int]) -> str:
    """Counted reasons, in the order of their texts."""
    parts = sorted(f"{count} {reason}" for reason, count in reasons.items())
    return f"0/{nodes} nodes are available: {', '.join(parts)}."
