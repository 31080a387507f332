"""Promoting by asking people first: one link's change as a pull request, instead of a rollout.

Nothing is recorded: a proposal is no step until it is merged, and then the move is paced like any other that
a person makes. It has to pass the same gates as `promote` first; proposing the same again finds the one
that is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gitrel.clock import format_duration
from gitrel.errors import UsageError
from gitrel.forge.forge import AlreadyOpen, Forge, Proposed, PullRequest
from gitrel.ledger.proposals import Move, Proposals
from gitrel.orchestrator.commands import Situation, decided, promotion, situations_of
from gitrel.orchestrator.world import World
from gitrel.render.manifest import Rendered
from gitrel.repo.edit import one_line
from gitrel.rollout.state import Rollout

CHANGES_SHOWN = 100
BODY_LENGTH_MAX = 60_000
"""Characters; GitHub takes 65,536."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """`request` is None where there is nothing to propose; `created` false where it was open already."""

    message: str
    move: Move | None = None
    request: PullRequest | None = None
    created: bool = False


def propose(
    world: World,
    proposals: Proposals,
    forge: Forge,
    component: str,
    version: str,
    to: str | None = None,
    *,
    reason: str = "",
) -> Proposal:
    """Opens a pull request that points `to`, or the first environment that is due, at `version`.

    Raises as `promote` does, and what the forge raises.
    """
    ask = promotion(world, component, version, to, reason, {})
    (at,) = situations_of(world, [ask])
    if at.component.tag_prefix is not None:
        raise UsageError(f"{component}: its pointers are tags, which no pull request can move: promote it")
    after = decided(at, ask)
    environment = _environment(at, after, version)
    if environment is None:
        return Proposal(f"{component}: it is so already")
    move = Move(component, environment, version, reason or f"proposed by {world.actor}")
    if found := forge.find(move.branch, proposals.base):
        return _found(forge, move, found)
    proposals.push(move, at.sight.commit, world.actor, at.now)
    title = f"Point {component} in {environment} at {version}"
    proposed = Proposed(title, _body(world, at, move, reason), move.branch, proposals.base)
    try:
        request = forge.open(proposed)
    except AlreadyOpen:
        if (found := forge.find(move.branch, proposals.base)) is None:
            raise
        return _found(forge, move, found)
    message = f"{component}: opened {forge.word} {request.number} for {version} in {environment}"
    return Proposal(message, move, request, created=True)


def _found(forge: Forge, move: Move, found: PullRequest) -> Proposal:
    where = f"{move.version} in {move.environment}"
    return Proposal(f"{move.component}: {forge.word} {found.number} for {where} is open already", move, found)


def _environment(at: Situation, after: Rollout, version: str) -> str | None:
    """The first one in the order of the waves that does not point to the version yet."""
    if after == at.before and after.status == "running":
        raise UsageError(
            f"{at.component.name}: rollout {after.number} of {version} is under way, and moves the pointers "
            "itself"
        )
    scope = after.scope if after != at.before else ()
    pointers = at.component.pointers
    return next((name for name in scope if pointers[name].version != version), None)


# ── The text ────────────────────────────────────────────────────────────────────────────────────────────


def _body(world: World, at: Situation, move: Move, reason: str) -> str:
    """What merging does, in Markdown. Names and counts only: no value of a manifest is in it."""
    pointer = at.component.pointers[move.environment]
    before = world.render(at.catalog, move.component, pointer.version, move.environment)
    after = world.render(at.catalog, move.component, move.version, move.environment)
    changes = list(_changes(before, after))
    lines = [
        f"Points `{move.component}` in `{move.environment}` at `{move.version}`, from `{pointer.version}`.",
        "",
        f"- asked by {_code(world.actor)}",
        *([f"- because {_code(reason)}"] if reason else []),
        f"- one link changes: `{pointer.path}`",
        f"- objects: {_counted(changes)}",
        f"- the release that was decided on: `{after.digest[:19]}`, at commit `{at.sight.commit[:12]}`",
        "",
        *_listed(changes),
        f"Merging starts nothing ahead of the schedule: {_schedule(at, move)}.",
    ]
    return "\n".join(lines)[:BODY_LENGTH_MAX] + "\n"


def _changes(before: Rendered, after: Rendered) -> Iterator[tuple[str, str]]:
    """(word, object) for each object that is created, configured or deleted."""
    was = {manifest.ref: manifest.object for manifest in before.manifests}
    will = {manifest.ref: manifest.object for manifest in after.manifests}
    for ref in dict.fromkeys((*will, *was)):
        word = "created" if ref not in was else "deleted" if ref not in will else "configured"
        if was.get(ref) != will.get(ref):
            yield word, f"{ref.kind} {ref.name}"


def _counted(changes: list[tuple[str, str]]) -> str:
    words = [word for word, _ in changes]
    found = [f"{words.count(word)} {word}" for word in ("created", "configured", "deleted") if word in words]
    return ", ".join(found) or "none changes"


def _listed(changes: list[tuple[str, str]]) -> Iterator[str]:
    if not changes:
        return
    yield from ("| change | object |", "| --- | --- |")
    yield from (f"| {word} | {_code(name)} |" for word, name in changes[:CHANGES_SHOWN])
    if len(changes) > CHANGES_SHOWN:
        yield f"| | and {len(changes) - CHANGES_SHOWN} more |"
    yield ""


def _schedule(at: Situation, move: Move) -> str:
    soak = at.spec.min_ready + at.spec.soak
    rest = at.spec.environments[at.spec.environments.index(move.environment) + 1 :]
    then = f", and the way to {', '.join(rest)} is open when it has passed" if rest else ""
    return f"`{move.environment}` is watched for {format_duration(soak)} once it is ready{then}"


def _code(text: str) -> str:
    """Text of people in a code span, where nothing in it is a mention, a link or markup."""
    return "`" + one_line(text, 300).replace("`", "'").replace("|", "/") + "`"
