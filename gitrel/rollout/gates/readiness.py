"""Leaves settling: everything applied is Current, before the progress deadline is over.

Failed is final at once where everything had been ready before; a first start may still come right until
the deadline, as Kubernetes' own progressDeadlineSeconds allows. A hook that failed is final in any case.
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
    if now >= due:
        return failed("readiness", f"not ready within {format_duration(spec.progress_deadline)}: {why}")
    return closed("readiness", why, due)
