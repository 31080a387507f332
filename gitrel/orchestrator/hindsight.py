"""What acting has taught, decided on in the same pass: the journal knows what is waited for, or refused.

Without it only a later pass of the same process could write that down, and a CI job makes one. A second
decision is made where applying a release was not done with: it records what was told, and gives the release
up where that has lasted too long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from gitrel.orchestrator.step import Step
from gitrel.orchestrator.world import Outcome
from gitrel.rollout.actions import Action, Apply, MovePointer
from gitrel.rollout.decide import Decision, decide
from gitrel.rollout.seen import Seen
from gitrel.rollout.state import Phase


def decided_again(steps: Iterable[Step], outcomes: Iterable[Outcome]) -> Iterator[Step]:
    """The steps of which the record changes by what acting on them came to."""
    told: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        if isinstance(outcome.action, Apply) and (
            outcome.waiting or (outcome.error and not outcome.mendable)
        ):
            told.setdefault(outcome.component, {})[outcome.environment] = outcome
    for step in steps:
        after = step.decision.rollout
        news = {
            name: outcome
            for name, outcome in told.get(step.component.name, {}).items()
            if (progress := after.environments.get(name)) is not None and progress.phase is Phase.APPLYING
        }
        if not news:
            continue
        seen = _seen_after(step, news)
        decision = decide(step.spec, after, seen, step.now)
        if decision.rollout != after:
            yield replace(step, before=after, sight=replace(step.sight, seen=seen), decision=decision)


def not_done(step: Step, first: Step) -> Decision:
    """The second decision with only those of its actions that the first did not have."""
    done = {_key(action) for action in first.decision.actions}
    left = tuple(action for action in step.decision.actions if _key(action) not in done)
    return replace(step.decision, actions=left)


def _key(action: Action) -> tuple[object, ...]:
    what = action.version if isinstance(action, MovePointer) else action.release.digest
    return type(action), action.environment, what


def _seen_after(step: Step, news: Mapping[str, Outcome]) -> Mapping[str, Seen]:
    """What was seen, with the pointers where the first decision moved them, and what was told since."""
    seen = dict(step.sight.seen)
    for move in step.moves:
        in_force = step.decision.rollout.in_force[move.environment]
        seen[move.environment] = replace(seen[move.environment], pointer=in_force)
    for name, outcome in news.items():
        told = outcome.waiting or outcome.error
        seen[name] = replace(seen[name], delivery=told, tried=True, awaits=outcome.awaits)
    return seen
