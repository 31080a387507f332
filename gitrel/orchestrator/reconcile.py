"""One pass from top to bottom: read, see, decide, remember, act, tell.

No loop, no retry, no sleep. Whoever calls decides how to wait until `wake_at`: the daemon on a condition
variable, a CI job by waiting or leaving, a rehearsal by moving its clock. What was decided is saved before
it is done, so a crash between the two repeats an idempotent apply instead of forgetting a promise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from gitrel.clock import format_instant
from gitrel.errors import Conflict, InvalidRepository, Problem, UsageError
from gitrel.events import Event
from gitrel.ledger.ledger import Entry
from gitrel.orchestrator.hindsight import decided_again, not_done
from gitrel.orchestrator.lookahead import ahead_of
from gitrel.orchestrator.observe import Sight, observe
from gitrel.orchestrator.perform import perform
from gitrel.orchestrator.sets import is_freed
from gitrel.orchestrator.specs import in_dependency_order, orphaned, spec_of
from gitrel.orchestrator.step import Step
from gitrel.orchestrator.strays import clock_event, drift_events
from gitrel.orchestrator.stuck import stuck_components
from gitrel.orchestrator.watching import WATCHED, watch
from gitrel.orchestrator.world import Outcome, PassReport, Scope, World
from gitrel.render.clashes import Claims
from gitrel.repo.check import blocking
from gitrel.repo.layout import component_of
from gitrel.repo.model import Catalog, Component
from gitrel.rollout import wire
from gitrel.rollout.decide import decide
from gitrel.rollout.state import Rollout

ENDED = frozenset(("passed", "failed", "rolled-back", "superseded"))
"""Phases in which an environment is done with a release; told before what follows from them."""


def reconcile(world: World, scope: Scope | None = None) -> PassReport:
    """One pass over the components in scope.

    Raises `InvalidRepository` where nothing in scope can be trusted, `Conflict` where somebody else wrote
    first (nothing was done then: make another pass), `Unreachable` where Git itself does not answer,
    UsageError for an environment to adopt that does not exist.
    """
    now = world.clock.now()  # the only reading of time in this pass
    head, records = world.ledger.load()  # before the branch: a move in between is then a conflict
    world.clusters.expect(records.values())
    commit = world.source.head()
    catalog, problems = world.source.catalog(commit)
    if not blocking(problems):
        world.clusters.expect_adopted(catalog.environments)

    part = scope or Scope()
    steps, problems = _decide_all(world, part, catalog, records, problems, now)
    head = _remember(world, steps, head, now)
    _tell_progress(world, steps, now)
    outcomes: list[Outcome] = []
    for step in steps:
        outcomes += perform(world, step.catalog, step.spec, step.decision, now)
    steps = _learn(world, steps, outcomes, head, now)
    report = _report(commit, steps, outcomes, problems, now)
    if blocking(problems):
        return report
    left = orphaned(catalog, records) if not part.components else ()
    report = replace(report, orphaned=left)
    if is_freed(catalog, records, report.rollouts):
        return replace(report, wake_at=now)
    return replace(report, stuck=stuck_components(steps, records))


def _learn(world: World, steps: list[Step], outcomes: list[Outcome], head: str, now: datetime) -> list[Step]:
    """Decides again where acting has taught something that the journal is to know, and acts on that too.

    Gives the steps with the newest decisions. Where somebody else wrote meanwhile, the next pass learns it.
    """
    again = {step.component.name: step for step in decided_again(steps, outcomes)}
    try:
        _remember(world, again.values(), head, now)
    except Conflict:
        return steps
    _tell_progress(world, again.values(), now)
    for step in steps:
        if (second := again.get(step.component.name)) is not None:
            decision = not_done(second, step)
            outcomes += perform(world, second.catalog, second.spec, decision, now)
    return [again.get(step.component.name, step) for step in steps]


def _decide_all(
    world: World,
    scope: Scope,
    catalog: Catalog,
    records: Mapping[str, Rollout],
    problems: tuple[Problem, ...],
    now: datetime,
) -> tuple[list[Step], tuple[Problem, ...]]:
    """Decides every component that is sound; of one that is not, what has started is watched.

    Raises `InvalidRepository` where there are errors and nothing is left to be done beside them.
    """
    steps: list[Step] = []
    if blocking(problems):
        unsound = {name for name in records if scope.includes(name)}
        problems = blocking(problems)
    else:
        problems = tuple(problem for problem in problems if _concerns(problem, scope))
        sights, problems = _sights(world, scope, catalog, records, problems, now)
        unsound = {component_of(problem.file) for problem in problems if problem.severity == "error"}
        for component, before, sight in sights:
            if component.name not in unsound:
                spec = spec_of(catalog, component)
                decision = decide(spec, before, sight.seen, now)
                steps.append(Step(catalog, component, spec, before, sight, decision, now))
    watched = (watch(world, records[name], catalog.commit, now) for name in sorted(unsound & records.keys()))
    steps += [step for step in watched if step is not None]
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors and not steps:
        raise InvalidRepository(errors)
    return steps, problems


def _sights(
    world: World,
    scope: Scope,
    catalog: Catalog,
    records: Mapping[str, Rollout],
    problems: tuple[Problem, ...],
    now: datetime,
) -> tuple[list[tuple[Component, Rollout, Sight]], tuple[Problem, ...]]:
    """What is seen of each component in scope, and all problems: those given, and those of rendering."""
    sights: list[tuple[Component, Rollout, Sight]] = []
    claims = Claims()
    looked_at = [one for one in catalog.components.values() if scope.includes(one.name)]
    world.clusters.look_ahead(ahead_of(catalog, looked_at), now)
    for component in in_dependency_order(catalog):
        if scope.includes(component.name):
            before = records.get(component.name) or Rollout(component.name)
            sight = observe(world, catalog, component, before, records, now)
            sights.append((component, before, sight))
            for environment, objects in sight.objects.items():
                claims.add(component.name, catalog.environments[environment], objects)
            if any(problem.severity == "error" for problem in sight.problems):
                problems += sight.problems
    for name, skew in world.clusters.skewed():
        world.events.emit(clock_event(name, skew, now))
    return sights, problems + tuple(claims.problems())


def _concerns(problem: Problem, scope: Scope) -> bool:
    component = component_of(problem.file)
    return not component or scope.includes(component)


def _remember(world: World, steps: Iterable[Step], head: str, now: datetime) -> str:
    """Saves every decision that changes a record, with the pointer moves it makes, in one step; gives the
    journal's head then."""
    changed = [step for step in steps if step.decision.rollout != step.before or step.moves]
    sound = [step for step in changed if not step.watched]
    moves = [(step.component.name, move) for step in sound for move in step.moves]
    if sound:
        head = world.ledger.save([_entry(world, step, now) for step in sound], moves, head=head)
    for step in changed:
        if step.watched:
            head = _remember_watched(world, step, head, now)
    return head


def _remember_watched(world: World, step: Step, head: str, now: datetime) -> str:
    """A step of its own, which does not hold the others up.

    Where the bad files do not let the pointer go back, the cluster does so alone: who is woken wants that
    first. The pointer is owed, and follows in the first pass after the files were mended.
    """
    name, entry = step.component.name, _entry(world, step, now)
    try:
        return world.ledger.save([entry], [(name, move) for move in step.moves], head=head)
    except (UsageError, InvalidRepository) as error:
        told = f"{name}: the pointer cannot go back before the files are mended: {error}"
        world.events.emit(Event(now, "repository.warning", name, message=told))
        return world.ledger.save([entry], (), head=head)


def _entry(world: World, step: Step, now: datetime) -> Entry:
    spec_json = wire.spec_to_json(step.spec)
    return Entry(
        at=now,
        component=step.component.name,
        kind="decision",
        actor=world.actor,
        commit=step.sight.commit,
        because=step.decision.because,
        spec=wire.digest(spec_json),
        spec_json=spec_json,
        inputs={"seen": {name: wire.seen_to_json(seen) for name, seen in sorted(step.sight.seen.items())}},
        actions=tuple(wire.action_to_json(action) for action in step.decision.actions),
        after=step.decision.rollout,
    )


def _tell_progress(world: World, steps: Iterable[Step], now: datetime) -> None:
    """Emits what moved: rollouts that began, what ended, where pointers went, what is under way, the end."""
    for step in steps:
        before, after = step.before, step.decision.rollout
        name = step.component.name
        if after.number != before.number:
            data = {"number": after.number, "version": after.version, "scope": list(after.scope)}
            world.events.emit(Event(now, "rollout.started", name, message=after.reason, data=data))
        for event in drift_events(before, after, now):
            world.events.emit(event)
        phases = list(_phases(step, now))
        for event in phases:
            if event.data["to"] in ENDED:
                world.events.emit(event)
        for move in step.moves:
            data = {"version": move.version}
            world.events.emit(Event(now, "pointer.moved", name, move.environment, move.because, data))
        for event in phases:
            if event.data["to"] not in ENDED:
                world.events.emit(event)
        for event in _aftercare(step, now):
            world.events.emit(event)
        if after.status != before.status and after.status not in ("running", "paused"):
            kind = "rollout.failed" if after.status in ("failed", "rolled-back") else "rollout.finished"
            data = {"number": after.number, "version": after.version, "status": after.status}
            world.events.emit(Event(now, kind, name, message=step.decision.because, data=data))


def _aftercare(step: Step, now: datetime) -> Iterator[Event]:
    """One event for each environment that fell ill after it had passed, and for each that is well again."""
    before, after = step.before.unwell, step.decision.rollout.unwell
    for environment, entry in sorted(after.items()):
        if entry == before.get(environment):
            continue
        in_force = step.decision.rollout.in_force.get(environment)
        data = {"version": in_force.version if in_force else "", "since": format_instant(entry.since)}
        kind = "environment.unwell" if entry.until is None else "environment.well"
        yield Event(now, kind, step.component.name, environment, entry.because, data)


def _phases(step: Step, now: datetime) -> Iterator[Event]:
    """One event for each environment that is in another phase, or on its way to another release."""
    name, before = step.component.name, step.before
    for environment, progress in step.decision.rollout.environments.items():
        old = before.environments.get(environment)
        if old is None or (old.phase, old.target) != (progress.phase, progress.target):
            data = {
                "from": old.phase.value if old else "",
                "to": progress.phase.value,
                "version": progress.target.version,
                "digest": progress.target.digest,
            }
            yield Event(now, "environment.phase", name, environment, progress.because, data)


def _report(
    commit: str, steps: list[Step], outcomes: list[Outcome], problems: tuple[Problem, ...], now: datetime
) -> PassReport:
    dues = [step.decision.wake_at for step in steps if step.decision.wake_at]
    return PassReport(
        at=now,
        commit=commit,
        rollouts={step.component.name: step.decision.rollout for step in steps},
        because={step.component.name: _because(step) for step in steps},
        outcomes=tuple(outcomes),
        wake_at=min(dues, default=None),
        unreachable={name: why for step in steps for name, why in step.sight.unreachable.items()},
        problems=tuple(sorted(set(problems))),
    )


def _because(step: Step) -> str:
    return f"{WATCHED}: {step.decision.because}" if step.watched else step.decision.because
