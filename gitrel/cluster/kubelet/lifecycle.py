"""The life of a pod on its node: from its binding through running and restarts to its end, one look at a
time.

`advance` plays everything that fell due since the pod's status was written, each thing at its own instant,
and says when to look again. It reads the pod, the behaviours and `now`, nothing else; a pod that will not
change by itself is never looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, NamedTuple

from gitrel.cluster.kubelet import instants, progress, restarts, status, stopping, termination
from gitrel.cluster.kubelet.behaviours import Behaviours
from gitrel.cluster.kubelet.containers import Container, load_all
from gitrel.cluster.kubelet.progress import NEVER, Step
from gitrel.cluster.kubelet.status import TERMINAL_PHASES
from gitrel.cluster.kubelet.stopping import Order

EXIT_POWER_LOST = 255


class Note(NamedTuple):
    """An Event to record about the pod."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one look came to. `due` is in seconds since 1970, infinite where only somebody else can change the
    pod.
    """

    status: Mapping[str, Any] | None
    """The whole new status; None where nothing visible changed."""
    notes: tuple[Note, ...]
    due: float
    gone: bool = False
    """All that is left of a deleted pod is its object."""


class Addresses(NamedTuple):
    """The node's own address, and a way to get one for a pod."""

    host_ip: str
    pod_ip: Callable[[], str]


@dataclass(slots=True)
class _Look:
    """One look at one pod: its facts, unfolded, and what has been found out on the way."""

    pod: Mapping[str, Any]
    containers: list[Container]
    policy: str
    status: dict[str, Any]
    notes: list[Note] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.status.get("phase") in TERMINAL_PHASES


def advance(pod: Mapping[str, Any], behaviours: Behaviours, now: float, addresses: Addresses) -> Outcome:
    """Plays what fell due until `now`. `pod` is bound; its status may be as the API server left it."""
    look = _look_at(pod, behaviours)
    if look.over:
        return Outcome(None, (), inf, gone="deletionTimestamp" in pod["metadata"])
    changed = False
    if "startTime" not in look.status:
        _acknowledge(look, int(now), addresses)
        changed = True
    elif pod["spec"].get("readinessGates"):
        before = look.status.get("conditions")
        _sum_up(look, int(now), over=False)
        changed = look.status["conditions"] != before
    return _play(look, now, changed)


def lose_power(pod: Mapping[str, Any], behaviours: Behaviours, now: float) -> Mapping[str, Any] | None:
    """The status after the node came back from a power cut at `now`: what ran has ended. None where nothing
    ran.
    """
    look = _look_at(pod, behaviours)
    running = [c for c in look.containers if c.state == "running"]
    if look.over or not running:
        return None
    for container in running:
        _end(look, container, Step(now, "end", EXIT_POWER_LOST, "Unknown"), order=None)
    _sum_up(look, int(now), over=False)
    return look.status


def _look_at(pod: Mapping[str, Any], behaviours: Behaviours) -> _Look:
    policy = pod["spec"].get("restartPolicy") or "Always"
    return _Look(pod, load_all(pod, behaviours), policy, dict(pod.get("status") or {}))


def _acknowledge(look: _Look, now: int, addresses: Addresses) -> None:
    """The kubelet has seen the pod: it has a sandbox and an address, and its containers wait."""
    ip = addresses.host_ip if look.pod["spec"].get("hostNetwork") else addresses.pod_ip()
    reason = "PodInitializing" if any(c.role != "main" for c in look.containers) else "ContainerCreating"
    for container in look.containers:
        container.wait(reason)
    look.status |= {
        "hostIP": addresses.host_ip,
        "hostIPs": [{"ip": addresses.host_ip}],
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": instants.stamp(now),
    }
    _sum_up(look, now, over=False)


def _play(look: _Look, now: float, changed: bool) -> Outcome:
    while True:
        order = stopping.order_of(look.pod, look.containers, instants.read(look.status["startTime"]))
        step, container = _next(look, order, now)
        over = container is None and order is not None and order.since <= now
        if over and order is not None:
            _finish(look, order)
            gone = "deletionTimestamp" in look.pod["metadata"]
            return Outcome(look.status, tuple(look.notes), inf, gone)
        if container is None or step.at > now:
            due = min(step.at, order.since if order is not None and order.since > now else inf)
            return Outcome(look.status if changed else None, tuple(look.notes), due)
        _take(look, container, step, order)
        _sum_up(look, int(step.at), over=False)
        changed = True


def _next(look: _Look, order: Order | None, now: float) -> tuple[Step, Container | None]:
    """The earliest step of any container, in the order of the spec where several fall together.

    No container means that nothing is left to happen: for good, or until somebody else acts.
    """
    best, who = _next_of_its_own(look, now if order is None else min(now, order.since))
    if order is None or order.since > now or best.at < order.since:
        return best, who
    best, who = NEVER, None
    for container, step in stopping.endings_of(look.containers, order):
        if step.at < best.at:
            best, who = step, container
    return best, who


def _next_of_its_own(look: _Look, now: float) -> tuple[Step, Container | None]:
    """What comes next where nobody stops the pod."""
    best, who = NEVER, None
    grace = float(look.pod["spec"].get("terminationGracePeriodSeconds", 30))
    for container, turn in zip(look.containers, _turns(look), strict=True):
        step = progress.next_step(container, turn, grace, now)
        if step.at < best.at:
            best, who = step, container
    return best, who


def _turns(look: _Look) -> list[float | None]:
    """When each container's turn to start for the first time came; None where it has not."""
    turns: list[float | None] = []
    at: float | None = instants.read(look.status["startTime"])
    for container in look.containers:
        if container.role == "main":
            break
        turns.append(at)
        if container.role == "sidecar":
            at = progress.started_at(container) if container.started and at is not None else None
        else:
            at = container.finished if status.is_initialized(container) else None
    known = (c for c in look.status.get("conditions") or () if c["type"] == "Initialized")
    initialized = next(known, None)
    if initialized is not None and initialized["status"] == "True":
        # Recorded, so it stands however often a sidecar has been restarted since.
        at = instants.read(initialized["lastTransitionTime"])
    return turns + [at] * (len(look.containers) - len(turns))


def _take(look: _Look, container: Container, step: Step, order: Order | None) -> None:
    """Takes one step; the table of what can happen to a container."""
    match step.verb:
        case "begin":
            _begin(look, container, int(step.at))
        case "wait":
            container.wait("ContainerCreating")
        case "fail-pull":
            what = f'failed to pull and unpack image "{container.image}": not found'
            container.wait("ErrImagePull", what)
            look.notes.append(Note("Warning", "Failed", f'Failed to pull image "{container.image}": {what}'))
        case "back-off-pull":
            what = f'Back-off pulling image "{container.image}"'
            container.wait("ImagePullBackOff", what)
            look.notes.append(Note("Normal", "BackOff", what))
        case "start":
            container.started = True
            container.ready = "readinessProbe" not in container.spec
        case "ready" | "unready":
            container.ready = step.verb == "ready"
            if not container.ready:
                look.notes.append(Note("Warning", "Unhealthy", "Readiness probe failed"))
        case "end":
            _end(look, container, step, order if order is not None and order.since <= step.at else None)


def _begin(look: _Look, container: Container, at: int) -> None:
    pulled = container.never_ran
    container.begin(at)
    container.started = not container.spec.get("startupProbe")
    # An init container is never ready while it runs: it becomes so by ending well.
    probed = bool(container.spec.get("readinessProbe"))
    container.ready = container.started and not probed and container.role != "init"
    name, image = container.name, container.image
    if pulled:
        look.notes.append(Note("Normal", "Pulled", f'Successfully pulled image "{image}"'))
    else:
        look.notes.append(Note("Normal", "Pulled", f'Container image "{image}" already present on machine'))
    look.notes.append(Note("Normal", "Created", f"Created container: {name}"))
    look.notes.append(Note("Normal", "Started", f"Started container {name}"))


def _end(look: _Look, container: Container, step: Step, order: Order | None) -> None:
    """A run is over; unless the pod is stopping, what follows is decided here: nothing, a restart, or a wait
    for it.
    """
    look.notes += _death_notes(container, step)
    container.end(int(step.at), step.exit_code, step.reason)
    if order is not None or not restarts.should_restart(container.restart_policy, step.exit_code):
        return
    decided = container.begun - container.behaviour.start_seconds
    put_off = None if container.last is None else decided - instants.read(container.last["finishedAt"])
    delay = restarts.crash_delay_seconds(container.finished - decided, put_off)
    # The back-off belongs to the container as it was defined; with another image it starts anew.
    if delay and step.because != progress.NEW_IMAGE:
        metadata = look.pod["metadata"]
        pod = f"{metadata['name']}_{metadata.get('namespace', '')}({metadata['uid']})"
        container.last = container.terminated()
        container.wait("CrashLoopBackOff", restarts.waiting_message(delay, container.name, pod))
        what = f"Back-off restarting failed container {container.name} in pod {pod}"
        look.notes.append(Note("Warning", "BackOff", what))


def _death_notes(container: Container, step: Step) -> list[Note]:
    """What is told of an end that the kubelet ordered."""
    if not step.because:
        return []
    if step.because == progress.NEW_IMAGE:
        return [
            Note("Normal", "Killing", f"Container {container.name} definition changed, will be restarted")
        ]
    what = f"Container {container.name} failed {step.because} probe, will be restarted"
    return [
        Note("Warning", "Unhealthy", f"{step.because.capitalize()} probe failed"),
        Note("Normal", "Killing", what),
    ]


def _finish(look: _Look, order: Order) -> None:
    """Nothing runs and nothing will: whatever never ran is written off, and the phase becomes final."""
    for container in look.containers:
        if container.state == "waiting":
            what = "The container could not be located when the pod was terminated"
            container.end(0, termination.EXIT_SIGKILL, "ContainerStatusUnknown", what)
    last = max((c.finished for c in look.containers), default=0)
    if order.reason:
        look.status |= {"reason": order.reason, "message": order.message}
    _sum_up(look, max(int(order.since), last), over=True)
    if order.reason:
        look.status["phase"] = "Failed"


def _sum_up(look: _Look, at: int, *, over: bool) -> None:
    """Writes the containers back into the status, with what follows from them."""
    pod = look.pod
    phase = status.phase_of(look.containers, look.policy, over=over)
    generation = pod["metadata"].get("generation")
    look.status |= {
        "phase": phase,
        "conditions": status.conditions_of(
            look.status.get("conditions") or (),
            look.containers,
            phase,
            pod["spec"].get("readinessGates") or (),
            instants.stamp(at),
            generation,
        ),
        "containerStatuses": [c.status() for c in look.containers if c.role == "main"],
    }
    if any(c.role != "main" for c in look.containers):
        look.status["initContainerStatuses"] = [c.status() for c in look.containers if c.role != "main"]
    if generation is not None:
        look.status["observedGeneration"] = generation
