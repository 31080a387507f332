"""Putting one release into one cluster: look, plan, check, grow the inventory, apply, prune, settle it.

The order of the writes is what makes a crash harmless. The inventory names new objects before they are
applied and forgets old ones after they are gone; its digest moves last, and only then counts as applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.backends.backend import Backend, Refused
from gitrel.delivery import inventory as inventories
from gitrel.delivery.inventory import Inventory
from gitrel.delivery.plan import Plan, desired_objects, plan
from gitrel.errors import GitrelError
from gitrel.events import Event
from gitrel.kube.identity import Object, Ref, ref_of
from gitrel.kube.masking import Masker
from gitrel.orchestrator.releases import rendered_release
from gitrel.orchestrator.world import World
from gitrel.render.manifest import Rendered
from gitrel.repo.model import Catalog, Component, Environment
from gitrel.rollout.actions import Apply


class StillDeleting(GitrelError):
    """An object of the release is on its way out, so the release is not whole until it can be made anew."""

    exit_code = 5


def deliver(
    world: World, catalog: Catalog, component: Component, action: Apply, now: datetime
) -> Mapping[str, int]:
    """Applies the action's release and prunes what left it; gives the counts of changes by word.

    Raises `PlanRefused` before anything is written, `Refused` where the cluster refuses in the middle (the
    next pass goes on from there), `StillDeleting`, `NotReproducible`, and `Unreachable`.
    """
    environment = catalog.environments[action.environment]
    rendered = rendered_release(world, catalog, component.name, environment.name, action.release)
    backend = world.clusters.of(environment)
    inventory = read_inventory(backend, catalog, component, environment) or inventories.empty(
        component.name, environment.name, namespace_of(component, environment)
    )
    planned = plan_for(backend, component, rendered, inventory)
    data = {
        "version": action.release.version,
        "changes": planned.counts,
        "deletes": planned.deletions,
    }
    world.events.emit(Event(now, "environment.planned", component.name, environment.name, data=data))
    planned.check()

    world.clusters.forget(component.name, environment.name)
    _ensure_namespace(backend, inventory.namespace)
    _write(backend, inventory.growing_by(manifest.object for manifest in rendered.manifests))
    _carry_out(backend, planned, rendered)
    skipped = [entry for entry in planned.entries if entry.word == "skipped"]
    if waiting := [entry for entry in skipped if entry.after is not None]:
        raise StillDeleting("\n".join(f"{entry.ref} {entry.reason}" for entry in waiting))
    kept = [entry.object for entry in skipped]
    objects = [*(manifest.object for manifest in rendered.manifests), *kept]
    release = action.release
    _write(backend, inventory.holding(release.version, release.digest, release.commit, objects))
    return planned.counts


def _carry_out(backend: Backend, planned: Plan, rendered: Rendered) -> None:
    """Applies, then deletes. What the cluster says when it refuses is told without the release's secrets."""
    try:
        for entry in planned.to_apply:
            backend.apply(entry.object, force=entry.reason == "adopted")
        for entry in planned.to_delete:
            backend.delete(entry.object)
    except Refused as refused:
        masker = Masker(manifest.object for manifest in rendered.manifests)
        raise Refused(refused.ref, refused.reason, masker.text(refused.message)) from None


def plan_for(backend: Backend, component: Component, rendered: Rendered, inventory: Inventory) -> Plan:
    """What applying `rendered` would do now. Nothing is written: the cluster is asked by dry runs."""
    desired = desired_objects(rendered, inventory)
    live = backend.read([*desired, *inventory.objects])
    dry_run = {ref: _dry_run(backend, obj) for obj in desired if (ref := ref_of(obj)) in live}
    schedule = component.schedule
    return plan(
        rendered,
        inventory,
        live,
        dry_run,
        prune_limit=schedule.prune_limit,
        prune_kinds=schedule.prune_kinds,
    )


def _dry_run(backend: Backend, obj: Object) -> Object | Refused:
    try:
        return backend.apply(obj, dry_run=True)
    except Refused as refused:
        return refused


def namespace_of(component: Component, environment: Environment) -> str:
    return component.namespace or environment.namespace


def read_inventory(
    backend: Backend, catalog: Catalog, component: Component, environment: Environment
) -> Inventory | None:
    """What was applied there, or None where nothing ever was."""
    parent = inventories.parent(component.name, namespace_of(component, environment))
    found = backend.read([parent]).get(ref_of(parent))
    return inventories.from_object(found, environment.name) if found else None


def _write(backend: Backend, inventory: Inventory) -> None:
    backend.apply(inventories.to_object(inventory))


def _ensure_namespace(backend: Backend, name: str) -> None:
    """Creates the namespace where it is missing. It is nobody's after that: gitrel never deletes one."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    if Ref("", "Namespace", "", name) not in backend.read([namespace]):
        backend.apply(namespace)
