"""Closed while as many environments of the same wave are in flight as may go at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.rollout.facts import is_in_flight, listing, wave_of
from gitrel.rollout.gates.verdict import OPEN, Verdict, closed
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def parallel(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    if progress.change == "undo":
        return OPEN
    wave = wave_of(spec, progress.environment)
    others = [name for name in wave.environments if is_in_flight(rollout, name)]
    if len(others) < wave.max_parallel:
        return OPEN
    return closed(
        "parallel", f"at most {wave.max_parallel} at a time in wave {wave.name}: {listing(others)} first"
    )
