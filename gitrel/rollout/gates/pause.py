"""Closed unless the rollout runs: paused by a person, or stopped because something failed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.rollout.gates.verdict import OPEN, Verdict, closed
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def pause(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    if rollout.status == "running":
        return OPEN
    return closed("pause", f"rollout {rollout.number}: {rollout.because or rollout.status}")
