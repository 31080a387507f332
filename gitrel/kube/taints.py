"""Taints and tolerations: whether one bears the other (`core/v1/toleration.go` ToleratesTaint)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Taint = Mapping[str, Any]
Toleration = Mapping[str, Any]

FORBIDDING = ("NoSchedule", "NoExecute")
"""The effects that keep a new pod away; PreferNoSchedule only makes a node less liked."""


def tolerates_one(toleration: Toleration, taint: Taint) -> bool:
    """Without an effect every effect is meant; without a key, together with Exists, every key."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    return any(tolerates_one(toleration, taint) for toleration in tolerations)


def first_untolerated(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> Taint | None:
    """The first taint that forbids the node to a pod with these tolerations."""
    tolerations = tuple(tolerations)
    for taint in taints:
        if taint["effect"] in FORBIDDING and not tolerates(tolerations, taint):
            return taint
    return None
