"""What is there now: for each environment, what Git wants, what the cluster has, and how well it is.

Facts only. A cluster that does not answer is reported as such and hides nothing about the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gitrel.backends.backend import Backend, Refused
from gitrel.delivery.drift import drift, drifted_objects
from gitrel.delivery.hooks import without_hooks
from gitrel.errors import GitrelError, Problem, Unreachable
from gitrel.kube.identity import Object, Ref
from gitrel.orchestrator import deliver
from gitrel.orchestrator.clusters import Sighting
from gitrel.orchestrator.evidence import health_in
from gitrel.orchestrator.releases import judged_version, rendered_release
from gitrel.orchestrator.sets import waiting_for_set
from gitrel.orchestrator.standing import with_standing
from gitrel.orchestrator.world import World
from gitrel.render.manifest import Manifest, Written
from gitrel.repo.model import Catalog, Component, Environment
from gitrel.rollout.seen import Drifted, Release, Seen
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout

UNSETTLED = frozenset((Phase.APPLYING, Phase.SETTLING, Phase.FAILED))


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything seen of one component at one commit."""

    commit: str
    seen: Mapping[str, Seen]
    unreachable: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    objects: Mapping[str, tuple[Written, ...]] = field(default_factory=dict)
    """Environment → what the pointer's release consists of."""


def observe(
    world: World,
    catalog: Catalog,
    component: Component,
    record: Rollout,
    records: Mapping[str, Rollout],
    now: datetime,
) -> Sight:
    """Looks at every environment the component is deployed to, in name order.

    Where anything cannot be rendered no cluster is asked, let alone made: `seen` is empty then.
    """
    seen: dict[str, Seen] = {}
    unreachable: dict[str, str] = {}
    problems: list[Problem] = []
    objects: dict[str, tuple[Written, ...]] = {}
    releases: dict[str, tuple[Release, Release | None]] = {}
    for name in sorted(component.pointers):
        wanted, pointer = judged_version(
            world, catalog, component.name, component.pointers[name].version, name
        )
        problems += wanted.problems
        objects[name] = wanted.objects
        releases[name] = pointer, _candidate(world, catalog, component, record, name, problems)
    if any(problem.severity == "error" for problem in problems):
        return Sight(catalog.commit, {}, {}, tuple(problems), objects)
    for name, (pointer, candidate) in releases.items():
        one, unreachable_because = see(world, catalog, component, record, name, (pointer, candidate), now)
        if unreachable_because:
            unreachable[name] = unreachable_because
        waits = _waiting_for(component, name, records) or waiting_for_set(catalog, record, records, name)
        seen[name] = replace(one, waiting_for=waits) if waits else one
    return Sight(catalog.commit, seen, unreachable, tuple(problems), objects)


def see(
    world: World,
    catalog: Catalog,
    component: Component,
    record: Rollout,
    name: str,
    known: tuple[Release | None, Release | None],
    now: datetime,
) -> tuple[Seen, str]:
    """One environment, with the pointer's release and the candidate given; and why it does not answer."""
    pointer, candidate = known
    try:
        sighting = _look(world, catalog, component, record, known, name, now)
        seen = Seen(
            environment=name,
            pointer=pointer,
            candidate=candidate,
            applied=sighting.applied,
            health=sighting.health,
            drifted=bool(sighting.drift),
            drift=sighting.drift,
            cluster=world.clusters.identity(catalog.environments[name]),
        )
        return with_standing(world, catalog, component, record, seen), ""
    except Unreachable as error:
        world.clusters.give_up(name, str(error))
        return Seen(name, pointer, candidate, reachable=False), str(error)
    except Refused as refused:
        # It answers and does not let us look: nothing is known of this one, and the others go on.
        return Seen(name, pointer, candidate, reachable=False), str(refused)


def _candidate(
    world: World, catalog: Catalog, component: Component, record: Rollout, name: str, problems: list[Problem]
) -> Release | None:
    """What the rollout's version would be here; None where there is no such rollout or version."""
    if not record.version or record.version not in component.versions:
        return None
    judged, release = judged_version(world, catalog, component.name, record.version, name)
    problems += judged.problems
    return release


def _waiting_for(component: Component, environment: str, records: Mapping[str, Rollout]) -> str:
    """Which dependency is not well in the same environment, as a reason; empty when all are.

    A dependency that is not deployed there at all is nobody's reason to wait.
    """
    for dependency in component.depends_on:
        record = records.get(dependency)
        progress = record.environments.get(environment) if record else None
        if record is None or environment not in record.in_force:
            return f"{dependency} is not deployed in {environment} yet"
        if progress is not None and progress.phase in UNSETTLED:
            return f"{dependency} is {progress.phase.value} in {environment}"
    return ""


def _look(
    world: World,
    catalog: Catalog,
    component: Component,
    record: Rollout,
    known: Iterable[Release | None],
    name: str,
    now: datetime,
) -> Sighting:
    """One component in one cluster. What was seen before is reused while the cluster has not changed."""
    environment = catalog.environments[name]
    backend = world.clusters.of(environment)
    before = world.clusters.recall(component.name, name)
    mark, changed = backend.changed_since(before.mark if before else "", component.name)
    in_force = record.in_force.get(name)
    # The component's own rules judge too: a look by other rules is no longer true.
    judged = f"{in_force.digest if in_force else ''} {hash(component.health)}"
    if before and not changed and before.wanted == judged and _is_steady(before):
        return before
    inventory = deliver.read_inventory(backend, component, environment, recent=True)
    applied = inventory.applied if inventory else None
    sighting = Sighting(mark, judged, applied, None)
    release = _release_with(applied, record, name, known)
    if release is not None:
        sighting = _judge(world, catalog, component, environment, backend, release, sighting, now)
    world.clusters.remember(component.name, name, sighting)
    return sighting


def _is_steady(sighting: Sighting) -> bool:
    """Whether time alone cannot change the verdict: everything is Current."""
    return sighting.health is not None and sighting.health.status == "current"


def _release_with(
    digest: str | None, record: Rollout, name: str, known: Iterable[Release | None]
) -> Release | None:
    """The release with that digest among all that the record and Git know for the environment."""
    progress: EnvironmentProgress | None = record.environments.get(name)
    candidates = [record.in_force.get(name), *known]
    if progress is not None:
        candidates += [progress.target, progress.previous]
    candidates += record.proven.get(name, ())
    return next((r for r in candidates if r is not None and digest is not None and r.digest == digest), None)


def _judge(
    world: World,
    catalog: Catalog,
    component: Component,
    environment: Environment,
    backend: Backend,
    release: Release,
    sighting: Sighting,
    now: datetime,
) -> Sighting:
    """Health and drift of what is applied, judged against the manifests of exactly that release."""
    try:
        whole = rendered_release(world, catalog, component.name, environment.name, release)
        rendered = without_hooks(whole)
    except Unreachable:
        raise
    except GitrelError:
        # What was applied can no longer be rendered: nothing can be said of it, and nothing is claimed.
        return sighting
    live = backend.read([manifest.object for manifest in rendered.manifests], recent=True)
    return Sighting(
        mark=sighting.mark,
        wanted=sighting.wanted,
        applied=sighting.applied,
        health=health_in(backend, rendered, live, component.health, now),
        drift=_drift(backend, rendered.manifests, live),
    )


def _drift(
    backend: Backend, manifests: Sequence[Manifest], live: Mapping[Ref, Object]
) -> tuple[Drifted, ...]:
    """What no longer holds, and who changed it: what seems to have drifted is asked for with its managers."""
    suspects = {one.ref for one in drift(manifests, live)}
    if not suspects:
        return ()
    asked = backend.read([manifest.object for manifest in manifests if manifest.ref in suspects])
    rest = {ref: obj for ref, obj in live.items() if ref not in suspects}
    return drifted_objects(manifests, {**rest, **asked})
