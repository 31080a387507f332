"""Which cluster each environment is: recorded when it is first seen, because names can be pointed elsewhere.

A kubeconfig that was edited, a context of the same name on another machine, a cluster that was built anew:
each looks like the environment and is not. Whoever looks compares with what is recorded here, and refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gitrel.rollout.seen import Seen
from gitrel.rollout.state import Identity, Rollout


def noted(rollout: Rollout, seen: Mapping[str, Seen], now: datetime) -> Rollout:
    """The record with the clusters that were looked at; the same record where they are in it already."""
    news = {
        name: Identity(sight.cluster, now)
        for name, sight in seen.items()
        if sight.cluster and is_news(rollout, sight)
    }
    return replace(rollout, clusters={**rollout.clusters, **dict(sorted(news.items()))}) if news else rollout


def is_news(rollout: Rollout, sight: Seen) -> bool:
    """Whether the cluster that was looked at is not the one in the record."""
    known = rollout.clusters.get(sight.environment)
    return sight.cluster is not None and (known is None or known.uid != sight.cluster)


def recorded(records: Iterable[Rollout]) -> dict[str, str]:
    """Environment → UID by all records together; the latest word counts, as after an adoption."""
    latest: dict[str, Identity] = {}
    for record in records:
        for name, identity in record.clusters.items():
            if name not in latest or (identity.since, identity.uid) > (latest[name].since, latest[name].uid):
                latest[name] = identity
    return {name: identity.uid for name, identity in sorted(latest.items())}
