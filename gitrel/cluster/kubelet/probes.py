"""When a probe's result changes, computed from what the process answers: no attempt is ever played one by
one.

A probe is tried at `anchor`, `anchor + period`, …; its result changes after `successThreshold` or
`failureThreshold` equal answers in a row (kubelet `prober/worker.go`). The answers come as windows of good
seconds, so a change is found by arithmetic and a container that stays well never wakes anybody. All times are
seconds on one axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, isinf
from typing import Any

from gitrel.cluster.kubelet.behaviours import Window


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe's spec with Kubernetes' defaults filled in; `grace_seconds` overrides the pod's where it is
    set.
    """

    initial_delay_seconds: float = 0.0
    period_seconds: float = 10.0
    success_threshold: int = 1
    failure_threshold: int = 3
    grace_seconds: float | None = None


def read(spec: Mapping[str, Any]) -> Probe:
    return Probe(
        spec.get("initialDelaySeconds") or 0,
        spec.get("periodSeconds") or 10,
        spec.get("successThreshold") or 1,
        spec.get("failureThreshold") or 3,
        spec.get("terminationGracePeriodSeconds"),
    )


def first_attempt(probe: Probe, begun: float, started: float) -> float:
    """The first attempt on the grid `begun + initialDelay + k × period` that is not before `started`.

    `begun` is when the container began to run, `started` when its startup probe succeeded (the same instant
    without one).
    """
    first = begun + probe.initial_delay_seconds
    if started <= first:
        return first
    return first + ceil((started - first) / probe.period_seconds) * probe.period_seconds


def changes(
    probe: Probe, anchor: float, good: Sequence[Window], initial: bool | None
) -> Iterator[tuple[float, bool]]:
    """Each (second, result) at which the result changes from what it was; `initial` None is not yet
    decided.
    """
    result = initial
    streak: bool | None = None
    first = 0
    for start, end, answer in _segments(good):
        begins, ends = _attempt_from(start, anchor, probe), _attempt_from(end, anchor, probe)
        if begins >= ends:
            continue  # nobody tried in this stretch, so nobody knows of it
        if answer != streak:
            streak, first = answer, int(begins)
        decisive = first + (probe.success_threshold if answer else probe.failure_threshold) - 1
        if answer != result and decisive < ends:
            result = answer
            yield anchor + decisive * probe.period_seconds, answer


def _attempt_from(second: float, anchor: float, probe: Probe) -> float:
    """The number of the first attempt that is not before `second`."""
    if isinf(second):
        return 0 if second < 0 else inf
    return max(0, ceil((second - anchor) / probe.period_seconds))


def _segments(good: Iterable[Window]) -> Iterator[tuple[float, float, bool]]:
    """The whole axis as alternating stretches of bad and good answers."""
    edge = -inf
    for window in good:
        if window.after_seconds > edge:
            yield edge, window.after_seconds, False
        yield window.after_seconds, window.until_seconds, True
        edge = window.until_seconds
    if edge < inf:
        yield edge, inf, False
