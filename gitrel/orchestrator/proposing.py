"""Promoting by asking people first: one link's change as a pull request, instead of a rollout.

Nothing is recorded: a proposal is no step until it is merged, and then the move is paced like any other that
a person makes. It has to pass the same gates as `promote` first; proposing the same again finds the one
that is open. A set is proposed one environment at a time, all its members there together, and the next one
not before every member has passed what comes earlier: so merging one after the other keeps it in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitrel.errors import GateClosed, UsageError
from gitrel.forge.forge import AlreadyOpen, Forge, Proposed, PullRequest
from gitrel.ledger.proposals import Move, MoveSet, Proposals
from gitrel.orchestrator.already import already
from gitrel.orchestrator.commands import Situation, decided, promotion, situations_of
from gitrel.orchestrator.proposal_text import body_of, title_of
from gitrel.orchestrator.sets import lagging
from gitrel.orchestrator.world import World


@dataclass(frozen=True, slots=True)
class Proposal:
    """`request` is None where there is nothing to propose; `created` false where it was open already."""

    message: str
    moves: tuple[Move, ...] = ()
    branch: str = ""
    request: PullRequest | None = None
    created: bool = False


def propose(
    world: World,
    proposals: Proposals,
    forge: Forge,
    versions: Mapping[str, str],
    to: str | None = None,
    *,
    reason: str = "",
) -> Proposal:
    """Opens a pull request that points `to`, or the first environment that is due, at these versions.

    `versions` is component → version, one or a set. Raises as `promote` does, and what the forge raises.
    """
    asks = [promotion(world, name, versions[name], to, reason, {}) for name in sorted(versions)]
    situations = situations_of(world, asks)
    for at in situations:
        _refuse_tags(at, versions[at.component.name])
    dues = {at.component.name: _due(at, versions[at.component.name], to) for at in situations}
    environment = _first(situations, dues, to)
    if environment is None:
        told = [already("promote", name, versions[name], to, at.before) for name, at in _named(situations)]
        return Proposal("; ".join(told))
    moving = [at for at in situations if environment in dues[at.component.name]]
    _insist(world, situations, moving, versions, environment, reason)
    because = reason or f"proposed by {world.actor}"
    moves = [Move(name, environment, versions[name], because) for name, _ in _named(moving)]
    return _opened(world, proposals, forge, MoveSet(tuple(moves)), moving, reason)


def _opened(
    world: World, proposals: Proposals, forge: Forge, wanted: MoveSet, moving: list[Situation], reason: str
) -> Proposal:
    what = title_of(wanted)
    if found := forge.find(wanted.branch, proposals.base):
        return _found(forge, wanted, found)
    proposals.push(wanted, moving[0].sight.commit, world.actor, moving[0].now)
    body = body_of(world, list(zip(moving, wanted.moves, strict=True)), reason)
    try:
        request = forge.open(Proposed(what, body, wanted.branch, proposals.base))
    except AlreadyOpen:
        if (found := forge.find(wanted.branch, proposals.base)) is None:
            raise
        return _found(forge, wanted, found)
    message = f"{_told(wanted)}: opened {forge.word} {request.number}"
    return Proposal(message, wanted.moves, wanted.branch, request, created=True)


def _found(forge: Forge, wanted: MoveSet, found: PullRequest) -> Proposal:
    message = f"{_told(wanted)}: {forge.word} {found.number} is open already"
    return Proposal(message, wanted.moves, wanted.branch, found)


def _told(wanted: MoveSet) -> str:
    return f"{', '.join(f'{one.component} {one.version}' for one in wanted.moves)} in {wanted.environment}"


def _named(situations: list[Situation]) -> list[tuple[str, Situation]]:
    return [(at.component.name, at) for at in situations]


# ── What is due ─────────────────────────────────────────────────────────────────────────────────────────


def _refuse_tags(at: Situation, version: str) -> None:
    if at.component.tag_prefix is not None:
        name = at.component.name
        raise UsageError(
            f"{name}: its pointers are tags, which no pull request can move: run `gitrel promote {name} "
            f"{version}` (in a job that somebody has to approve, if people are to be asked), or keep its "
            "versions in directories"
        )


def _due(at: Situation, version: str, to: str | None) -> list[str]:
    """The environments, in the order of the waves, that do not point to the version yet."""
    record, pointers = at.before, at.component.pointers
    scope = [to] if to is not None else list(at.spec.environments)
    due = [name for name in scope if pointers[name].version != version]
    if due and record.status == "running" and record.version == version and {*due} & {*record.scope}:
        raise UsageError(
            f"{at.component.name}: rollout {record.number} of {version} is under way, and moves the pointers "
            "itself"
        )
    return due


def _first(situations: list[Situation], dues: Mapping[str, list[str]], to: str | None) -> str | None:
    """The earliest environment that is due for any of them."""
    waves = situations[0].catalog.pipeline.waves
    order = [to] if to is not None else [name for wave in waves for name in wave.environments]
    return next((name for name in order if any(name in due for due in dues.values())), None)


def _insist(
    world: World,
    situations: list[Situation],
    moving: list[Situation],
    versions: Mapping[str, str],
    environment: str,
    reason: str,
) -> None:
    """Raises GateClosed where one of them could not begin there now, or the set is not in step."""
    for at in moving:
        name = at.component.name
        decided(at, promotion(world, name, versions[name], environment, reason, {}))
    for name, at in _named(situations) if len(situations) > 1 else ():
        if why := lagging(at.catalog, at.component, at.before, versions[name], environment):
            message = f"promote {', '.join(versions)}: gate set is closed: {environment} waits for {why}"
            raise GateClosed(message, gate="set")
