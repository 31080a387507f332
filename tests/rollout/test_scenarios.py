"""Long stories as scripts with their recorded trace, read in review.

A block is commands, a line of dashes, and what happened. `REWRITE=1 pytest tests/rollout/test_scenarios.py`
writes the traces anew; the diff is then the review of what changed in behaviour.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gitrel.clock import parse_duration
from gitrel.rollout.actions import Apply, MovePointer
from gitrel.rollout.commands import Refusal
from gitrel.rollout.decide import Decision
from gitrel.rollout.explain import explain
from gitrel.rollout.state import Rollout
from gitrel.rollout.verify import verify
from tests.rollout.world import World, a_spec, released

FOLDER = Path(__file__).parent / "scenarios"
RULE = "----"


class Teller(World):
    """A world that writes down what changes in each pass."""

    lines: list[str]

    def step(self) -> Decision:
        before = self.rollout
        decision = super().step()
        self.tell(before, decision.rollout)
        for action in decision.actions:
            if isinstance(action, MovePointer):
                self.say(f"  do: move the pointer of {action.environment} to {action.version}")
            elif isinstance(action, Apply):
                version = action.release.version
                self.say(f"  do: apply {version} in {action.environment} ({action.because})")
        return decision

    def tell(self, before: Rollout, after: Rollout) -> None:
        if (before.number, before.status) != (after.number, after.status):
            because = f": {after.because}" if after.because else ""
            self.say(f"rollout {after.number} {after.version or 'of changes'}: {after.status}{because}")
        for name in self.spec.environments:
            old, new = before.environments.get(name), after.environments.get(name)
            if new is None and old is not None:
                self.say(f"{name}: {old.target.version} is no longer asked for")
            if new is None or (old and (old.phase, old.target.digest) == (new.phase, new.target.digest)):
                continue
            because = f": {new.because}" if new.because else ""
            self.say(f"{name}: {new.phase} {new.target.digest}{because}")

    def say(self, line: str) -> None:
        self.lines.append(f"{clock(self.now)} {line}")


def clock(now: datetime) -> str:
    return f"day {now.day - 4} {now:%H:%M:%S}"


def play(script: str) -> str:
    """The script with every trace written anew."""
    world: Teller | None = None
    blocks = []
    for commands in _blocks(script):
        lines: list[str] = []
        for command in commands:
            if command.startswith("#"):
                continue
            world = _do(world, shlex.split(command), lines)
        blocks.append("\n".join([*commands, RULE, *lines]) + "\n")
    return "\n".join(blocks)


def _blocks(script: str) -> Iterator[list[str]]:
    for block in script.strip().split("\n\n"):
        yield block.split("\n" + RULE)[0].strip().splitlines()


def _do(world: Teller | None, words: list[str], lines: list[str]) -> Teller:
    verb, *rest = words
    if verb == "world":
        return _begin(rest, lines)
    assert world is not None, "a script begins with: world"
    world.lines = lines
    if verb in ("promote", "rollback", "retry", "pause", "resume", "abort"):
        _ask(world, verb, rest)
    else:
        VERBS[verb](world, *rest)
    world.settle()
    return world


def _begin(words: list[str], lines: list[str]) -> Teller:
    """world [wave,of,names …] [key=value …]: `v1` has run everywhere for a day."""
    options = dict(word.split("=", 1) for word in words if "=" in word)
    fresh = options.pop("fresh", "")
    waves = [word.replace(",", " ") for word in words if "=" not in word]
    changes: dict[str, Any] = {
        key: int(text) if text.isdigit() else text == "true" if text in ("true", "false") else text
        for key, text in options.items()
    }
    spec = a_spec(*waves, **changes)
    old = World(spec) if fresh else released(spec)
    world = Teller(spec, now=old.now, pointers=old.pointers, clusters=old.clusters, rollout=old.rollout)
    world.journal, world.lines = old.journal, lines
    return world


def _ask(world: Teller, verb: str, words: list[str]) -> None:
    options = {words[at]: words[at + 1] for at in range(len(words) - 1) if words[at].startswith("--")}
    names = [
        w
        for at, w in enumerate(words)
        if not w.startswith("--") and words[at - 1 : at] not in ([name] for name in options)
    ]
    arguments: dict[str, dict[str, Any]] = {
        "promote": {"version": names[0] if names else "", "to": options.get("--to")},
        "rollback": {"to_version": options.get("--to"), "environment": options.get("--env")},
        "retry": {"environment": names[0] if names else None},
    }
    before = world.rollout
    try:
        world.command(verb, **arguments.get(verb, {}))
    except Refusal as refusal:
        world.say(f"refused by {refusal.gate}: {refusal.because}")
    else:
        world.tell(before, world.rollout)


def _health(world: Teller, name: str, *why: str) -> None:
    cluster = world.clusters[name]
    cluster.broken = "" if why == ("ok",) else " ".join(why)
    cluster.since = max(cluster.since, world.now)


def _unready(world: Teller, name: str, duration: str) -> None:
    world.clusters[name].since = world.now + parse_duration(duration)


def _restart(world: Teller, name: str, count: str) -> None:
    world.clusters[name].restarts += int(count)


def _contact(world: Teller, name: str, word: str) -> None:
    world.clusters[name].reachable = word == "back"


def _pointer(world: Teller, name: str, version: str) -> None:
    world.pointers[name] = version
    world.commit()


def _param(world: Teller, name: str, value: str) -> None:
    names = world.spec.environments if name == "all" else (name,)
    world.parameters.update(dict.fromkeys(names, int(value)))
    world.commit()


def _fix(world: Teller, version: str) -> None:
    world.fixes[version] = world.fixes.get(version, 0) + 1
    world.commit()


def _meddle(world: Teller, name: str, how: str) -> None:
    cluster = world.clusters[name]
    if how == "wiped":
        cluster.applied = None
    else:
        cluster.drifted = True


def _why(world: Teller) -> None:
    for one in explain(world.spec, world.rollout, world.seen(), world.now):
        world.lines.append(one.sentence)


def _verify(world: Teller) -> None:
    world.lines.append(str(verify(world.journal) or f"{len(world.journal)} entries kept the schedule"))


def _advance(world: Teller, duration: str) -> None:
    world.advance(parse_duration(duration))


def _down(world: Teller, duration: str) -> None:
    """Nobody looks for that long."""
    world.now += parse_duration(duration)


VERBS: dict[str, Any] = {
    "health": _health,
    "unready": _unready,
    "restart": _restart,
    "contact": _contact,
    "pointer": _pointer,
    "param": _param,
    "fix": _fix,
    "meddle": _meddle,
    "why": _why,
    "verify": _verify,
    "advance": _advance,
    "down": _down,
}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_the_story_is_told_as_recorded(path: Path) -> None:
    """Every pass of the story decides and does exactly what was read in review."""
    script = path.read_text()
    played = play(script)
    if os.environ.get("REWRITE"):
        path.write_text(played)
    else:
        assert played == script


def test_every_story_keeps_the_schedule() -> None:
    """Each recorded story ends with `verify`, and none of them found a breach."""
    stories = sorted(FOLDER.glob("*.txt"))
    assert stories
    for path in stories:
        assert "entries kept the schedule" in path.read_text().splitlines()[-1], path.name
