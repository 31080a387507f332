"""Scaling a Deployment while it may be between two templates: every set gets its proportion.

Kubernetes `scale` (`pkg/controller/deployment/sync.go`) and `GetReplicaSetProportion`. Two annotations on a
set remember what the Deployment asked for when the set was last scaled; that they no longer say what the
Deployment says is what makes a change of `replicas` an event of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitrel.cluster.controllers.deployment.fenceposts import Fenceposts
from gitrel.cluster.controllers.deployment.replicasets import (
    Sets,
    active,
    asked_total,
    creation_key,
    replicas,
    reported,
)
from gitrel.cluster.controllers.deployment.rolling import Scale
from gitrel.kube.identity import Object, annotations_of

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX = "deployment.kubernetes.io/max-replicas"


def annotated_count(replicaset: Object, annotation: str) -> int | None:
    """None where the annotation is missing or no number."""
    text = annotations_of(replicaset).get(annotation, "")
    try:
        return int(text)
    except ValueError:
        return None


def size_annotations(posts: Fenceposts) -> Mapping[str, str]:
    return {DESIRED: str(posts.replicas), MAX: str(posts.most)}


def is_scaling_event(sets: Sequence[Object], wanted: int) -> bool:
    counts = (annotated_count(replicaset, DESIRED) for replicaset in active(sets))
    return any(count is not None and count != wanted for count in counts)


def is_saturated(new: Object | None, wanted: int) -> bool:
    """Whether the new set alone has everything that is wanted, and has it available."""
    return (
        new is not None
        and replicas(new) == wanted
        and annotated_count(new, DESIRED) == wanted
        and reported(new, "availableReplicas") == wanted
    )


def calculate_scales(sets: Sets, posts: Fenceposts, status_replicas: int, rolling: bool) -> list[Scale]:
    """The sizes after a change of `replicas`; sets in the order in which they are to be written.

    `status_replicas` stands in for a set's missing annotation.
    """
    living = active(sets.all)
    if len(living) <= 1:
        only = living[0] if living else _newest(sets)
        return [Scale(only, posts.replicas)] if only and replicas(only) != posts.replicas else []
    if is_saturated(sets.new, posts.replicas):
        return [Scale(old, 0) for old in active(sets.old)]
    return calculate_proportions(living, posts, status_replicas) if rolling else []


def _newest(sets: Sets) -> Object | None:
    return sets.new or (max(sets.old, key=creation_key) if sets.old else None)


def calculate_proportions(living: Sequence[Object], posts: Fenceposts, status_replicas: int) -> list[Scale]:
    """Splits what is to be added or removed by size; what rounding leaves over goes to the largest set."""
    allowed = posts.most if posts.replicas > 0 else 0
    to_add = allowed - asked_total(living)
    # The larger set first: there one pod more or less is the smallest part. Of two equals the newer one
    # grows first, for it is where the rollout is going, and the older one shrinks first.
    ordered = sorted(living, key=creation_key, reverse=to_add > 0)
    ordered.sort(key=replicas, reverse=True)
    shares: list[int] = []
    for replicaset in ordered:
        left = to_add - sum(shares)
        share = calculate_share(replicaset, posts, status_replicas) if left else 0
        shares.append(min(share, left) if to_add > 0 else max(share, left))
    sizes = [replicas(replicaset) + share for replicaset, share in zip(ordered, shares, strict=True)]
    sizes[0] = max(0, sizes[0] + to_add - sum(shares))
    return [Scale(replicaset, size) for replicaset, size in zip(ordered, sizes, strict=True)]


def calculate_share(replicaset: Object, posts: Fenceposts, status_replicas: int) -> int:
    """How many pods the set should gain (or lose, negative) to keep its part of the whole."""
    size = replicas(replicaset)
    if posts.replicas == 0:
        return -size
    before = annotated_count(replicaset, MAX) or status_replicas
    # Nothing to compare with: the set keeps its size, and takes its part of what is left over.
    return round_half_away(size * posts.most, before) - size if before > 0 else 0


def round_half_away(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest integer, a half away from zero; both are not negative here."""
    return (2 * numerator + denominator) // (2 * denominator)
