"""Why and since when a pod as a whole is to stop, and how each of its containers then ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gitrel.cluster.kubelet import instants, progress, restarts, termination
from gitrel.cluster.kubelet.containers import Container
from gitrel.cluster.kubelet.progress import Step
from gitrel.cluster.kubelet.runtimes import simulated


class Order(NamedTuple):
    """To stop whatever runs, from `since` on. `reason` and `message` end up in the pod's status."""

    since: float
    grace: float
    reason: str = ""
    message: str = ""


def order_of(pod: Mapping[str, Any], containers: Sequence[Container], started: float) -> Order | None:
    """The earliest reason to stop the pod as a whole; the deadline counts before it has come, too."""
    metadata, spec = pod["metadata"], pod["spec"]
    grace = float(spec.get("terminationGracePeriodSeconds", 30))
    orders = []
    if "deletionTimestamp" in metadata:
        grace = float(metadata.get("deletionGracePeriodSeconds", grace))
        orders.append(Order(instants.read(metadata["deletionTimestamp"]) - grace, grace))
    if (limit := spec.get("activeDeadlineSeconds")) is not None:
        message = "Pod was active on the node longer than the specified deadline"
        since = started + limit
        orders.append(Order(since, grace, "DeadlineExceeded", message))
    if (done := _done_at(containers, spec.get("restartPolicy") or "Always")) is not None:
        orders.append(Order(done, grace))
    return min(orders, key=lambda order: order.since, default=None)


def _done_at(containers: Sequence[Container], policy: str) -> float | None:
    """When the pod's work ended for good: its last main container stopped, or an init container failed
    finally.
    """
    if policy == "Always":
        return None
    for container in containers:
        if container.role == "init" and _ended_for_good(container) and container.exit_code:
            return container.finished
    mains = [c for c in containers if c.role == "main"]
    if all(_ended_for_good(c) for c in mains):
        return max(c.finished for c in mains)
    return None


def _ended_for_good(container: Container) -> bool:
    if container.state != "terminated":
        return False
    return not restarts.should_restart(container.restart_policy, container.exit_code)


def endings_of(containers: Sequence[Container], order: Order) -> list[tuple[Container, Step]]:
    """How and when each container that still runs ends under the order."""
    running = [c for c in containers if c.state == "running"]
    ended = (c.finished - order.since for c in containers if c.state == "terminated" and c.role != "sidecar")
    plan = termination.plan(
        [simulated.stopping(c.spec, c.behaviour, c.role == "sidecar") for c in running],
        order.grace,
        max(ended, default=0.0),
    )
    endings = []
    for container in running:
        ending = plan[container.name]
        step = Step(order.since + ending.after_seconds, "end", ending.exit_code, "Error")
        own = progress.own_end(container)
        endings.append((container, own if own is not None and own.at < step.at else step))
    return endings
