"""Where a component's rollout stands: the one record that the ledger remembers between passes.

Timers hang on recorded instants, never on a running stopwatch. Everything converts to and from plain
JSON, and unknown fields in a record written by a later gitrel are refused rather than dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from gitrel.rollout.seen import Release


class Phase(StrEnum):
    """queued → applying → settling → steadying → watching → passed, and the ways out."""

    QUEUED = "queued"
    APPLYING = "applying"
    SETTLING = "settling"
    STEADYING = "steadying"
    WATCHING = "watching"
    PASSED = "passed"
    HELD = "held"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class EnvironmentProgress:
    """How far `target` has come in one environment.

    `previous` is what was in force before it, to go back to. `ready` is since when everything is
    Current; losing readiness clears it and `steady` (the start of the soak), and counts a setback.
    `restarts` is the restart count when the soak began.
    """

    environment: str
    target: Release
    phase: Phase
    since: datetime
    previous: Release | None = None
    started: datetime | None = None
    applied: datetime | None = None
    ready: datetime | None = None
    steady: datetime | None = None
    passed: datetime | None = None
    restarts: int = 0
    setbacks: int = 0
    because: str = ""


Status = Literal["idle", "running", "paused", "failed", "rolled-back", "aborted", "passed"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """The record of one component.

    `number` counts rollouts from 1 (0: none yet). `version` is what is being promoted, empty for a
    rollout that follows changes made in the repository by hand. `scope` holds the environments that it
    is to reach, in wave order. `environments` keeps the latest progress of every environment, past
    rollouts included, because a version that passed somewhere stays qualified there. `in_force` is the
    last permitted release per environment; `proven` the digests that passed there, newest first;
    `rejected` the releases (by digest) that failed, with the reason.
    """

    component: str
    number: int = 0
    version: str = ""
    status: Status = "idle"
    scope: tuple[str, ...] = ()
    environments: Mapping[str, EnvironmentProgress] = field(default_factory=lambda: MappingProxyType({}))
    in_force: Mapping[str, Release] = field(default_factory=lambda: MappingProxyType({}))
    proven: Mapping[str, tuple[Release, ...]] = field(default_factory=lambda: MappingProxyType({}))
    rejected: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    requested_at: datetime | None = None
    requested_by: str = ""
    reason: str = ""
