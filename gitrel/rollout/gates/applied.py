"""Leaves applying: the cluster's inventory holds the wanted digest. A failed hook before it ends it at once.

An apply is repeated in every pass. When none has worked for a whole progress deadline the count starts
again as a setback, so that a release is given up only after it was tried, not because nobody was there.
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
    due = max(progress.since, progress.contact) + spec.progress_deadline
    if now < due:
        return closed("applied", sight.delivery or f"{progress.target.version} is being applied", due)
    why = f": {sight.delivery}" if sight.delivery else ""
    return lost("applied", f"could not be applied within {format_duration(spec.progress_deadline)}{why}")
