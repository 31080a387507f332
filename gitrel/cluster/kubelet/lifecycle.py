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

from gitrel.cluster.kubelet import instants, progress, restarts, status, termination
from gitrel.cluster.kubelet.behaviours import Behaviours
from gitrel.cluster.kubelet.containers import Container, load_all
from gitrel.cluster.kubelet.progress import NEVER, Step
from gitrel.cluster.kubelet.runtimes import simulated
from gitrel.cluster.kubelet.status import TERMINAL_PHASES

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


class Order(NamedTuple):
    """To stop whatever runs, from `since` on. `reason` and `message` end up in the pod's status."""

    since: float
    grace: float
    reason: str = ""
    message: str = ""


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
        _end(look, container, Step(now, "end", EXIT_POWER_LOST, "Unknown"), stopping=None)
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
        order = _stop_order(look)
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


def _stop_order(look: _Look) -> Order | None:
    """The earliest reason to stop the pod as a whole; the deadline counts before it has come, too."""
    metadata, spec = look.pod["metadata"], look.pod["spec"]
    grace = float(spec.get("terminationGracePeriodSeconds", 30))
    orders = []
    if "deletionTimestamp" in metadata:
        grace = float(metadata.get("deletionGracePeriodSeconds", grace))
        orders.append(Order(instants.read(metadata["deletionTimestamp"]) - grace, grace))
    if (limit := spec.get("activeDeadlineSeconds")) is not None:
        message = "Pod was active on the node longer than the specified deadline"
        since = instants.read(look.status["startTime"]) + limit
        orders.append(Order(since, grace, "DeadlineExceeded", message))
    if (done := _done_at(look)) is not None:
        orders.append(Order(done, grace))
    return min(orders, key=lambda order: order.since, default=None)


def _done_at(look: _Look) -> float | None:
    """When the pod's work ended for good: its last main container stopped, or an init container failed
    finally.
    """
    if look.policy == "Always":
        return None
    for container in look.containers:
        if container.role == "init" and _ended_for_good(container) and container.exit_code:
            return container.finished
    mains = [c for c in look.containers if c.role == "main"]
    if all(_ended_for_good(c) for c in mains):
        return max(c.finished for c in mains)
    return None


def _ended_for_good(container: Container) -> bool:
    if container.state != "terminated":
        return False
    return not restarts.should_restart(container.restart_policy, container.exit_code)


def _next(look: _Look, order: Order | None, now: float) -> tuple[Step, Container | None]:
    """The earliest step of any container, in the order of the spec where several fall together.

    No container means that nothing is left to happen: for good, or until somebody else acts.
    """
    best, who = _next_of_its_own(look, now if order is None else min(now, order.since))
    if order is None or order.since > now or best.at < order.since:
        return best, who
    best, who = NEVER, None
    for container, step in _endings(look, order):
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


def _endings(look: _Look, order: Order) -> list[tuple[Container, Step]]:
    """How and when each container that still runs ends under the order."""
    running = [c for c in look.containers if c.state == "running"]
    ended = (
        c.finished - order.since for c in look.containers if c.state == "terminated" and c.role != "sidecar"
    )
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


def _take(look: _Look, container: Container, step: Step, order: Order | None) -> None:
    """Takes one step; the table of what can happen to a container."""
    match step.verb:
        case "begin":
            _begin(look, container, int(step.at))
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


def _end(look: _Look, container: Container, step: Step, stopping: Order | None) -> None:
    """A run is over; unless the pod is stopping, what follows is decided here: nothing, a restart, or a wait
    for it.
    """
    if step.because:
        look.notes.append(Note("Warning", "Unhealthy", f"{step.because.capitalize()} probe failed"))
        what = f"Container {container.name} failed {step.because} probe, will be restarted"
        look.notes.append(Note("Normal", "Killing", what))
    container.end(int(step.at), step.exit_code, step.reason)
    if stopping is not None or not restarts.should_restart(container.restart_policy, step.exit_code):
        return
    decided = container.begun - container.behaviour.start_seconds
    put_off = None if container.last is None else decided - instants.read(container.last["finishedAt"])
    delay = restarts.crash_delay_seconds(container.finished - decided, put_off)
    if delay:
        metadata = look.pod["metadata"]
        pod = f"{metadata['name']}_{metadata.get('namespace', '')}({metadata['uid']})"
        container.last = container.terminated()
        container.wait("CrashLoopBackOff", restarts.waiting_message(delay, container.name, pod))
        what = f"Back-off restarting failed container {container.name} in pod {pod}"
        look.notes.append(Note("Warning", "BackOff", what))


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
