"""Leaves steadying: everything has stayed Current for minReadySeconds, by the cluster's own conditions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.clock import format_duration
from gitrel.rollout.gates.evidence import health_of, lost_readiness
from gitrel.rollout.gates.verdict import OPEN, Verdict, closed, failed, lost
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def steady(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    health = health_of(seen, progress, "steady")
    if isinstance(health, Verdict):
        return health
    if health.status == "failed":
        return failed("steady", f"was ready and failed: {health.because or 'no reason given'}")
    if why := lost_readiness(health, progress):
        return lost("steady", why)
    assert progress.ready is not None
    due = progress.ready + spec.min_ready
    if now < due:
        return closed("steady", f"has to stay Current for {format_duration(spec.min_ready)}", due)
    return OPEN
