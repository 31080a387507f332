"""The sums of a rolling update: how far to scale the new set up, and which old sets down.

Kubernetes `pkg/controller/deployment/rolling.go`. One action per sync: the old sets are only looked at when
the new one needs nothing, and each step waits for what the sets report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gitrel.cluster.controllers.deployment.fenceposts import Fenceposts
from gitrel.cluster.controllers.deployment.replicasets import (
    active,
    asked_total,
    creation_key,
    replicas,
    reported,
    reported_total,
)
from gitrel.kube.identity import Object


class Scale(NamedTuple):
    """One ReplicaSet and the size it is to have."""

    replicaset: Object
    replicas: int


def calculate_new_size(new_size: int, all_size: int, posts: Fenceposts) -> int:
    """How large the new set may be, given what all sets (it included) ask for at present.

    It never shrinks for want of room: surge that others hold is waited for.
    """
    if new_size >= posts.replicas:
        return posts.replicas
    room = posts.most - all_size
    return new_size + max(0, min(room, posts.replicas - new_size))


def calculate_old_sizes(new: Object, old: Sequence[Object], posts: Fenceposts) -> list[Scale]:
    """The old sets that may shrink now, and to what; a set may appear twice, first for its unhealthy pods."""
    old = sorted(active(old), key=creation_key)
    # Say 10 are wanted, 2 may be unavailable, and 13 are asked for: 5 of them new, none of those available
    # yet. 13 - 8 - 5 = 0 can go: every old pod may be one of the 8 that have to stay. Once the 5 are
    # available, 5 can. If instead the new set never becomes available, its own size is never counted on.
    new_unavailable = replicas(new) - reported(new, "availableReplicas")
    budget = asked_total(old) + replicas(new) - posts.least_available - new_unavailable
    if not old or budget <= 0:
        return []
    unhealthy = calculate_unhealthy(old, budget)
    if unhealthy is None:
        return []
    sizes = {scale.replicaset["metadata"]["name"]: scale.replicas for scale in unhealthy}
    available = reported_total([*old, new], "availableReplicas")
    return [*unhealthy, *calculate_surplus(old, sizes, available - posts.least_available)]


def calculate_unhealthy(old: Sequence[Object], budget: int) -> list[Scale] | None:
    """Pods of old sets that are not available cost nothing to lose: they go first, whatever their age.

    None when a set still reports more available pods than it asks for: the count of available pods is then
    about to fall, and nothing may rest on it (Kubernetes fails such a sync, and comes back).
    """
    scales: list[Scale] = []
    for replicaset in old:
        asked = replicas(replicaset)
        unavailable = asked - reported(replicaset, "availableReplicas")
        if budget <= 0:
            break
        if unavailable < 0:
            return None
        if unavailable:
            taken = min(budget, unavailable)
            budget -= taken
            scales.append(Scale(replicaset, asked - taken))
    return scales


def calculate_surplus(old: Sequence[Object], sizes: dict[str, int], surplus: int) -> list[Scale]:
    """Available pods beyond the least that must stay, taken from the oldest sets first.

    `sizes` are those already changed in this sync, by name.
    """
    scales: list[Scale] = []
    for replicaset in old:
        asked = sizes.get(replicaset["metadata"]["name"], replicas(replicaset))
        taken = min(asked, surplus)
        if taken > 0:
            surplus -= taken
            scales.append(Scale(replicaset, asked - taken))
    return scales
