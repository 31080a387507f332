"""Many writes in growing batches: 1, 2, 4, 8 …, and no further batch once one of them has failed.

When every creation is refused (a quota, say), that costs one refused call instead of hundreds
(Kubernetes `slowStartBatch`, `pkg/controller/replicaset/replica_set.go`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gitrel.cluster.api.errors import ApiError

BURST = 500
"""The most creations or deletions of one sync."""


def batch_sizes(count: int) -> Iterator[int]:
    """`10` → 1, 2, 4, 3."""
    size = 1
    while count > 0:
        yield (size := min(size, count))
        count -= size
        size *= 2


def sync_in_batches(count: int, write: Callable[[int], object]) -> tuple[int, ApiError | None]:
    """Calls `write(0)` … `write(count - 1)`; returns how many succeeded, and the first failure.

    A batch that has begun is finished, as its calls would have been sent side by side.
    """
    done = start = 0
    for size in batch_sizes(count):
        failure: ApiError | None = None
        for index in range(start, start + size):
            try:
                write(index)
                done += 1
            except ApiError as error:
                failure = failure or error
        if failure:
            return done, failure
        start += size
    return done, None


def is_namespace_terminating(error: ApiError) -> bool:
    """Whether the write was refused because its namespace is being deleted."""
    causes = error.details.get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
