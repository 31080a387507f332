"""TaintToleration: a taint keeps pods away that do not tolerate it; PreferNoSchedule only makes a node less
liked.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gitrel.cluster.scheduler.snapshot import Ints, Mask, Snapshot
from gitrel.cluster.scheduler.template import Template
from gitrel.kube.taints import Taint, first_untolerated, tolerates

REASON = "node(s) had untolerated taint(s)"


def fits(taints: Iterable[Taint], template: Template) -> bool:
    return first_untolerated(taints, template.tolerations) is None


def filter_rows(snapshot: Snapshot, template: Template) -> Mask:
    mask = np.ones(snapshot.size, dtype=bool)
    for row, taints in snapshot.tainted.items():
        mask[row] = fits(taints, template)
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
