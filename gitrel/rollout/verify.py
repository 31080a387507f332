"""Proof that the schedule was kept: the journal, replayed, and its promises checked a second time.

Each step is judged by the schedule that was in force then. First it is taken again, through the very
functions that took it; then the promises (the order of the waves, the length of the soak, the number of
live versions) are checked from the recorded facts alone, by code that shares nothing with the gates.

What is compared are phases, releases, instants, counts and actions: never sentences. They are for people, and
a gitrel that words a reason better must not call an old journal broken. What people wrote themselves (the
`reason` of a command, who asked) is a value like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gitrel.rollout import commands, wire
from gitrel.rollout.decide import decide
from gitrel.rollout.promises import broken_promise
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Rollout

CLOCK_SKEW = timedelta(minutes=1)
"""How far the clocks of two writers may differ before the order of their entries is doubted."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the journal, as far as it matters here; the fields are the ledger's.

    inputs   decision: `{"seen": {environment: …}}`; a command: its arguments beside `seen`
    """

    at: datetime
    component: str
    kind: str
    actor: str
    spec_json: Mapping[str, Any]
    inputs: Mapping[str, Any]
    actions: tuple[Mapping[str, Any], ...]
    after: Rollout


@dataclass(frozen=True, slots=True)
class Breach:
    """The first step that is not what the schedule gives. `place` counts the entries from 0.

    promise   replay | time | record | order | soak | versions
    """

    place: int
    at: datetime
    component: str
    promise: str
    because: str

    def __str__(self) -> str:
        return f"entry {self.place} of {self.component}: {self.promise}: {self.because}"


def verify(entries: Iterable[Any]) -> Breach | None:
    """The first breach, or None. `entries` are `Step`s, or anything with its fields, oldest first.

    Entries of several components may be mixed; each component's record starts empty.
    """
    records: dict[str, Rollout] = {}
    last: dict[str, datetime] = {}
    for place, entry in enumerate(entries):
        before = records.get(entry.component) or Rollout(entry.component)
        found = _check(entry, before, last.get(entry.component))
        if found is not None:
            return Breach(place, entry.at, entry.component, *found)
        records[entry.component] = entry.after
        last[entry.component] = entry.at
    return None


def _check(entry: Any, before: Rollout, last: datetime | None) -> tuple[str, str] | None:
    """The promise that this entry breaks, and how."""
    if last is not None and entry.at < last - CLOCK_SKEW:
        return "time", f"it was taken at {entry.at}, before the entry that precedes it ({last})"
    try:
        spec = wire.spec_from_json(entry.spec_json)
        seen = {name: wire.seen_from_json(one) for name, one in entry.inputs.get("seen", {}).items()}
    except (ValueError, AttributeError) as error:
        return "record", f"it cannot be read: {error}"
    return _replay(entry, spec, before, seen) or broken_promise(spec, before, entry.after, seen, entry.at)


def _replay(
    entry: Any, spec: RolloutSpec, before: Rollout, seen: Mapping[str, Seen]
) -> tuple[str, str] | None:
    """Takes the step again and compares."""
    try:
        after, actions = _take(entry, spec, before, seen)
    except commands.Refusal as refusal:
        return "replay", f"`{entry.kind}` should have been refused: {refusal.because}"
    except KeyError as error:
        return "record", f"it lacks {error}"
    expected, found = without_sentences(after), without_sentences(entry.after)
    if expected != found:
        return "replay", f"`{entry.kind}` gives another record: {_difference(expected, found)}"
    wanted = [_without_sentence(wire.action_to_json(action)) for action in actions]
    done = [_without_sentence(action) for action in entry.actions]
    if wanted != done:
        return "replay", f"`{entry.kind}` gives other actions: {wanted} instead of {done}"
    return None


def without_sentences(rollout: Rollout) -> Rollout:
    """The record's facts. Why something was rejected is a sentence too; that it was is a fact.

    Who fell ill after having passed is told and not decided on, and older records do not know of it.
    """
    environments = {name: replace(one, because="") for name, one in rollout.environments.items()}
    rejected = dict.fromkeys(rollout.rejected, "")
    return replace(rollout, because="", environments=environments, rejected=rejected, unwell={})


def _without_sentence(action: Mapping[str, Any]) -> dict[str, Any]:
    """An apply's `because` is one of four codes and stays; a pointer's is a sentence."""
    worded = action.get("type") == "MovePointer"
    return {name: value for name, value in action.items() if not (worded and name == "because")}


def _take(
    entry: Any, spec: RolloutSpec, before: Rollout, seen: Mapping[str, Seen]
) -> tuple[Rollout, tuple[Any, ...]]:
    if entry.kind == "decision":
        decision = decide(spec, before, seen, entry.at)
        return decision.rollout, decision.actions
    return COMMANDS[entry.kind](spec, before, seen, entry.inputs, entry.actor, entry.at), ()


def _difference(expected: Rollout, found: Rollout) -> str:
    """The first field that differs, down to one environment where it is a mapping."""
    ours, theirs = wire.rollout_to_json(expected), wire.rollout_to_json(found)
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(name), theirs.get(name)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            key = min(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
            return f"{name}.{key} is {other.get(key)} where the schedule gives {one.get(key)}"
        return f"{name} is {other!r} where the schedule gives {one!r}"
    return "they differ in nothing that is written down"


_Take = Callable[[RolloutSpec, Rollout, Mapping[str, Seen], Mapping[str, Any], str, datetime], Rollout]

COMMANDS: Mapping[str, _Take] = {
    "promote": lambda spec, before, seen, inputs, actor, now: commands.promote(
        spec,
        before,
        seen,
        inputs["version"],
        inputs["to"],
        actor,
        inputs["reason"],
        now,
        inputs.get("together", commands.ALONE),
    ),
    "rollback": lambda spec, before, seen, inputs, actor, now: commands.rollback(
        spec, before, seen, inputs["to_version"], inputs["environment"], actor, inputs["reason"], now
    ),
    "retry": lambda spec, before, seen, inputs, actor, now: commands.retry(
        spec, before, seen, inputs["environment"], actor, inputs["reason"], now
    ),
    "pause": lambda spec, before, seen, inputs, actor, now: commands.pause(
        before, actor, inputs["reason"], now
    ),
    "resume": lambda spec, before, seen, inputs, actor, now: commands.resume(
        before, actor, inputs["reason"], now
    ),
    "abort": lambda spec, before, seen, inputs, actor, now: commands.abort(
        before, actor, inputs["reason"], now
    ),
}
"""How each command of the journal is taken again from its `inputs`."""
