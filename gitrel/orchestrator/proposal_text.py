"""The title and the text of a pull request that proposes pointer moves, in Markdown.

Names and counts only: no value of a manifest is in it, and nothing that people wrote can act as markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gitrel.clock import format_duration
from gitrel.ledger.proposals import Move, MoveSet
from gitrel.orchestrator.commands import Situation
from gitrel.orchestrator.world import World
from gitrel.render.manifest import Rendered
from gitrel.repo.edit import one_line

CHANGES_SHOWN = 100
BODY_LENGTH_MAX = 60_000
"""Characters; GitHub takes 65,536."""
TITLE_LENGTH_MAX = 200


def title_of(wanted: MoveSet) -> str:
    if len(wanted.moves) == 1:
        (move,) = wanted.moves
        return f"Point {move.component} in {move.environment} at {move.version}"
    what = ", ".join(f"{move.component} at {move.version}" for move in wanted.moves)
    if len(what) > TITLE_LENGTH_MAX - 30:
        what = f"{len(wanted.moves)} components at new versions"
    return f"Point {what} in {wanted.environment}"


def body_of(world: World, moves: Sequence[tuple[Situation, Move]], reason: str) -> str:
    """What merging does. A set has a section for each member."""
    lines = [f"- asked by {_code(world.actor)}", *([f"- because {_code(reason)}"] if reason else [])]
    if len(moves) > 1:
        lines.append(f"- a set: {len(moves)} components go to `{moves[0][1].environment}` together")
    lines.append("")
    for at, move in moves:
        lines += [f"### {move.component}", ""] if len(moves) > 1 else []
        lines += _section(world, at, move)
    schedules = dict.fromkeys(_schedule(at, move) for at, move in moves)
    lines.append(f"Merging starts nothing ahead of the schedule: {'; '.join(schedules)}.")
    return "\n".join(lines)[:BODY_LENGTH_MAX] + "\n"


def _section(world: World, at: Situation, move: Move) -> Iterator[str]:
    pointer = at.component.pointers[move.environment]
    before = world.render(at.catalog, move.component, pointer.version, move.environment)
    after = world.render(at.catalog, move.component, move.version, move.environment)
    changes = list(_changes(before, after))
    yield f"Points `{move.component}` in `{move.environment}` at `{move.version}`, from `{pointer.version}`."
    yield ""
    yield f"- one link changes: `{pointer.path}`"
    yield f"- objects: {_counted(changes)}"
    yield f"- the release that was decided on: `{after.digest[:19]}`, at commit `{at.sight.commit[:12]}`"
    yield ""
    yield from _listed(changes)


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
