"""How far a rolling update may stray from the wanted number of pods, above and below.

Kubernetes `ResolveFenceposts` (`pkg/controller/deployment/util/deployment_util.go`): surge rounds up,
unavailable rounds down, and both at zero would never move, so unavailable becomes one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from gitrel.kube import intorpercent
from gitrel.kube.identity import Object


class Fenceposts(NamedTuple):
    """`replicas + surge` pods at most, `replicas - unavailable` available ones at least."""

    replicas: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        return self.replicas + self.surge

    @property
    def least_available(self) -> int:
        return self.replicas - self.unavailable


def is_rolling(deployment: Object) -> bool:
    type_: str = (deployment["spec"].get("strategy") or {}).get("type", "RollingUpdate")
    return type_ == "RollingUpdate"


def calculate_fenceposts(deployment: Object) -> Fenceposts:
    """Recreate has no surge, and calls itself available only with all of its pods."""
    spec = deployment["spec"]
    replicas = spec.get("replicas", 1)
    if not is_rolling(deployment):
        return Fenceposts(replicas, 0, 0)
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    return resolve_fenceposts(rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"), replicas)


@lru_cache(maxsize=4096)
def resolve_fenceposts(max_surge: int | str, max_unavailable: int | str, replicas: int) -> Fenceposts:
    """Raises ValueError for what is neither an integer nor a percentage (validation refuses it before)."""
    surge = intorpercent.resolve(max_surge, replicas, round_up=True)
    unavailable = intorpercent.resolve(max_unavailable, replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Fenceposts(replicas, surge, min(unavailable, replicas))
