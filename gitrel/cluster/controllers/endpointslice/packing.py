"""Spreading endpoints over slices with as few writes as it takes.

Kubernetes `reconcileByPortMapping` (`staging/src/k8s.io/endpointslice/reconciler.go`). A slice that changes
anyway is filled first, then at most one unchanged slice, then new ones: watchers pay for every slice written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gitrel.cluster.controllers.endpointslice.endpoint import Endpoint, identity

SLICE_MAX = 100


class Packing(NamedTuple):
    """`updated` and `deleted` by the slice's name; `created` are the contents of new slices."""

    updated: Mapping[str, Sequence[Endpoint]]
    deleted: Sequence[str]
    created: Sequence[Sequence[Endpoint]]


def calculate_packing(
    existing: Mapping[str, Sequence[Endpoint]], desired: Sequence[Endpoint], limit: int = SLICE_MAX
) -> Packing:
    """`existing` are the present slices of one list of ports, by name; `desired` what they are to hold."""
    waiting: dict[tuple[Any, ...], Endpoint] = {identity(endpoint): endpoint for endpoint in desired}
    updated: dict[str, list[Endpoint]] = {}
    unchanged: dict[str, Sequence[Endpoint]] = {}
    deleted: list[str] = []
    # 1. Keep in each slice what is still wanted, as it is now.
    for name, endpoints in existing.items():
        kept = [waiting.pop(key) for key in map(identity, endpoints) if key in waiting]
        if kept == list(endpoints):
            unchanged[name] = endpoints
        elif kept:
            updated[name] = kept
        else:
            deleted.append(name)
    left = list(waiting.values())
    # 2. Fill the slices that are written anyway, the fullest first.
    for name in sorted(updated, key=lambda name: (-len(updated[name]), name)):
        room = limit - len(updated[name])
        updated[name] += left[:room]
        left = left[room:]
    # 3. What is left goes into the one unchanged slice that it fills best, or else into new ones.
    created: list[list[Endpoint]] = []
    while left:
        name_to_fill = _best_fit(unchanged, len(left), limit)
        if name_to_fill is not None:
            updated[name_to_fill] = [*unchanged.pop(name_to_fill), *left]
            break
        created.append(left[:limit])
        left = left[limit:]
    return Packing(updated, deleted, created)


def _best_fit(slices: Mapping[str, Sequence[Endpoint]], count: int, limit: int) -> str | None:
    """The slice that `count` more would leave closest to full without overflowing it."""
    fitting = {name: len(slices[name]) + count for name in slices if len(slices[name]) + count <= limit}
    if count >= limit or not fitting:
        return None
    return min(fitting, key=lambda name: (limit - fitting[name], name))
