"""A moment of a cluster as a value: everything that decides what happens next, and nothing else.

Taking one copies tables of references, not objects; it can be opened any number of times, and each cluster
opened from it goes on exactly as the first one would have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitrel.cluster.loop import Queue
from gitrel.cluster.spec import ClusterSpec
from gitrel.cluster.store.store import Store


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`queue` is None where nothing is known of it (a file): then every controller looks at every key
    first.
    """

    spec: ClusterSpec
    store: Store
    drawn: Mapping[str, int]
    now: datetime
    queue: Queue | None
