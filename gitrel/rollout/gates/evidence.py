"""What must hold before health says anything: the cluster answers, and holds exactly the wanted digest.

An old revision's Ready is no evidence, and silence is neither good nor bad news.
"""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.rollout.gates.verdict import Verdict, closed
from gitrel.rollout.seen import Health, Seen
from gitrel.rollout.state import EnvironmentProgress


def health_of(seen: Mapping[str, Seen], progress: EnvironmentProgress, gate: str) -> Health | Verdict:
    """The health of the wanted digest, or the verdict where there is none to judge by."""
    sight = seen.get(progress.environment)
    if sight is None:
        return closed(gate, f"{progress.environment} was not looked at")
    if not sight.reachable:
        return closed(gate, f"the cluster of {progress.environment} does not answer")
    if sight.applied != progress.target.digest:
        found = "something else" if sight.applied else "nothing"
        return Verdict("undone", f"the cluster holds {found} instead of what was applied", None, gate)
    if sight.health is None or sight.health.status == "unknown":
        return closed(gate, f"the health of {progress.environment} is not known")
    return sight.health


def lost_readiness(health: Health, progress: EnvironmentProgress) -> str:
    """Why readiness does not reach back to `progress.ready`; empty where the cluster vouches for it.

    Current again since later than that means that it was lost between two looks.
    """
    if health.status == "in-progress":
        return health.because or "not everything is Current"
    if health.since is not None and progress.ready is not None and health.since > progress.ready:
        return "readiness was lost and came back between two looks"
    return ""
