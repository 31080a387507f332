"""What is asked of a rollout: environments in waves, timers, limits and the failure policy.

A spec is made from the catalog for one component, is plain data, and is written into the journal by its
digest, so that a later `verify` judges each step by the schedule that was in force then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Literal


@dataclass(frozen=True, slots=True)
class WaveSpec:
    """Environments that may go at the same time, at most `max_parallel` of them at once (at least 1)."""

    name: str
    environments: tuple[str, ...]
    max_parallel: int


@dataclass(frozen=True)
class RolloutSpec:
    component: str
    waves: tuple[WaveSpec, ...]
    min_ready: timedelta
    """How long everything must stay Current before the soak starts."""
    mean_time_to_smoke: timedelta
    soak_factor: float
    progress_deadline: timedelta
    """How long an environment may take to become Current before it counts as failed."""
    max_restarts: int
    max_setbacks: int
    """How often readiness may be lost again before the environment counts as failed."""
    max_active_versions: int
    on_failure: Literal["hold", "rollback"]
    soak_first_release: bool
    report_only: tuple[str, ...] = ()
    """Environments in which drift is told and left as it is."""

    @cached_property
    def soak(self) -> timedelta:
        return self.mean_time_to_smoke * self.soak_factor

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """All environments in the order of the waves."""
        return tuple(name for wave in self.waves for name in wave.environments)
