"""What a pod asks of a node, in integers: milli-CPUs, bytes, and counts of anything else.

Containers run together, init containers one after another beside the sidecars that started before them, so a
pod needs the larger of the two sums (`component-helpers/resource/helpers.go` PodRequests), plus its overhead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitrel.kube import quantities

CPU, MEMORY, STORAGE, PODS = "cpu", "memory", "ephemeral-storage", "pods"
BASIC = (CPU, MEMORY, STORAGE, PODS)

SCORED_CPU_DEFAULT_MILLI = 100
SCORED_MEMORY_DEFAULT_BYTES = 200 * 1024 * 1024
"""What a container without requests counts as when nodes are scored, not when they are filtered."""

Amounts = dict[str, int]


def amount(resource: str, quantity: str | int | float) -> int:
    """The scheduler's integer for a quantity: thousandths of a CPU, whole units of everything else."""
    return quantities.milli(quantity) if resource == CPU else quantities.whole(quantity)


def amounts(requests: Mapping[str, Any] | None) -> Amounts:
    return {resource: amount(resource, quantity) for resource, quantity in (requests or {}).items()}


@dataclass(frozen=True, slots=True)
class Demand:
    """`basic` is in the order of BASIC, with 1 for pods; `scored_cpu` and `scored_memory` have the defaults
    filled in.
    """

    basic: tuple[int, int, int, int]
    extended: tuple[tuple[str, int], ...]
    scored_cpu: int
    scored_memory: int

    @property
    def is_best_effort(self) -> bool:
        return not any(self.basic[:3]) and not self.extended


def demand_of(spec: Mapping[str, Any]) -> Demand:
    """The demand of a pod with this spec."""
    asked = _total(spec, _requests)
    scored = _total(spec, _scored)
    extended = tuple(sorted((r, n) for r, n in asked.items() if r not in BASIC and n))
    basic = (asked.get(CPU, 0), asked.get(MEMORY, 0), asked.get(STORAGE, 0), 1)
    return Demand(basic, extended, scored.get(CPU, 0), scored.get(MEMORY, 0))


def _requests(container: Mapping[str, Any]) -> Amounts:
    """A limit without a request is a request (the API server's own default)."""
    resources = container.get("resources") or {}
    return amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _scored(container: Mapping[str, Any]) -> Amounts:
    found = _requests(container)
    found.setdefault(CPU, SCORED_CPU_DEFAULT_MILLI)
    found.setdefault(MEMORY, SCORED_MEMORY_DEFAULT_BYTES)
    return found


def _total(spec: Mapping[str, Any], of: Any) -> Amounts:
    running = _sum(of(container) for container in spec["containers"])
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        mine = of(container)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum((sidecars, mine))
            peak = _max(peak, sidecars)
        else:
            peak = _max(peak, _sum((sidecars, mine)))
    total = _max(_sum((running, sidecars)), peak)
    # Requests for the pod as a whole take the place of what its containers add up to.
    total |= amounts((spec.get("resources") or {}).get("requests"))
    return _sum((total, amounts(spec.get("overhead"))))


def _sum(parts: Iterable[Mapping[str, int]]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        for resource, number in part.items():
            total[resource] = total.get(resource, 0) + number
    return total


def _max(left: Mapping[str, int], right: Mapping[str, int]) -> Amounts:
    return {r: max(left.get(r, 0), right.get(r, 0)) for r in left.keys() | right.keys()}
