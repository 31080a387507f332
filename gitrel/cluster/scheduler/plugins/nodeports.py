"""NodePorts: two pods cannot take the same port of a node; 0.0.0.0 stands for all its addresses."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gitrel.cluster.scheduler.snapshot import Mask, Snapshot
from gitrel.cluster.scheduler.template import ANY_ADDRESS, Port, Template

REASON = "node(s) didn't have free ports for the requested pod ports"


def conflict(wanted: Port, taken: Port) -> bool:
    if (wanted.number, wanted.protocol) != (taken.number, taken.protocol):
        return False
    return wanted.ip == taken.ip or ANY_ADDRESS in (wanted.ip, taken.ip)


def fits(wanted: Iterable[Port], taken: Iterable[Port]) -> bool:
    held = tuple(taken)
    return not any(conflict(one, other) for one in wanted for other in held)


def filter_rows(snapshot: Snapshot, template: Template) -> Mask:
    mask = np.ones(snapshot.size, dtype=bool)
    for row, taken in snapshot.ports.items():
        mask[row] = fits(template.ports, taken)
    return mask
