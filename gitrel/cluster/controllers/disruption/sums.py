"""What a budget allows: pure sums over the pods it selects (`pkg/controller/disruption/disruption.go`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitrel.cluster.controllers import instants, podstate
from gitrel.kube import intorpercent
from gitrel.kube.identity import Object

DELETION_TIMEOUT = timedelta(minutes=2)
"""An evicted pod that is still not being deleted after that long counts as healthy again."""


class Unknown(Exception):
    """Nobody can say how many pods there should be."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The four numbers of the status."""

    expected: int
    desired: int
    healthy: int

    @property
    def allowed(self) -> int:
        return max(0, self.healthy - self.desired) if self.expected > 0 else 0


def expected_and_desired(
    spec: Mapping[str, Any], pods: Sequence[Object], scale: Callable[[], int]
) -> tuple[int, int]:
    """How many pods there should be, and how many have to be healthy.

    `scale` is asked only where the budget is relative to it: a plain `minAvailable` counts what is there.
    """
    most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most is not None:
        expected = scale()
        return expected, max(0, expected - intorpercent.resolve(most, expected, round_up=True))
    if isinstance(least, str):
        expected = scale()
        return expected, intorpercent.resolve(least, expected, round_up=True)
    return len(pods), int(least or 0)


def healthy(pods: Iterable[Object], disrupted: Mapping[str, str], now: datetime) -> int:
    """Ready ones that nobody is about to take away."""
    count = 0
    for pod in pods:
        at = disrupted.get(pod["metadata"]["name"])
        going = at is not None and instants.read(at) + DELETION_TIMEOUT > now
        if not podstate.is_deleting(pod) and not going and podstate.is_ready(pod):
            count += 1
    return count


def still_disrupted(
    disrupted: Mapping[str, str], pods: Iterable[Object], now: datetime
) -> tuple[dict[str, str], list[Object]]:
    """What is still to be remembered of evictions, and the pods that should have gone and have not."""
    kept: dict[str, str] = {}
    late: list[Object] = []
    for pod in pods:
        at = disrupted.get(pod["metadata"]["name"])
        if at is None or podstate.is_deleting(pod):
            continue
        if instants.read(at) + DELETION_TIMEOUT > now:
            kept[pod["metadata"]["name"]] = at
        else:
            late.append(pod)
    return kept, late
