"""Running hooks, one look at a time: what is due is started, what is over is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gitrel.backends.backend import Backend
from gitrel.delivery import inventory as inventories
from gitrel.delivery.hooks import (
    Hook,
    failed_attempt,
    hooks_of,
    is_hook,
    is_needed,
    judged,
    next_up,
    to_tidy,
)
from gitrel.delivery.inventory import Inventory
from gitrel.delivery.labels import ownership
from gitrel.kube.directives import Moment, directives_of
from gitrel.kube.identity import Object
from gitrel.kube.masking import Masker
from gitrel.orchestrator.underway import HookFailed, OnItsWay
from gitrel.render.manifest import Manifest, Rendered
from gitrel.rollout.seen import Health, HookFailure

JOB_NAME = "job-name"
"""The label by which the pods of a Job are found."""


@dataclass(frozen=True, slots=True)
class Look:
    """The hooks of one moment as they are. `failure` is told without the release's secrets."""

    hooks: tuple[Hook, ...]
    failure: HookFailure | None = None

    @property
    def up(self) -> tuple[Hook, ...]:
        """Those whose turn it is; empty where all are over."""
        return next_up(self.hooks)

    @property
    def waits(self) -> str:
        """What those are doing that are on their way."""
        return ", ".join(hook.message or f"{hook} is due" for hook in self.up)

    @property
    def turn(self) -> str:
        """Names those whose turn it is: `the before hooks`, with their order where they have one."""
        first = next(iter(self.up), None)
        if first is None:
            return ""
        return f"the {first.moment} hooks" + (f" of order {first.order}" if first.order else "")


def look(
    backend: Backend, rendered: Rendered, inventory: Inventory | None, moment: Moment, attempt: str
) -> Look:
    """How far the release's hooks are. Where it has none, no cluster is asked."""
    hooks = hooks_of(rendered, moment, attempt)
    if not hooks:
        return Look(())
    live = backend.read([hook.job for hook in hooks])
    remembered = inventory.hooks if inventory else ()
    found = judged(hooks, live, remembered)
    failed = [hook for hook in found if hook.word == "failed"]
    if not failed:
        return Look(found)
    pods = [pod for hook in failed for pod in _pods(backend, hook)]
    masker = Masker(manifest.object for manifest in rendered.manifests)
    found = tuple(
        replace(hook, message=masker.text(hook.message)) for hook in judged(hooks, live, remembered, pods)
    )
    first = next(hook for hook in found if hook.word == "failed")
    return Look(found, HookFailure(first.message, failed_attempt(first, live)))


def _pods(backend: Backend, hook: Hook) -> Iterable[Object]:
    return backend.list("v1", "Pod", hook.ref.namespace, {JOB_NAME: hook.ref.name})


def check_before(found: Look, rendered: Rendered) -> None:
    """Raises `HookFailed`, or `OnItsWay` while a hook runs that was started before."""
    if found.failure is not None:
        needed = any(is_needed(manifest.object) for manifest in rendered.manifests)
        what = "only what its hooks need" if needed else "nothing"
        raise HookFailed(f"{found.failure.because}: {what} of the release was applied")
    if any(hook.word == "running" for hook in found.up):
        raise OnItsWay(found.waits, found.turn)


def to_run(backend: Backend, rendered: Rendered, inventory: Inventory) -> Iterator[Manifest]:
    """The hooks that bringing the release in would run, as they are written; nothing is started."""
    for manifest in rendered.manifests if inventory.applied != rendered.digest else ():
        moment = directives_of(manifest.object).hook
        if is_hook(manifest.object) and moment and moment != "on-failure":
            (hook,) = look(backend, replace(rendered, manifests=(manifest,)), inventory, moment, "").hooks
            if hook.word == "due":
                yield manifest


def start_due(backend: Backend, found: Look) -> tuple[Hook, ...]:
    """Starts those whose turn it is. The Job of an earlier attempt goes first, and is looked for next time
    where it does not go at once."""
    started = []
    for hook in found.up:
        if hook.word != "due":
            continue
        if hook.again is not None:
            backend.delete(hook.again)
            if backend.read([hook.job]):
                continue
        backend.apply(hook.job)
        started.append(hook)
    return tuple(started)


def is_owed(found: Look, inventory: Inventory | None) -> bool:
    """Whether there is something to start, or something to write down."""
    remembered = inventory.hooks if inventory else ()
    over = any(hook.word == "done" and hook.key not in remembered for hook in found.hooks)
    return over or any(hook.word == "due" for hook in found.up)


def remember(backend: Backend, inventory: Inventory, hooks: Sequence[Hook]) -> Inventory:
    """Writes down which hooks are over; the same inventory where it knows."""
    known = inventory.remembering(hook.key for hook in hooks if hook.word == "done")
    if known != inventory:
        backend.apply(inventories.to_object(known))
    return known


def tidy(backend: Backend, inventory: Inventory, digest: str) -> None:
    """Removes the Jobs of hooks whose time is over."""
    if inventory.hooks:
        ours = ownership(inventory.component, inventory.environment)
        jobs = backend.list("batch/v1", "Job", inventory.namespace, ours)
        for job in to_tidy(jobs, digest, inventory.hooks):
            backend.delete(job)


def health_with(health: Health, found: Look) -> Health:
    """The health of a release of which everything is Current, with its hooks that run after that."""
    if health.status != "current" or not found.hooks:
        return health
    if found.failure is not None:
        return replace(health, status="failed", because=found.failure.because, since=None)
    if found.up:
        return replace(health, status="in-progress", because=found.waits, since=None)
    ends = [hook.since for hook in found.hooks if hook.since] + ([health.since] if health.since else [])
    return replace(health, since=max(ends, default=None))
