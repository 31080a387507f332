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
from gitrel.orchestrator.world import Outcome, World
from gitrel.repo.model import Catalog
from gitrel.rollout.actions import Apply
from gitrel.rollout.decide import Decision
from gitrel.rollout.spec import RolloutSpec


def perform(
    world: World, catalog: Catalog, spec: RolloutSpec, decision: Decision, now: datetime
) -> Iterator[Outcome]:
    for action in decision.actions:
        if isinstance(action, Apply):
            yield _apply(world, catalog, spec.component, action, now)


def _apply(world: World, catalog: Catalog, component: str, action: Apply, now: datetime) -> Outcome:
    """Delivers one release to one cluster, and says what changed or why it did not."""
    name = action.environment
    data = {"version": action.release.version, "because": action.because}
    try:
        changes = deliver.deliver(world, catalog, catalog.components[component], action, now)
    except GitrelError as error:
        kind = "cluster.unreachable" if isinstance(error, Unreachable) else "environment.refused"
        world.events.emit(Event(now, kind, component, name, str(error), data))
        mendable = isinstance(error, Unreachable | deliver.StillDeleting)
        return Outcome(component, name, action, error=str(error), mendable=mendable)
    world.events.emit(Event(now, "environment.applied", component, name, data=data | {"changes": changes}))
    return Outcome(component, name, action, changes)
