"""Closed while the cluster does not answer: Git must not say that a version runs where none can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.rollout.gates.verdict import OPEN, Verdict, closed
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def contact(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    sight = seen.get(progress.environment)
    if sight is not None and sight.reachable:
        return OPEN
    return closed("contact", f"the cluster of {progress.environment} does not answer")
