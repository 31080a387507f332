"""Leaves watching: the soak is over, and this look vouches for all of it.

Time alone never passes a release. The last look must find everything Current since before the soak began,
and no more container restarts than allowed; so time during which nobody looked counts exactly where the
cluster's own record covers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.clock import format_duration
from gitrel.rollout.facts import count_of, soak_of
from gitrel.rollout.gates.evidence import health_of, lost_readiness
from gitrel.rollout.gates.verdict import OPEN, Verdict, closed, failed, lost
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def soak(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    health = health_of(seen, progress, "soak")
    if isinstance(health, Verdict):
        return health
    if health.status == "failed":
        return failed("soak", f"{health.because or 'it failed'} while it was watched")
    restarts = health.restarts - progress.restarts
    if restarts > spec.max_restarts:
        many = count_of(restarts, "container restart")
        return failed("soak", f"{many} while it was watched, {spec.max_restarts} allowed")
    if why := lost_readiness(health, progress):
        return lost("soak", why)
    assert progress.steady is not None
    wanted = soak_of(spec, progress)
    due = progress.steady + wanted
    if now < due:
        return closed("soak", f"soaks for {format_duration(wanted)}", due)
    return OPEN
