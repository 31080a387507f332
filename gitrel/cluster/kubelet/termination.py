"""When each container of a stopping pod ends, and how: preStop, SIGTERM, patience, SIGKILL.

All containers begin at once. A preStop hook spends from the grace period; sidecars then wait for the main
containers, and for the sidecars listed after them; whatever is left, a container gets at least 2 s between
SIGTERM and SIGKILL (kubelet `kuberuntime_container.go` killContainer, `kuberuntime_termination_order.go`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GRACE_FLOOR_SECONDS = 2.0
EXIT_SIGTERM = 143
EXIT_SIGKILL = 137


@dataclass(frozen=True, slots=True)
class Stopping:
    """A running container that is told to stop. `stop_seconds` is None for one that ignores SIGTERM."""

    name: str
    sidecar: bool
    pre_stop_seconds: float
    stop_seconds: float | None


@dataclass(frozen=True, slots=True)
class Ending:
    """`after_seconds` counts from the order to stop."""

    after_seconds: float
    exit_code: int


def plan(
    containers: Sequence[Stopping], grace_seconds: float, ended_seconds: float = 0.0
) -> dict[str, Ending]:
    """Name → ending, for containers in the order of the pod's spec (sidecars in their own order).

    `ended_seconds` is when the last of those that are no longer running ended.
    """
    endings: dict[str, Ending] = {}
    turn = max(ended_seconds, 0.0)
    for container in (c for c in containers if not c.sidecar):
        endings[container.name] = _ending(container, grace_seconds, turn=0.0)
        turn = max(turn, endings[container.name].after_seconds)
    for container in reversed([c for c in containers if c.sidecar]):
        endings[container.name] = _ending(container, grace_seconds, turn)
        turn = max(turn, endings[container.name].after_seconds)
    return endings


def _ending(container: Stopping, grace_seconds: float, turn: float) -> Ending:
    """Nobody waits past the grace period: neither for a hook nor for another container's turn."""
    hook = min(container.pre_stop_seconds, grace_seconds)
    signalled = min(max(hook, turn), max(grace_seconds, hook))
    patience = max(grace_seconds - signalled, GRACE_FLOOR_SECONDS)
    if container.stop_seconds is not None and container.stop_seconds < patience:
        return Ending(signalled + container.stop_seconds, EXIT_SIGTERM)
    return Ending(signalled + patience, EXIT_SIGKILL)


_SLEEP = re.compile(r"(?:\A|[\s;&])sleep\s+(\d+(?:\.\d+)?)", re.ASCII)


def pre_stop_seconds(container: Mapping[str, Any], behaviour_seconds: float) -> float:
    """How long the container's preStop hook takes: its own sleep where it is one, else what the image's
    behaviour says.
    """
    hook = (container.get("lifecycle") or {}).get("preStop")
    if not hook:
        return 0.0
    if "sleep" in hook:
        return float(hook["sleep"]["seconds"])
    command = " ".join((hook.get("exec") or {}).get("command") or ())
    return max(behaviour_seconds, sum(float(seconds) for seconds in _SLEEP.findall(command)))
