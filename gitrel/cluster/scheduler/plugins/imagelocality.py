"""ImageLocality: a node that has the pod's images already is liked, the more so the larger they are.

An image counts for its size times the share of nodes that have it, so that one node with it does not draw
everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from gitrel.cluster.scheduler.images import normalized
from gitrel.cluster.scheduler.snapshot import Ints, Snapshot
from gitrel.cluster.scheduler.template import Template

_MEGABYTE = 1024 * 1024
SIZE_MIN_BYTES = 23 * _MEGABYTE
SIZE_MAX_BYTES_PER_CONTAINER = 1000 * _MEGABYTE


def score(
    images: Iterable[str], sizes: Mapping[str, int], spread: Mapping[str, float], containers: int
) -> int:
    """0 to 100 for one node. `spread` is the share of all nodes that have an image."""
    names = map(normalized, images)
    total = sum(int(sizes[name] * spread.get(name, 0.0)) for name in names if name in sizes)
    most = SIZE_MAX_BYTES_PER_CONTAINER * containers
    return (min(max(total, SIZE_MIN_BYTES), most) - SIZE_MIN_BYTES) * 100 // (most - SIZE_MIN_BYTES)


def score_rows(snapshot: Snapshot, template: Template) -> Ints | None:
    """None where no node reports any image."""
    if not snapshot.images:
        return None
    nodes = max(int(snapshot.present.sum()), 1)
    spread = {
        name: sum(name in sizes for sizes in snapshot.images.values()) / nodes
        for name in map(normalized, template.images)
    }
    scores = np.zeros(snapshot.size, dtype=np.int64)
    for row, sizes in snapshot.images.items():
        scores[row] = score(template.images, sizes, spread, len(template.images))
    return scores
