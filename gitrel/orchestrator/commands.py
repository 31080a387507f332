"""What people ask for: each command reads and looks as a pass does, asks the core, and records the answer.

There is one promote operation, and this is it: the command line, a CI job, a webhook and a dashboard call
the same function. A command decides nothing by itself and applies nothing; the next pass does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from gitrel.clock import format_second
from gitrel.errors import GateClosed, InvalidRepository, UsageError
from gitrel.ledger.ledger import Entry
from gitrel.orchestrator.already import already
from gitrel.orchestrator.contention import anew_on_conflict
from gitrel.orchestrator.observe import Sight, observe
from gitrel.orchestrator.specs import component_named, expect_environment, expect_version, spec_of
from gitrel.orchestrator.world import World
from gitrel.repo import layout
from gitrel.repo.check import blocking
from gitrel.repo.model import Catalog, Component
from gitrel.rollout import commands, wire
from gitrel.rollout.commands import Refusal
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Rollout


@dataclass(frozen=True, slots=True)
class CommandResult:
    """`changed` is false where what was asked for was so already; nothing was recorded then."""

    rollout: Rollout
    message: str
    changed: bool


class Overtaken(GateClosed):
    """Somebody else started another rollout of the component while this command was being recorded."""

    def __init__(self, message: str) -> None:
        super().__init__(message, gate="first")


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a command is decided on."""

    catalog: Catalog
    component: Component
    spec: RolloutSpec
    before: Rollout
    sight: Sight
    head: str
    now: datetime


Decide = Callable[[Situation], Rollout]


@dataclass(frozen=True, slots=True)
class Ask:
    """One command for one component. `arguments` go into the journal, enough to decide it again."""

    component: str
    kind: str
    arguments: Mapping[str, Any]
    decide: Decide
    version: str | None = None
    environment: str | None = None


def promote(
    world: World, component: str, version: str, to: str | None = None, *, reason: str = ""
) -> CommandResult:
    """Starts the rollout of `version`, everywhere or to the one environment `to`.

    Raises UsageError for names that do not exist, GateClosed where the schedule refuses, Overtaken where
    somebody else was first with another rollout.
    """
    (result,) = promote_set(world, {component: version}, to, reason=reason)
    return result


def promote_set(
    world: World, versions: Mapping[str, str], to: str | None = None, *, reason: str = ""
) -> tuple[CommandResult, ...]:
    """Starts the rollouts of these versions (component → version) in one step: all of them, or none.

    Several move in step afterwards, as `sets` has it. Raises as `promote` does, for the first that cannot be.
    """
    together = dict(sorted(versions.items())) if len(versions) > 1 else {}
    asks = [promotion(world, name, versions[name], to, reason, together) for name in sorted(versions)]
    return _command(world, asks)


def promotion(
    world: World, component: str, version: str, to: str | None, reason: str, together: Mapping[str, str]
) -> Ask:
    """What promoting one component asks; `together` is the whole set, empty for one alone."""

    def decide(at: Situation) -> Rollout:
        seen = at.sight.seen
        return commands.promote(
            at.spec, at.before, seen, version, to, world.actor, reason, at.now, MappingProxyType(together)
        )

    arguments: dict[str, Any] = {"version": version, "to": to, "reason": reason}
    if together:
        arguments["together"] = together
    return Ask(component, "promote", arguments, decide, version, to)


def rollback(
    world: World,
    component: str,
    version: str | None = None,
    environment: str | None = None,
    *,
    reason: str = "",
) -> CommandResult:
    """Puts back what passed before: one release back, or to `version`; at once, without waves.

    Raises as `promote` does.
    """

    def decide(at: Situation) -> Rollout:
        if version is not None:
            expect_version(at.component, version)
        return commands.rollback(
            at.spec, at.before, at.sight.seen, version, environment, world.actor, reason, at.now
        )

    arguments = {"to_version": version, "environment": environment, "reason": reason}
    return _one(world, Ask(component, "rollback", arguments, decide, environment=environment))


def pause(world: World, component: str, *, reason: str = "") -> CommandResult:
    """Nothing starts any more; what has started is watched on."""

    def decide(at: Situation) -> Rollout:
        return commands.pause(at.before, world.actor, reason, at.now)

    return _one(world, Ask(component, "pause", {"reason": reason}, decide))


def resume(world: World, component: str, *, reason: str = "") -> CommandResult:
    """Goes on where `pause` stopped."""

    def decide(at: Situation) -> Rollout:
        return commands.resume(at.before, world.actor, reason, at.now)

    return _one(world, Ask(component, "resume", {"reason": reason}, decide))


def abort(world: World, component: str, *, reason: str = "") -> CommandResult:
    """Stops for good and leaves everything as it is."""

    def decide(at: Situation) -> Rollout:
        return commands.abort(at.before, world.actor, reason, at.now)

    return _one(world, Ask(component, "abort", {"reason": reason}, decide))


def retry(world: World, component: str, environment: str | None = None, *, reason: str = "") -> CommandResult:
    """Tries again what failed, in one environment or wherever something stopped."""

    def decide(at: Situation) -> Rollout:
        return commands.retry(at.spec, at.before, at.sight.seen, environment, world.actor, reason, at.now)

    arguments = {"environment": environment, "reason": reason}
    return _one(world, Ask(component, "retry", arguments, decide, environment=environment))


def _one(world: World, ask: Ask) -> CommandResult:
    (result,) = _command(world, [ask])
    return result


def _command(world: World, asks: Sequence[Ask]) -> tuple[CommandResult, ...]:
    """Decides and records in one step; where another writer was first, all is decided again."""
    first: dict[str, Rollout] = {}

    def attempt() -> tuple[CommandResult, ...]:
        situations = situations_of(world, asks)
        for ask, situation in zip(asks, situations, strict=True):
            _not_overtaken(ask, first.setdefault(ask.component, situation.before), situation.before)
        return _record(world, situations, asks)

    return anew_on_conflict(attempt)


def _not_overtaken(ask: Ask, first: Rollout, now: Rollout) -> None:
    """What was asked on one record is not done to another that somebody has started since."""
    same_again = ask.kind == "promote" and now.version == ask.version
    if now.number != first.number and not same_again:
        who = (
            f"{now.requested_by} promoted {now.version}"
            if now.version
            else "a change made in Git was taken up"
        )
        raise Overtaken(
            f"{ask.kind} {ask.component}: {who} first (rollout {now.number}): look at it, and ask again "
            "if it should give way"
        )


def situations_of(world: World, asks: Sequence[Ask]) -> list[Situation]:
    """What each is decided on, all of it read at one commit and one head of the journal."""
    now = world.clock.now()
    head, records = world.ledger.load()
    world.clusters.expect(records.values())
    catalog, problems = world.source.catalog(world.source.head())
    if everywhere := blocking(problems):
        raise InvalidRepository(everywhere)
    return [_situation(world, ask, catalog, head, records, now) for ask in asks]


def _situation(
    world: World, ask: Ask, catalog: Catalog, head: str, records: Mapping[str, Rollout], now: datetime
) -> Situation:
    component, name = component_named(catalog, ask.component), ask.component
    if ask.version is not None:
        expect_version(component, ask.version)
    if ask.version == layout.CURRENT and component.tag_prefix is not None:
        raise UsageError(f"{name}: what the branch holds is no version yet: gitrel release cut {name}")
    if ask.environment is not None:
        expect_environment(component, ask.environment)
    before = records.get(name) or Rollout(name)
    # The version that is asked for is rendered everywhere before anything is decided.
    asked = replace(before, version=ask.version, status="running") if ask.version is not None else before
    sight = observe(world, catalog, component, asked, records, now)
    if errors := [problem for problem in sight.problems if problem.severity == "error"]:
        raise InvalidRepository(errors)
    return Situation(catalog, component, spec_of(catalog, component), before, sight, head, now)


def decided(at: Situation, ask: Ask) -> Rollout:
    """The record that the command gives. Raises GateClosed where the schedule refuses."""
    try:
        return ask.decide(at)
    except Refusal as refusal:
        opens = f": it can open at {format_second(refusal.due)} at the earliest" if refusal.due else ""
        message = f"{ask.kind} {ask.component}: gate {refusal.gate} is closed: {refusal.because}{opens}"
        raise GateClosed(message, gate=refusal.gate, due=refusal.due) from None


def _record(world: World, situations: Sequence[Situation], asks: Sequence[Ask]) -> tuple[CommandResult, ...]:
    results: list[CommandResult] = []
    entries: list[Entry] = []
    for at, ask in zip(situations, asks, strict=True):
        after = decided(at, ask)
        if after == at.before:
            told = already(ask.kind, ask.component, ask.version, ask.environment, after)
            results.append(CommandResult(after, told, changed=False))
        else:
            entries.append(_entry(world, at, ask, after))
            results.append(CommandResult(after, _told(ask.kind, at, after), changed=True))
    if entries:
        world.ledger.save(entries, (), head=situations[0].head)
    return tuple(results)


def _entry(world: World, at: Situation, ask: Ask, after: Rollout) -> Entry:
    spec_json = wire.spec_to_json(at.spec)
    seen = {name: wire.seen_to_json(seen) for name, seen in sorted(at.sight.seen.items())}
    return Entry(
        at=at.now,
        component=ask.component,
        kind=ask.kind,
        actor=world.actor,
        commit=at.sight.commit,
        because=after.because or str(ask.arguments.get("reason") or ask.kind),
        spec=wire.digest(spec_json),
        spec_json=spec_json,
        inputs={**ask.arguments, "seen": seen},
        actions=(),
        after=after,
    )


def _told(kind: str, at: Situation, after: Rollout) -> str:
    scope = ", ".join(after.scope)
    with_whom = ", ".join(name for name in after.together if name != after.component)
    started = f"rollout {after.number} of {after.version} to {scope}" if kind == "promote" else after.because
    return f"{at.component.name}: {started}" + (f", together with {with_whom}" if with_whom else "")
