"""What people look at: which version runs where, how far each change is, why, and until when.

The matrix is read from the journal and from Git alone, so it answers at once and while clusters are away.
The explanation looks at the clusters too, because a reason may stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitrel.errors import InvalidRepository, Problem
from gitrel.orchestrator.observe import observe
from gitrel.orchestrator.specs import component_named, expect_environment, orphaned, spec_of
from gitrel.orchestrator.watching import WATCHED, is_watched
from gitrel.orchestrator.world import World
from gitrel.repo.check import blocking
from gitrel.repo.model import Catalog
from gitrel.rollout.drifting import drifting
from gitrel.rollout.explain import Explanation, explain
from gitrel.rollout.seen import Health, Seen
from gitrel.rollout.state import Drifting, Rollout

LEFT_ALONE = "its files have errors, so it is left as it is"


@dataclass(frozen=True, slots=True)
class Cell:
    """One component in one environment.

    `version` is in force, empty where nothing is yet; `target` is on its way, empty where nothing is;
    `pointer` is what Git says; `until` is when time alone can change the phase.
    """

    environment: str
    version: str
    target: str
    pointer: str
    phase: str
    sentence: str
    until: datetime | None
    unwell: str = ""
    """What is wrong with what runs, since it passed; empty while it is well."""
    drift: tuple[Drifting, ...] = ()
    """What others have changed of it and does not hold now; those that are fought over first."""


@dataclass(frozen=True, slots=True)
class Row:
    """`live` are the versions in force anywhere; more than `live_max` is worth an alarm."""

    component: str
    status: str
    because: str
    cells: Mapping[str, Cell]
    live: tuple[str, ...]
    live_max: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Environments in wave order, components by name."""

    at: datetime
    commit: str
    environments: tuple[str, ...]
    rows: tuple[Row, ...]
    broken: tuple[str, ...] = ()
    """Components whose files have errors: nothing of them starts until that is mended."""
    blocking: tuple[Problem, ...] = ()
    """Errors that concern every component: nothing at all starts until they are mended."""
    orphaned: tuple[str, ...] = ()
    """Components that are gone from the repository and still run: nothing is ever removed in silence."""


def matrix(world: World) -> Matrix:
    """The whole repository at a glance."""
    now = world.clock.now()
    _, records = world.ledger.load()
    catalog, problems = world.source.catalog(world.source.head())
    names = tuple(name for wave in catalog.pipeline.waves for name in wave.environments)
    known = catalog.components.keys() | catalog.broken.keys()
    rows = tuple(_row(catalog, name, records.get(name), now) for name in sorted(known))
    return Matrix(
        now,
        catalog.commit,
        names,
        rows,
        broken=tuple(sorted(catalog.broken)),
        blocking=blocking(problems),
        orphaned=orphaned(catalog, records),
    )


def _row(catalog: Catalog, name: str, record: Rollout | None, now: datetime) -> Row:
    rollout = record or Rollout(name)
    if name in catalog.broken:
        return _row_of_broken(name, rollout)
    component = catalog.components[name]
    spec = spec_of(catalog, component)
    remembered = {env: _as_last_seen(rollout, env) for env in spec.environments}
    cells = {
        told.environment: _cell(told, component.pointers[told.environment].version, rollout)
        for told in explain(spec, rollout, remembered, now)
    }
    live = tuple(sorted({release.version for release in rollout.in_force.values()}))
    return Row(name, rollout.status, rollout.because, cells, live, spec.max_active_versions)


def _row_of_broken(name: str, rollout: Rollout) -> Row:
    """What the journal remembers: whoever commits an error must not make what runs disappear from view."""
    told = WATCHED if is_watched(rollout) else LEFT_ALONE
    cells = {}
    for environment, release in sorted(rollout.in_force.items()):
        progress = rollout.environments.get(environment)
        phase = progress.phase.value if progress else ""
        sentence = f"{environment} runs {release.version}: {told}"
        drift = drifting(rollout, environment)
        cells[environment] = Cell(environment, release.version, "", "", phase, sentence, None, drift=drift)
    live = tuple(sorted({release.version for release in rollout.in_force.values()}))
    return Row(name, rollout.status, told, cells, live, len(live))


def _as_last_seen(rollout: Rollout, environment: str) -> Seen:
    """The environment as the record knows it: no cluster is asked, so nothing has changed since."""
    progress, in_force = rollout.environments.get(environment), rollout.in_force.get(environment)
    if in_force is None:
        return Seen(environment)
    if progress is None or progress.ready is None:
        health = Health("in-progress", progress.because if progress else "")
    else:
        health = Health("current", since=progress.ready, restarts=progress.restarts)
    return Seen(environment, pointer=in_force, applied=in_force.digest, health=health)


def _cell(told: Explanation, pointer: str, rollout: Rollout) -> Cell:
    unwell = rollout.unwell.get(told.environment)
    return Cell(
        environment=told.environment,
        version=told.version,
        target=told.target,
        pointer=pointer,
        phase=told.phase.value if told.phase else "",
        sentence=told.sentence,
        until=told.due,
        unwell=unwell.because if unwell is not None and unwell.until is None else "",
        drift=drifting(rollout, told.environment),
    )


def why(world: World, component: str, environment: str | None = None) -> tuple[Explanation, ...]:
    """Why each environment of the component is where it is, with the next instant that can change.

    Raises UsageError for names that do not exist, `InvalidRepository` for a component with errors and for
    errors that concern them all.
    """
    now = world.clock.now()
    _, records = world.ledger.load()
    world.clusters.expect(records.values())
    catalog, problems = world.source.catalog(world.source.head())
    if everywhere := blocking(problems):
        raise InvalidRepository(everywhere)
    part = component_named(catalog, component)
    if environment is not None:
        expect_environment(part, environment)
    record = records.get(component) or Rollout(component)
    sight = observe(world, catalog, part, record, records, now)
    if errors := [problem for problem in sight.problems if problem.severity == "error"]:
        raise InvalidRepository(errors)
    told = explain(spec_of(catalog, part), record, sight.seen, now)
    return tuple(one for one in told if environment in (None, one.environment))
