"""What the scheduler asks of a pod before it looks at any node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitrel.cluster.controllers.controller import Key

TERMINAL_PHASES = ("Succeeded", "Failed")
SCHEDULER_NAME = "default-scheduler"

Pod = Mapping[str, Any]


def is_over(pod: Pod) -> bool:
    status = pod.get("status")
    return status is not None and status.get("phase") in TERMINAL_PHASES


def is_placed(pod: Pod) -> bool:
    """On a node, and still taking up room there."""
    return bool(pod["spec"].get("nodeName")) and not is_over(pod)


def is_leaving(pod: Pod) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_ours(pod: Pod) -> bool:
    """A pod that this scheduler is to place."""
    spec = pod["spec"]
    return (
        not spec.get("nodeName")
        and "deletionTimestamp" not in pod["metadata"]
        and (spec.get("schedulerName") or SCHEDULER_NAME) == SCHEDULER_NAME
        and not is_over(pod)
    )


def key_of(pod: Pod) -> Key:
    return Key(pod["metadata"].get("namespace", ""), pod["metadata"]["name"])


def is_same(old: Pod, new: Pod) -> bool:
    """Whether nothing changed that scheduling reads. Most changes of a pod are of its status only."""
    was, is_ = old["metadata"], new["metadata"]
    return (
        old["spec"] is new["spec"]
        and was.get("labels") == is_.get("labels")
        and ("deletionTimestamp" in was) == ("deletionTimestamp" in is_)
        and is_over(old) == is_over(new)
    )
