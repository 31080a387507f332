"""What is seen of a release in flight beside its objects: its hooks, and the last attempt to apply it."""

from __future__ import annotations

from dataclasses import replace

from gitrel.delivery.hooks import is_hook
from gitrel.errors import GitrelError, Unreachable
from gitrel.orchestrator import deliver, hooking
from gitrel.orchestrator.releases import rendered_release
from gitrel.orchestrator.world import World
from gitrel.render.manifest import Rendered
from gitrel.repo.model import Catalog, Component
from gitrel.rollout.facts import attempt_of
from gitrel.rollout.seen import Owed, Seen
from gitrel.rollout.state import IN_FLIGHT, EnvironmentProgress, Phase, Rollout

LOOKED_AT = IN_FLIGHT | {Phase.FAILED, Phase.ROLLED_BACK}


def with_standing(world: World, catalog: Catalog, component: Component, record: Rollout, seen: Seen) -> Seen:
    """What was seen, and what the hooks make of it. Raises `Unreachable`.

    Where the release in flight has no hooks, which is known without asking, the cluster is not asked.
    """
    name = seen.environment
    in_force, progress = record.in_force.get(name), record.environments.get(name)
    if in_force is not None and in_force.digest != seen.applied:
        seen = replace(seen, delivery=world.notes.read(component.name, name, in_force.digest))
    if progress is None or progress.phase not in LOOKED_AT:
        return seen
    try:
        rendered = rendered_release(world, catalog, component.name, name, progress.target)
    except Unreachable:
        raise
    except GitrelError:
        return seen  # what cannot be rendered any more has no hooks to run
    if not any(is_hook(manifest.object) for manifest in rendered.manifests):
        return seen
    return _with_hooks(world, catalog, component, progress, rendered, seen)


def _with_hooks(
    world: World,
    catalog: Catalog,
    component: Component,
    progress: EnvironmentProgress,
    rendered: Rendered,
    seen: Seen,
) -> Seen:
    environment = catalog.environments[seen.environment]
    backend = world.clusters.of(environment)
    inventory = deliver.read_inventory(backend, component, environment)
    attempt = attempt_of(progress)
    owes: list[Owed] = []
    remedy = hooking.look(backend, rendered, inventory, "on-failure", attempt)
    if hooking.is_owed(remedy, inventory):
        owes.append("on-failure")
    if seen.applied != progress.target.digest:
        before = hooking.look(backend, rendered, inventory, "before", attempt)
        return replace(seen, owes=tuple(owes), hook_failed=before.failure)
    after = hooking.look(backend, rendered, inventory, "after", attempt)
    health = seen.health
    if health is not None and health.status == "current" and not seen.drifted:
        if hooking.is_owed(after, inventory):
            owes.append("after")
        health = hooking.health_with(health, after)
    return replace(seen, owes=tuple(owes), hook_failed=after.failure, health=health)
