"""Putting one release into one cluster: look, plan, check, run hooks, apply, prune, settle it.

The order of the writes is what makes a crash harmless. The inventory names new objects before they are
applied and forgets old ones after they are gone; its digest moves last, and only then counts as applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.backends.backend import Backend, Refused
from gitrel.delivery import inventory as inventories
from gitrel.delivery.hooks import is_needed, without_hooks
from gitrel.delivery.inventory import Inventory
from gitrel.delivery.plan import Plan, desired_objects, plan, trials
from gitrel.events import Event
from gitrel.kube.identity import Object, ref_of
from gitrel.orchestrator import hooking
from gitrel.orchestrator.applying import carry_out
from gitrel.orchestrator.releases import rendered_release
from gitrel.orchestrator.underway import OnItsWay
from gitrel.orchestrator.world import World
from gitrel.render.manifest import Rendered
from gitrel.repo.model import Catalog, Component, Environment
from gitrel.rollout.actions import Apply, RunHooks


def deliver(
    world: World, catalog: Catalog, component: Component, action: Apply, now: datetime, attempt: str = ""
) -> Mapping[str, int]:
    """Applies the action's release and prunes what left it; gives the counts of changes by word.

    `attempt` names the start of the release, for its hooks. Raises `PlanRefused` and `HookFailed` before
    anything of the release is written, `OnItsWay` where something has to happen in the cluster first,
    `PartlyApplied` where the cluster refuses in the middle (the next pass goes on from there),
    `NotReproducible`, and `Unreachable`.
    """
    environment = catalog.environments[action.environment]
    whole = rendered_release(world, catalog, component.name, environment.name, action.release)
    backend = world.clusters.of(environment)
    inventory = inventory_or_empty(backend, component, environment, coming=True)
    # Hooks belong to bringing a release in, not to mending what drifted from it.
    coming = inventory.applied != whole.digest
    before = hooking.look(backend, whole, inventory, "before", attempt) if coming else hooking.Look(())
    hooking.check_before(before, whole)
    going_back = action.because == "rollback"
    planned = plan_for(backend, component, whole, inventory, adopt=world.adopt_objects, going_back=going_back)
    if action.mend is not None:
        planned = planned.only(action.mend)
    data = {
        "version": action.release.version,
        "changes": planned.counts,
        "deletes": planned.deletions,
    }
    world.events.emit(Event(now, "environment.planned", component.name, environment.name, data=data))
    planned.check()

    world.clusters.forget(component.name, environment.name)
    world.clusters.ensure_namespace(environment, inventory.namespace)
    release, rendered = action.release, without_hooks(whole)
    everything = [manifest.object for manifest in whole.manifests]
    if before.up:
        needed = [obj for obj in everything if is_needed(obj)]
        if needed:
            _write(backend, inventory.growing_by(needed, release.digest))
            carry_out(backend, planned.before_hooks(), everything, now)
        started = hooking.start_due(backend, before)
        raise OnItsWay(before.waits, before.turn, {"created": len(started)})
    inventory = inventory.remembering(hook.key for hook in before.hooks)
    members = (manifest.object for manifest in rendered.manifests)
    _write(backend, inventory.growing_by(members, release.digest))
    carry_out(backend, planned, everything, now)
    kept = [entry.object for entry in planned.entries if entry.word == "skipped"]
    objects = [*(manifest.object for manifest in rendered.manifests), *kept]
    inventory = inventory.holding(release.version, release.digest, release.commit, objects)
    _write(backend, inventory)
    if coming:
        hooking.tidy(backend, inventory, release.digest)
    return planned.counts


def run_hooks(
    world: World, catalog: Catalog, component: Component, action: RunHooks, now: datetime, attempt: str
) -> None:
    """Starts the hooks whose turn it is, and writes down those that are over."""
    environment = catalog.environments[action.environment]
    rendered = rendered_release(world, catalog, component.name, environment.name, action.release)
    backend = world.clusters.of(environment)
    inventory = inventory_or_empty(backend, component, environment)
    found = hooking.look(backend, rendered, inventory, action.moment, attempt)
    world.clusters.forget(component.name, environment.name)
    started = hooking.start_due(backend, found)
    inventory = hooking.remember(backend, inventory, found.hooks)
    if not found.up:
        hooking.tidy(backend, inventory, action.release.digest)
    for hook in started:
        data = {"version": action.release.version, "moment": hook.moment}
        world.events.emit(
            Event(now, "hook.started", component.name, environment.name, str(hook.ref), data=data)
        )


def plan_for(
    backend: Backend,
    component: Component,
    rendered: Rendered,
    inventory: Inventory,
    *,
    adopt: bool = False,
    ask_about_all: bool = False,
    going_back: bool = False,
) -> Plan:
    """What applying `rendered` would do now. Nothing is written: the cluster is asked by dry runs.

    Objects that do not exist yet are asked about too where something runs that must not be half replaced,
    or where `ask_about_all` says so. `going_back` sets no limit to deletions: what goes is what the release
    brought that is taken back, and nobody wants to raise a limit then.
    """
    desired = desired_objects(rendered, inventory)
    creations = ask_about_all or bool(inventory.objects)
    live = backend.read([*desired, *inventory.objects], coming=not creations)

    def ask(obj: Object, force: bool) -> Object | Refused:
        try:
            return backend.apply(obj, dry_run=True, force=force)
        except Refused as refused:
            return refused

    return plan(
        rendered,
        inventory,
        live,
        trials(rendered, inventory, live, ask, adopt=adopt, creations=creations),
        prune_limit="100%" if going_back else component.schedule.prune_limit,
        prune_kinds=component.schedule.prune_kinds,
        recreate_kinds=component.schedule.recreate_kinds,
        adopt=adopt,
    )


def namespace_of(component: Component, environment: Environment) -> str:
    return component.namespace or environment.namespace


def read_inventory(
    backend: Backend,
    component: Component,
    environment: Environment,
    *,
    recent: bool = False,
    coming: bool = False,
) -> Inventory | None:
    """What was applied there, or None where nothing ever was. `recent`, `coming` as for `Backend.read`."""
    parent = inventories.parent(component.name, namespace_of(component, environment))
    found = backend.read([parent], recent=recent, coming=coming).get(ref_of(parent))
    return inventories.from_object(found, environment.name) if found else None


def inventory_or_empty(
    backend: Backend,
    component: Component,
    environment: Environment,
    *,
    coming: bool = False,
) -> Inventory:
    """What was applied there, or the inventory of nothing. `coming` as for `Backend.read`."""
    found = read_inventory(backend, component, environment, coming=coming)
    return found or inventories.empty(component.name, environment.name, namespace_of(component, environment))


def _write(backend: Backend, inventory: Inventory) -> None:
    backend.apply(inventories.to_object(inventory))
