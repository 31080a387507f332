"""Renders what a comparison needs and no more, and asks clusters what they would make of a release."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitrel.cli import lookup
from gitrel.cli.rendering import renderings
from gitrel.cli.session import Session
from gitrel.delivery.changes import Change, Mask, changes
from gitrel.delivery.labels import is_owned, without_ownership
from gitrel.delivery.plan import Plan
from gitrel.errors import GitrelError, InvalidRepository
from gitrel.kube.identity import Ref
from gitrel.orchestrator.world import World
from gitrel.render.inputs import Inputs
from gitrel.render.manifest import Manifest, Rendered
from gitrel.repo.compare import differences
from gitrel.repo.model import Catalog
from gitrel.telemetry.masking import MASKER
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.app import Place


class BaseInvalid(GitrelError):
    """The commit that something is to be compared with cannot be read as a whole."""

    exit_code = 3


ReleaseOf = Callable[[Catalog, str, str, str], Rendered]
Objects = Mapping[Ref, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the comparison is about; None asks for all. `version` stands for the pointers' in the head."""

    component: str | None = None
    environment: str | None = None
    version: str | None = None

    def concerns(self, component: str) -> bool:
        return self.component in (None, component)


@dataclass(frozen=True, slots=True)
class Compared:
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()


def masking(show_secrets: bool) -> Mask:
    """How objects are shown. Either way their secrets are known to everything else that is written."""

    def mask(obj: Mapping[str, Any]) -> Mapping[str, Any]:
        return obj if show_secrets else MASKER.manifest(obj)

    return mask


def offline(before: Catalog, after: Catalog, asked: Asked, mask: Mask) -> Compared:
    """What `after` renders beside what `before` does, wherever the two can differ.

    A component or an environment may be missing from either. What has errors in the base only is noted and
    left out, for the change may be what mends it; errors in `after` raise InvalidRepository.
    """
    inputs = Inputs(before, after)
    notes = list(differences(before, after, asked.concerns))
    found: list[Change] = []
    with renderings() as release_of:
        for component, environment in _places(before, after, asked):
            if _same(inputs, before, after, component, environment, asked.version):
                continue
            try:
                was = _before(release_of, before, component, environment)
            except InvalidRepository as error:
                notes.append(
                    f"{component} in {environment} cannot be rendered at the base: {error.problems[0]}"
                )
                continue
            now = _after(release_of, after, component, environment, asked.version)
            found += changes(component, environment, was, now, mask)
    return Compared(tuple(found), tuple(notes))


def _places(before: Catalog, after: Catalog, asked: Asked) -> Iterator[tuple[str, str]]:
    """Every (component, environment) with a pointer on either side that was asked for."""
    if asked.component is not None:
        lookup.pick("component", asked.component, {**before.components, **after.components})
    if asked.environment is not None:
        lookup.pick("environment", asked.environment, {**before.environments, **after.environments})
    broken = {*before.broken, *after.broken}
    sides = (lookup.targets(after, None, None), lookup.targets(before, None, None))
    for component, environment in dict.fromkeys((*sides[0], *sides[1])):
        wanted = asked.concerns(component) and asked.environment in (None, environment)
        if wanted and component not in broken:
            yield component, environment
    if asked.component is not None and asked.environment is not None and asked.version is not None:
        place = asked.component, asked.environment
        if asked.component in after.components and place not in sides[0] and place not in sides[1]:
            yield place


def _same(
    inputs: Inputs, before: Catalog, after: Catalog, component: str, environment: str, version: str | None
) -> bool:
    old, new = before.components.get(component), after.components.get(component)
    if old is None or new is None:
        return False
    if version is None and inputs.same_component(component):
        return True
    was, now = old.pointers.get(environment), new.pointers.get(environment)
    known = environment in before.environments and environment in after.environments
    if was is None or now is None or not known:
        return False
    wanted = lookup.version(after, component, environment, version)
    return inputs.same(component, environment, was.version, wanted)


def _before(release_of: ReleaseOf, before: Catalog, component: str, environment: str) -> Objects:
    known = before.components.get(component)
    pointer = known.pointers.get(environment) if known else None
    if pointer is None or environment not in before.environments:
        return {}
    return _objects(release_of(before, component, pointer.version, environment))


def _after(
    release_of: ReleaseOf, after: Catalog, component: str, environment: str, version: str | None
) -> Objects:
    known = after.components.get(component)
    if known is None or environment not in after.environments:
        return {}
    if version is None and environment not in known.pointers:
        return {}
    return _objects(
        release_of(after, component, lookup.version(after, component, environment, version), environment)
    )


def _objects(release: Rendered) -> Objects:
    return {manifest.ref: manifest.object for manifest in release.manifests}


def live(session: Session, catalog: Catalog, asked: Asked, mask: Mask) -> Compared:
    """What each cluster says that it would make of the release, beside what it has now.

    A cluster's objections are no difference: they are told on stderr, and stand in the notes. Raises
    WrongCluster where another cluster answers than the one that is recorded.
    """
    from gitrel.cli.sources import looking_world

    found: list[Change] = []
    notes: list[str] = []
    places = lookup.targets(catalog, asked.component, asked.environment)
    with renderings() as release_of, looking_world(session) as world:
        world.clusters.expect(world.ledger.load()[1].values())
        for component, environment in places:
            version = lookup.version(catalog, component, environment, asked.version)
            release = release_of(catalog, component, version, environment)
            forecast, hooks = _forecast(world, catalog, component, environment, release)
            for reason in (*forecast.objections, *map(str, forecast.conflicts)):
                notes.append(clean(f"{component} in {environment}: {MASKER.text(reason)}"))
                session.err.line(session.err.paint(notes[-1], "red"))
            for entry in forecast.entries:
                if not entry.origin and entry.word != "deleted":
                    notes.append(clean(f"{component} in {environment}: {entry.ref} {entry.reason}"))
            found += _told(forecast, hooks, component, environment, mask)
    return Compared(tuple(found), tuple(notes))


def _told(
    forecast: Plan, hooks: Sequence[Manifest], component: str, environment: str, mask: Mask
) -> Iterator[Change]:
    before: dict[Ref, Mapping[str, Any]] = {}
    # Under the names that people gave them: the Jobs are called for the release, differently everywhere.
    after: dict[Ref, Mapping[str, Any]] = {hook.ref: hook.object for hook in hooks}
    for hook in hooks:
        MASKER.learn_object(hook.object)
    for entry in forecast.entries:
        if entry.word in ("unchanged", "skipped"):
            continue
        # Our labels differ in every environment, so nothing would be told together; that an object is
        # adopted, and gets them, is a change that is shown.
        adopted = entry.before is not None and not is_owned(entry.before, component, environment)
        for side, obj in ((before, entry.before), (after, entry.after)):
            if obj is not None:
                MASKER.learn_object(obj)
                side[entry.ref] = obj if adopted else without_ownership(obj)
    return changes(component, environment, before, after, mask)


def _forecast(
    world: World, catalog: Catalog, component: str, environment: str, release: Rendered
) -> tuple[Plan, list[Manifest]]:
    """The plan that applying would carry out, with the answers of a dry run, and the hooks it would run."""
    from gitrel.orchestrator.deliver import inventory_or_empty, plan_for
    from gitrel.orchestrator.hooking import to_run

    owner, place = catalog.components[component], catalog.environments[environment]
    backend = world.clusters.of(place)
    members = inventory_or_empty(backend, owner, place)
    plan = plan_for(backend, owner, release, members, adopt=world.adopt_objects, ask_about_all=True)
    return plan, list(to_run(backend, release, members))


def base_catalog(root: Place, revision: str) -> Catalog:
    """What a commit says that something is compared with. Only errors that concern everything refuse it."""
    from gitrel.app import read_catalog
    from gitrel.repo.check import blocking

    found, problems = read_catalog(root, revision)
    if wrong := blocking(problems):
        first = f"{wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")
        raise BaseInvalid(f"--base {revision}: nothing can be compared with it: {first}")
    return found
