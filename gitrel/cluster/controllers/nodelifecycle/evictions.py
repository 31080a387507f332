"""When a NoExecute taint drives a pod off its node (`pkg/controller/tainteviction`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gitrel.cluster.controllers import instants
from gitrel.kube.taints import Taint, tolerates_one


def evicting(node: Mapping[str, Any]) -> list[Taint]:
    return [taint for taint in node["spec"].get("taints") or () if taint["effect"] == "NoExecute"]


def evict_at(pod: Mapping[str, Any], taints: Iterable[Taint]) -> datetime | None:
    """When the pod has to go: the earliest over all taints; None for never.

    A taint that is not tolerated drives it off when it was added; a tolerated one after the shortest of the
    matching `tolerationSeconds`, where any is set.
    """
    tolerations = pod["spec"].get("tolerations") or ()
    instants_ = (_driven_off_at(taint, tolerations) for taint in taints)
    return min((at for at in instants_ if at is not None), default=None)


def _driven_off_at(taint: Taint, tolerations: Sequence[Mapping[str, Any]]) -> datetime | None:
    added = instants.read(taint["timeAdded"])
    matching = [toleration for toleration in tolerations if tolerates_one(toleration, taint)]
    if not matching:
        return added
    limits = [t["tolerationSeconds"] for t in matching if t.get("tolerationSeconds") is not None]
    return added + timedelta(seconds=max(min(limits), 0)) if limits else None
