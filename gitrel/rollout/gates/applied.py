"""Leaves applying: the cluster's inventory holds the wanted digest. A failed hook before it ends it at once.

An apply is repeated in every pass. What it waits for in the cluster (a stage, a hook, a deletion) has the
progress deadline of its own, and fails when it is looked at after that and still not over. Where applies are
refused for a whole deadline the count starts again as a setback. Either way a release is given up only
after it was tried, not because nobody was there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.clock import format_duration
from gitrel.rollout.facts import hook_failure
from gitrel.rollout.gates.verdict import OPEN, Verdict, closed, failed, lost
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def applied(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    sight = seen.get(progress.environment)
    if sight is None or not sight.reachable or progress.contact is None:
        return closed("applied", f"the cluster of {progress.environment} does not answer")
    if sight.applied == progress.target.digest:
        return OPEN
    if failure := hook_failure(progress, sight, progress.target):
        return failed("applied", failure)
    told = sight.delivery or progress.waits
    why = f": {told}" if told else ""
    deadline = format_duration(spec.progress_deadline)
    due = max(progress.awaited or progress.since, progress.contact) + spec.progress_deadline
    if now < due:
        return closed("applied", told or f"{progress.target.version} is being applied", due)
    if not progress.awaits:
        return lost("applied", f"could not be applied within {deadline}{why}")
    if not sight.tried:
        return closed("applied", told)  # it may be over by now: this pass tries, and decides again then
    if sight.awaits == progress.awaits:
        return failed("applied", f"{progress.awaits} did not end within {deadline}{why}")
    if sight.awaits:
        return closed("applied", told, now + spec.progress_deadline)
    return lost("applied", f"could not be applied within {deadline}{why}")
