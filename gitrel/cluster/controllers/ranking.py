"""Which pods go first when there are too many.

The order of Kubernetes' `ActivePodsWithRanks` (`pkg/controller/controller_utils.go`). Ages are compared by
the whole part of their base-2 logarithm, so pods of about the same age are equals and their UIDs decide;
that relation is not transitive, which is why this is a comparison and not a sort key.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cmp_to_key
from typing import TypeVar

from gitrel.cluster.controllers import instants, podstate
from gitrel.kube.identity import Object, annotations_of

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}


def calculate_pods_to_delete(
    pods: Sequence[Object], count: int, related: Iterable[Object], now: datetime
) -> list[Object]:
    """The first `count` of `pods` in deletion order.

    `related` are the pods of every sibling controller of the same owner: of two equals, the one that
    shares its node with more of them goes first. When all have to go there is nothing to order.
    """
    if count >= len(pods):
        return list(pods)
    colocated = Counter(pod["spec"].get("nodeName", "") for pod in related if podstate.is_active(pod))

    def compare(a: Object, b: Object) -> int:
        return _compare(a, b, colocated, now)

    return sorted(pods, key=cmp_to_key(compare))[:count]


def _compare(a: Object, b: Object, colocated: Mapping[str, int], now: datetime) -> int:
    """Negative when `a` is deleted before `b`. Each line decides only what the lines above left equal."""
    node_a, node_b = a["spec"].get("nodeName", ""), b["spec"].get("nodeName", "")
    ready_a, ready_b = podstate.ready_since(a), podstate.ready_since(b)
    return (
        _order(bool(node_a), bool(node_b))
        or _order(_PHASE_RANK.get(podstate.phase(a), 0), _PHASE_RANK.get(podstate.phase(b), 0))
        or _order(ready_a is not None, ready_b is not None)
        or _order(deletion_cost(a), deletion_cost(b))
        or _order(colocated[node_b], colocated[node_a])
        or (_youngest_first(a, b, ready_a, ready_b, now) if ready_a and ready_b else 0)
        or _order(podstate.restarts_max(b), podstate.restarts_max(a))
        or _youngest_first(a, b, _created(a), _created(b), now)
    )


_Ranked = TypeVar("_Ranked", int, str, tuple[int, int])


def _order(a: _Ranked, b: _Ranked) -> int:
    return (a > b) - (a < b)


def deletion_cost(pod: Object) -> int:
    """The annotation's int32; anything that is not one counts as zero, as validation should refuse it."""
    text = annotations_of(pod).get(DELETION_COST, "0")
    try:
        cost = int(text)
    except ValueError:
        return 0
    return cost if -(2**31) <= cost < 2**31 else 0


def _created(pod: Object) -> datetime:
    return instants.read(pod["metadata"]["creationTimestamp"])


def _youngest_first(a: Object, b: Object, since_a: datetime, since_b: datetime, now: datetime) -> int:
    if since_a == since_b:
        return 0
    uid_a, uid_b = a["metadata"]["uid"], b["metadata"]["uid"]
    return _order(age_rank(now - since_a), age_rank(now - since_b)) or _order(uid_a, uid_b)


def age_rank(age: timedelta) -> int:
    """floor(log2) of the age in nanoseconds; -1 for one that lies in the future."""
    nanoseconds = age // timedelta(microseconds=1) * 1000
    return int(math.log2(nanoseconds)) if nanoseconds > 0 else -1
