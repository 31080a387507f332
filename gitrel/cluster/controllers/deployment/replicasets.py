"""Reading a Deployment's ReplicaSets: which is new, which are old, their order, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gitrel.cluster.controllers.deployment.hashing import same_template
from gitrel.kube.identity import Object


class Sets(NamedTuple):
    """The set that has the Deployment's template, if any, and all others, oldest first."""

    new: Object | None
    old: Sequence[Object]

    @property
    def all(self) -> Sequence[Object]:
        return self.old if self.new is None else [*self.old, self.new]


def replicas(replicaset: Object) -> int:
    """What the set is asked for: `spec.replicas`."""
    count: int = replicaset["spec"].get("replicas", 1)
    return count


def reported(replicaset: Object, field: str = "replicas") -> int:
    """What the set says it has; 0 while it has said nothing."""
    count: int = (replicaset.get("status") or {}).get(field, 0)
    return count


def asked_total(sets: Iterable[Object]) -> int:
    return sum(map(replicas, sets))


def reported_total(sets: Iterable[Object], field: str = "replicas") -> int:
    return sum(reported(replicaset, field) for replicaset in sets)


def creation_key(replicaset: Object) -> tuple[str, str]:
    """Oldest first; sets of the same second by name. RFC 3339 in whole seconds sorts as text."""
    return replicaset["metadata"]["creationTimestamp"], replicaset["metadata"]["name"]


def active(sets: Iterable[Object]) -> list[Object]:
    return [replicaset for replicaset in sets if replicas(replicaset) > 0]


def sort_out(deployment: Object, owned: Iterable[Object]) -> Sets:
    """The new set is the oldest whose template is the Deployment's: two can exist after a hash collision."""
    ordered = sorted(owned, key=creation_key)
    template = deployment["spec"]["template"]
    new = next((s for s in ordered if same_template(template, s["spec"]["template"])), None)
    return Sets(new, [replicaset for replicaset in ordered if replicaset is not new])
