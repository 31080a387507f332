"""Doing what was decided: each action once, each failure told, none of them stopping the others.

Pointers have moved already, in the same step in which the decision was remembered. An action that fails is
decided again by the next pass, because what was asked and what is there still differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gitrel.errors import GitrelError, Unreachable
from gitrel.events import Event
from gitrel.orchestrator import deliver
from gitrel.orchestrator.underway import OnItsWay
from gitrel.orchestrator.world import Outcome, World
from gitrel.repo.model import Catalog
from gitrel.rollout.actions import Apply, MovePointer, RunHooks
from gitrel.rollout.decide import Decision
from gitrel.rollout.facts import attempt_of, same
from gitrel.rollout.spec import RolloutSpec


def perform(
    world: World, catalog: Catalog, spec: RolloutSpec, decision: Decision, now: datetime
) -> Iterator[Outcome]:
    for action in decision.actions:
        if isinstance(action, MovePointer):
            continue
        progress = decision.rollout.environments.get(action.environment)
        started = progress is not None and same(progress.target, action.release)
        attempt = attempt_of(progress) if started else ""
        if isinstance(action, Apply):
            yield _apply(world, catalog, spec.component, action, now, attempt)
        else:
            yield _run_hooks(world, catalog, spec.component, action, now, attempt)


def _apply(
    world: World, catalog: Catalog, component: str, action: Apply, now: datetime, attempt: str
) -> Outcome:
    """Delivers one release to one cluster, and says what changed, what it waits for, or why it did not."""
    name, digest = action.environment, action.release.digest
    data = {"version": action.release.version, "because": action.because}
    try:
        changes = deliver.deliver(world, catalog, catalog.components[component], action, now, attempt)
    except OnItsWay as underway:
        told = str(underway)
        if world.notes.read(component, name, digest) != told:
            world.events.emit(Event(now, "environment.waiting", component, name, told, data))
        world.notes.write(component, name, digest, told)
        return Outcome(component, name, action, underway.changes, waiting=told, awaits=underway.awaits)
    except GitrelError as error:
        kind = "cluster.unreachable" if isinstance(error, Unreachable) else "environment.refused"
        world.notes.write(component, name, digest, "" if isinstance(error, Unreachable) else str(error))
        world.events.emit(Event(now, kind, component, name, str(error), data))
        mendable = isinstance(error, Unreachable)
        return Outcome(component, name, action, error=str(error), mendable=mendable)
    world.notes.write(component, name, digest, "")
    world.events.emit(Event(now, "environment.applied", component, name, data=data | {"changes": changes}))
    return Outcome(component, name, action, changes)


def _run_hooks(
    world: World, catalog: Catalog, component: str, action: RunHooks, now: datetime, attempt: str
) -> Outcome:
    name = action.environment
    try:
        deliver.run_hooks(world, catalog, catalog.components[component], action, now, attempt)
    except GitrelError as error:
        kind = "cluster.unreachable" if isinstance(error, Unreachable) else "hook.refused"
        data = {"version": action.release.version, "moment": action.moment}
        world.events.emit(Event(now, kind, component, name, str(error), data))
        return Outcome(component, name, action, error=str(error))
    return Outcome(component, name, action)
