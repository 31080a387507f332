"""Preemption: which pods of less worth have to leave a node so that one of more fits there.

For each node that could help: take all of less worth away, then let stay whom the pod can do without, the
most important first. Of the nodes, the one whose loss is least: the lowest of the highest priorities, then
the lowest sum, then the fewest, then whose most important one started last (Kubernetes
`pkg/scheduler/framework/preemption`). PodDisruptionBudgets are not asked. The snapshot is
changed to find out, and put back as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gitrel.cluster.controllers.controller import Reader
from gitrel.cluster.scheduler.memory import Memory
from gitrel.cluster.scheduler.pods import is_placed, key_of
from gitrel.cluster.scheduler.queue import Entry
from gitrel.cluster.scheduler.refusal import NO_VICTIMS, Refusal
from gitrel.kube.identity import Object

_CANDIDATES_MIN = 100
_CANDIDATES_SHARE = 10
"""At most every tenth node is tried, but no less than a hundred."""
_LOWEST = 2**31


class Candidate(NamedTuple):
    """A node, and the pods that would have to go, the most important first."""

    node: str
    victims: tuple[Object, ...]


def priority(pod: Object) -> int:
    return pod["spec"].get("priority") or 0


def find(memory: Memory, entry: Entry, refusal: Refusal, read: Reader) -> Candidate | Counter[str]:
    """The node that it costs least to make room on; else why there is none, reason by reason."""
    rows = refusal.hopeful.tolist()
    most = max(_CANDIDATES_MIN, refusal.nodes // _CANDIDATES_SHARE)
    found: list[Candidate] = []
    why: Counter[str] = Counter()
    for row in rows:
        node = memory.snapshot.names[row]
        lower = [pod for pod in read.on_node(node) if is_placed(pod) and priority(pod) < entry.priority]
        if not lower:
            why[NO_VICTIMS] += 1
            continue
        victims = _victims(memory, entry, row, lower)
        if isinstance(victims, Counter):
            why.update(victims)
        else:
            found.append(Candidate(node, victims))
        if len(found) >= most:
            break
    return min(found, key=_cost) if found else why


def _victims(
    memory: Memory, entry: Entry, row: int, lower: Sequence[Object]
) -> tuple[Object, ...] | Counter[str]:
    snapshot, cycle = memory.snapshot, memory.cycle
    by_worth = sorted(lower, key=lambda pod: (-priority(pod), _started(pod), key_of(pod)))
    for pod in by_worth:
        snapshot.remove_pod(*key_of(pod))
    away = list(by_worth)
    try:
        if not cycle.takes(entry.template, row):
            return cycle.refused_by(entry.template, row)
        victims = []
        for pod in by_worth:
            snapshot.put_pod(pod, memory.templates.of(pod))
            away.remove(pod)
            if not cycle.takes(entry.template, row):
                snapshot.remove_pod(*key_of(pod))
                away.append(pod)
                victims.append(pod)
        return tuple(victims)
    finally:
        for pod in away:
            snapshot.put_pod(pod, memory.templates.of(pod))


def _cost(candidate: Candidate) -> tuple[int, int, int, str, str]:
    priorities = [priority(pod) for pod in candidate.victims]
    highest = max(priorities)
    earliest = min(_started(pod) for pod in candidate.victims if priority(pod) == highest)
    later_first = "".join(chr(0x10FFFF - ord(char)) for char in earliest)
    total = sum(value + _LOWEST for value in priorities)
    return highest, total, len(priorities), later_first, candidate.node


def _started(pod: Object) -> str:
    """RFC 3339, so that texts compare as instants; one that has not started is the latest."""
    return (pod.get("status") or {}).get("startTime") or "~"
