"""TaintToleration: a taint keeps pods away that do not tolerate it; PreferNoSchedule only makes a node less
liked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gitrel.cluster.scheduler.snapshot import Ints, Mask, Snapshot
from gitrel.cluster.scheduler.template import Template

Taint = Mapping[str, Any]
Toleration = Mapping[str, Any]


def tolerates_one(toleration: Toleration, taint: Taint) -> bool:
    """`core/v1/toleration.go` ToleratesTaint; an empty key with Exists tolerates everything."""
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
        if taint["effect"] in ("NoSchedule", "NoExecute") and not tolerates(tolerations, taint):
            return taint
    return None


def reason(taint: Taint) -> str:
    return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}"


def filter_rows(snapshot: Snapshot, template: Template) -> Mask:
    mask = np.ones(snapshot.size, dtype=bool)
    for row, taints in snapshot.tainted.items():
        mask[row] = first_untolerated(taints, template.tolerations) is None
    return mask


def disliked_rows(snapshot: Snapshot, template: Template) -> Ints | None:
    """Per row the number of PreferNoSchedule taints that are not tolerated; None where there are none at
    all.
    """
    counts = np.zeros(snapshot.size, dtype=np.int64)
    for row, taints in snapshot.tainted.items():
        soft = (taint for taint in taints if taint["effect"] == "PreferNoSchedule")
        counts[row] = sum(not tolerates(template.tolerations, taint) for taint in soft)
    return counts if counts.any() else None


def normalized(counts: Ints, feasible: Mask) -> Ints:
    """100 for the most liked node, 0 for the least."""
    most = int(counts[feasible].max(initial=0))
    return np.full(len(counts), 100) if not most else 100 - 100 * counts // most
