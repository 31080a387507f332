"""Which components of a pass wait for a person: the core's word, and whom else each of them waits for.

A component that waits for another one is stuck only if that one is: not released, or itself waiting for
people. One that is rolled out elsewhere, by a daemon perhaps, may arrive at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gitrel.orchestrator.step import Step
from gitrel.rollout.people import Stuck, stuck
from gitrel.rollout.state import IN_FLIGHT, Rollout


def stuck_components(
    steps: Iterable[Step], records: Mapping[str, Rollout]
) -> Mapping[str, tuple[Stuck, ...]]:
    """Component → what of it waits for a person, by name. `records` are those of before the pass."""
    steps = tuple(steps)
    found = {
        step.component.name: waits
        for step in steps
        if (waits := stuck(step.spec, step.decision.rollout, step.sight.seen, step.now))
    }
    after = {**records, **{step.component.name: step.decision.rollout for step in steps}}
    others = {step.component.name: _others(step) for step in steps}
    while free := [name for name in found if _is_awaited(found, name, others[name], after)]:
        for name in free:
            del found[name]
    return dict(sorted(found.items()))


def _others(step: Step) -> set[str]:
    members = step.decision.rollout.together.keys()
    return {*step.component.depends_on, *members} - {step.component.name}


def _is_awaited(
    found: Mapping[str, tuple[Stuck, ...]], name: str, others: Iterable[str], after: Mapping[str, Rollout]
) -> bool:
    """Whether it waits for a component that still goes on."""
    if not any(one.gate == "dependencies" for one in found[name]):
        return False
    return any(other not in found and other in after and _goes_on(after[other]) for other in others)


def _goes_on(rollout: Rollout) -> bool:
    flying = any(progress.phase in IN_FLIGHT for progress in rollout.environments.values())
    return flying or rollout.status == "running"
