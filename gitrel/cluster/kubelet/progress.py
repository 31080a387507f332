"""The next thing that happens to one container, and when: the arithmetic between two looks.

Each function reads recorded facts only, and answers with an instant and a step to take then. Which
container's turn it is, and whether the pod is being stopped, is decided in `lifecycle`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Literal

from gitrel.cluster.kubelet import instants, probes, restarts, termination
from gitrel.cluster.kubelet.containers import Container
from gitrel.cluster.kubelet.runtimes import simulated

ERR_IMAGE_PULL_SHOWN_SECONDS = 1
"""A failed pull shows as ErrImagePull until the sync after it, about a second later, finds it backing off."""

NEW_IMAGE = "new image"
Verb = Literal["begin", "wait", "fail-pull", "back-off-pull", "start", "ready", "unready", "end"]


@dataclass(frozen=True, slots=True)
class Step:
    """`at` is in seconds since 1970. `because` names the probe that ordered an end, or NEW_IMAGE."""

    at: float
    verb: Verb
    exit_code: int = 0
    reason: str = ""
    because: str = ""


NEVER = Step(inf, "begin")


def next_step(container: Container, turn: float | None, grace: float, now: float) -> Step:
    """What comes next where nobody stops the pod; `turn` is when the container's turn came, None if it has
    not.
    """
    if container.image_changed:
        return _with_new_image(container, turn, now)
    if container.state == "running":
        return min(_while_running(container, grace, now), key=lambda step: step.at, default=NEVER)
    if container.state == "terminated":
        if not restarts.should_restart(container.restart_policy, container.exit_code):
            return NEVER
        return Step(container.finished + container.behaviour.start_seconds, "begin")
    if container.last is not None:
        delay = restarts.delay_of_message(container.message)
        finished = instants.read(container.last["finishedAt"])
        return Step(finished + delay + container.behaviour.start_seconds, "begin")
    return NEVER if turn is None else _first_start(container, turn)


def _with_new_image(container: Container, turn: float | None, now: float) -> Step:
    """Another image was set in the pod's spec: what runs is stopped at once, and whatever waits begins anew.

    When that was is recorded nowhere, so the kubelet acts in the moment in which it looks.
    """
    does = container.behaviour
    if container.state == "running":
        return Step(now, "end", termination.EXIT_SIGTERM, "Error", NEW_IMAGE)
    if container.state == "terminated":
        if not restarts.should_restart(container.restart_policy, container.exit_code):
            return NEVER
        return Step(container.finished + does.pull_seconds + does.start_seconds, "begin")
    if container.last is not None:
        return Step(now, "begin")
    if turn is None:
        return NEVER
    if does.pull_fails_seconds:
        return Step(now, "wait")
    return Step(max(now, turn + does.pull_seconds + does.start_seconds), "begin")


def _first_start(container: Container, turn: float) -> Step:
    does = container.behaviour
    pulled = turn + does.pull_seconds
    if not does.pull_fails_seconds:
        return Step(pulled + does.start_seconds, "begin")
    match container.reason:
        case "ErrImagePull":
            return Step(pulled + ERR_IMAGE_PULL_SHOWN_SECONDS, "back-off-pull")
        case "ImagePullBackOff":
            retry = restarts.pull_succeeds_at(pulled, turn + does.pull_fails_seconds)
            return Step(retry + does.pull_seconds + does.start_seconds, "begin")
        case _:
            return Step(pulled, "fail-pull")


def _while_running(container: Container, grace: float, now: float) -> Iterator[Step]:
    """Every way on from here; the earliest is taken. Only a container with probes has more than its own
    end.
    """
    if end := own_end(container):
        yield end
    spec, begun = container.spec, container.begun
    started = started_at(container)
    if spec.get("startupProbe") and not container.started:
        yield from _startup(container, grace, started)
    if not container.started:
        return
    if spec.get("livenessProbe"):
        probe = probes.read(spec["livenessProbe"])
        anchor = probes.first_attempt(probe, begun, started)
        for at, alive in _changes(container, "liveness", probe, anchor, True):
            if not alive:
                yield _kill(container, at, probe, grace, "liveness")
                break
    if spec.get("readinessProbe"):
        yield from _readiness(container, started, now)


def own_end(container: Container) -> Step | None:
    """The end the process comes to by itself."""
    exit_ = simulated.exit_of(
        container.behaviour,
        container.role,
        container.restart_policy,
        container.restarts,
        simulated.memory_limit(container.spec),
    )
    if exit_ is None:
        return None
    return Step(container.begun + exit_.after_seconds, "end", exit_.exit_code, exit_.reason)


def started_at(container: Container) -> float:
    """When a running container counts as started: at once, or when its startup probe first succeeds."""
    spec = container.spec.get("startupProbe")
    if not spec:
        return container.begun
    probe = probes.read(spec)
    anchor = probes.first_attempt(probe, container.begun, container.begun)
    return next((at for at, good in _changes(container, "startup", probe, anchor, None) if good), inf)


def _startup(container: Container, grace: float, started: float) -> Iterator[Step]:
    probe = probes.read(container.spec["startupProbe"])
    anchor = probes.first_attempt(probe, container.begun, container.begun)
    for at, good in _changes(container, "startup", probe, anchor, None):
        yield Step(started, "start") if good else _kill(container, at, probe, grace, "startup")
        break  # the first verdict is the last: the worker rests until there is a new container


def _readiness(container: Container, started: float, now: float) -> Iterator[Step]:
    """The change that is due or comes next. The first attempt follows the start at once (kubelet triggers
    it).
    """
    probe = probes.read(container.spec["readinessProbe"])
    anchor = max(started, container.begun + probe.initial_delay_seconds)
    missed: Step | None = None
    for at, good in _changes(container, "readiness", probe, anchor, False):
        step = Step(at, "ready" if good else "unready")
        if at > now:
            if missed is None:
                yield step
            break
        missed = step if good != container.ready else None
    if missed is not None:
        yield missed


def _changes(
    container: Container, kind: simulated.ProbeKind, probe: probes.Probe, anchor: float, initial: bool | None
) -> Iterator[tuple[float, bool]]:
    """The probe's changes as instants; its attempts and the process's answers are both counted from the
    begin.
    """
    begun = container.begun
    good = simulated.answers(container.behaviour, kind)
    for at, answer in probes.changes(probe, anchor - begun, good, initial):
        yield begun + at, answer


def _kill(container: Container, at: float, probe: probes.Probe, grace: float, kind: str) -> Step:
    """The end of a container that is stopped for a failed probe."""
    ending = stop_one(container, grace if probe.grace_seconds is None else probe.grace_seconds)
    return Step(at + ending.after_seconds, "end", ending.exit_code, "Error", kind)


def stop_one(container: Container, grace: float) -> termination.Ending:
    order = simulated.stopping(container.spec, container.behaviour, sidecar=False)
    return termination.plan([order], grace)[container.name]
