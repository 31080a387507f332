"""Leaves settling: everything applied is Current, before the progress deadline is over.

Failed is final at once where everything had been ready before, and where the cluster itself has given up
since the release came (progressDeadlineSeconds, a Job's backoffLimit). Any other first start may still come
right until the deadline. A hook that failed is final in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.clock import format_duration
from gitrel.rollout.facts import hook_failure
from gitrel.rollout.gates.evidence import health_of
from gitrel.rollout.gates.verdict import OPEN, Verdict, closed, failed
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def readiness(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    sight = seen.get(progress.environment)
    if sight is not None and (failure := hook_failure(progress, sight, progress.target)):
        return failed("readiness", failure)
    health = health_of(seen, progress, "readiness")
    if isinstance(health, Verdict):
        return health
    if health.status == "current":
        return OPEN
    due = max(progress.since, progress.contact or progress.since) + spec.progress_deadline
    why = health.because or "not everything is Current"
    if health.status == "failed" and progress.setbacks:
        return failed("readiness", f"was ready and failed: {why}")
    begun = progress.started or progress.since
    if health.status == "failed" and health.given_up is not None and health.given_up >= begun:
        # What was given up before this release came says nothing about it: an undo finds such conditions.
        return failed("readiness", f"the cluster gave up: {why}")
    if now >= due:
        return failed("readiness", f"not ready within {format_duration(spec.progress_deadline)}: {why}")
    return closed("readiness", why, due)
