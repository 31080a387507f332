"""What people ask for: each command reads and looks as a pass does, asks the core, and records the answer.

There is one promote operation, and this is it: the command line, a CI job, a webhook and a dashboard call
the same function. A command decides nothing by itself and applies nothing; the next pass does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from gitrel.clock import format_second
from gitrel.errors import Conflict, GateClosed, InvalidRepository, UsageError
from gitrel.ledger.ledger import Entry
from gitrel.orchestrator.observe import Sight, observe
from gitrel.orchestrator.specs import spec_of
from gitrel.orchestrator.world import World
from gitrel.repo.check import blocking
from gitrel.repo.model import Catalog, Component
from gitrel.rollout import commands, wire
from gitrel.rollout.commands import Refusal
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Rollout

ATTEMPTS = 8
"""How often a command is decided again because somebody else wrote first."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """`changed` is false where what was asked for was so already; nothing was recorded then."""

    rollout: Rollout
    message: str
    changed: bool


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


def promote(
    world: World, component: str, version: str, to: str | None = None, *, reason: str = ""
) -> CommandResult:
    """Starts the rollout of `version`, everywhere or to the one environment `to`.

    Raises UsageError for names that do not exist, GateClosed where the schedule refuses.
    """

    def decide(at: Situation) -> Rollout:
        return commands.promote(at.spec, at.before, at.sight.seen, version, to, world.actor, reason, at.now)

    arguments = {"version": version, "to": to, "reason": reason}
    return _command(world, component, "promote", arguments, decide, version=version, environment=to)


def rollback(
    world: World,
    component: str,
    version: str | None = None,
    environment: str | None = None,
    *,
    reason: str = "",
) -> CommandResult:
    """Puts back what passed before: one release back, or to `version`; at once, without waves."""

    def decide(at: Situation) -> Rollout:
        return commands.rollback(
            at.spec, at.before, at.sight.seen, version, environment, world.actor, reason, at.now
        )

    arguments = {"to_version": version, "environment": environment, "reason": reason}
    return _command(world, component, "rollback", arguments, decide, environment=environment)


def pause(world: World, component: str, *, reason: str = "") -> CommandResult:
    """Nothing starts any more; what has started is watched on."""

    def decide(at: Situation) -> Rollout:
        return commands.pause(at.before, world.actor, reason, at.now)

    return _command(world, component, "pause", {"reason": reason}, decide)


def resume(world: World, component: str, *, reason: str = "") -> CommandResult:
    """Goes on where `pause` stopped."""

    def decide(at: Situation) -> Rollout:
        return commands.resume(at.before, world.actor, reason, at.now)

    return _command(world, component, "resume", {"reason": reason}, decide)


def abort(world: World, component: str, *, reason: str = "") -> CommandResult:
    """Stops for good and leaves everything as it is."""

    def decide(at: Situation) -> Rollout:
        return commands.abort(at.before, world.actor, reason, at.now)

    return _command(world, component, "abort", {"reason": reason}, decide)


def retry(world: World, component: str, environment: str | None = None, *, reason: str = "") -> CommandResult:
    """Tries again what failed, in one environment or wherever something stopped."""

    def decide(at: Situation) -> Rollout:
        return commands.retry(at.spec, at.before, at.sight.seen, environment, world.actor, reason, at.now)

    arguments = {"environment": environment, "reason": reason}
    return _command(world, component, "retry", arguments, decide, environment=environment)


def _command(
    world: World,
    component: str,
    kind: str,
    arguments: Mapping[str, Any],
    decide: Decide,
    *,
    version: str | None = None,
    environment: str | None = None,
) -> CommandResult:
    """Decides and records; where another writer was first, it is decided again on what they wrote."""
    for attempt in Retrying(
        retry=retry_if_exception_type(Conflict),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    ):
        with attempt:
            situation = _situation(world, component, version, environment)
            return _record(world, situation, kind, arguments, decide)
    raise AssertionError("unreachable: tenacity re-raises the last Conflict")


def _situation(world: World, name: str, version: str | None, environment: str | None) -> Situation:
    now = world.clock.now()
    head, records = world.ledger.load()
    catalog, problems = world.source.catalog(world.source.head())
    if everywhere := blocking(problems):
        raise InvalidRepository(everywhere)
    component = _component(catalog, name)
    if version is not None and version not in component.versions:
        known = ", ".join(sorted(component.versions)) or "none"
        raise UsageError(f"{name} has no version {version!r} (have: {known})")
    if environment is not None and environment not in component.pointers:
        known = ", ".join(sorted(component.pointers)) or "none"
        raise UsageError(f"{name} is not deployed to {environment!r} (have: {known})")
    before = records.get(name) or Rollout(name)
    # The version that is asked for is rendered everywhere before anything is decided.
    asked = replace(before, version=version, status="running") if version is not None else before
    sight = observe(world, catalog, component, asked, records, now)
    if errors := [problem for problem in sight.problems if problem.severity == "error"]:
        raise InvalidRepository(errors)
    return Situation(catalog, component, spec_of(catalog, component), before, sight, head, now)


def _component(catalog: Catalog, name: str) -> Component:
    if name in catalog.broken:
        raise InvalidRepository(catalog.broken[name])
    if name not in catalog.components:
        known = ", ".join(sorted(catalog.components)) or "none"
        raise UsageError(f"there is no component {name!r} (have: {known})")
    return catalog.components[name]


def _record(
    world: World, at: Situation, kind: str, arguments: Mapping[str, Any], decide: Decide
) -> CommandResult:
    try:
        after = decide(at)
    except Refusal as refusal:
        opens = f": it can open at {format_second(refusal.due)} at the earliest" if refusal.due else ""
        message = f"{kind} {at.component.name}: gate {refusal.gate} is closed: {refusal.because}{opens}"
        raise GateClosed(message, gate=refusal.gate, due=refusal.due) from None
    if after == at.before:
        return CommandResult(after, f"{at.component.name}: it is so already", changed=False)
    spec_json = wire.spec_to_json(at.spec)
    seen = {name: wire.seen_to_json(seen) for name, seen in sorted(at.sight.seen.items())}
    entry = Entry(
        at=at.now,
        component=at.component.name,
        kind=kind,
        actor=world.actor,
        commit=at.sight.commit,
        because=after.because or str(arguments.get("reason") or kind),
        spec=wire.digest(spec_json),
        spec_json=spec_json,
        inputs={**arguments, "seen": seen},
        actions=(),
        after=after,
    )
    world.ledger.save([entry], (), head=at.head)
    return CommandResult(after, _told(kind, at, after), changed=True)


def _told(kind: str, at: Situation, after: Rollout) -> str:
    scope = ", ".join(after.scope)
    started = f"rollout {after.number} of {after.version} to {scope}" if kind == "promote" else after.because
    return f"{at.component.name}: {started}"
