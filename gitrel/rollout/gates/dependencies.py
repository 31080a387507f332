"""Closed while another component is not that far: one it depends on, or one it is promoted together with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.rollout.gates.verdict import OPEN, Verdict, closed
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def dependencies(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    sight = seen.get(progress.environment)
    if sight is None or not sight.waiting_for or progress.change == "undo":
        return OPEN
    return closed("dependencies", sight.waiting_for)
