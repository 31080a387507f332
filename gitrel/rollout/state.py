"""Where a component's rollout stands: the one record that the ledger remembers between passes.

Timers hang on recorded instants, never on a running stopwatch. `wire.py` converts it to and from plain
JSON, and refuses unknown fields in a record written by a later gitrel rather than dropping them.
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


WAITING = frozenset({Phase.QUEUED, Phase.HELD})
"""Wants to start and has not: what was in force before stays applied."""
IN_FLIGHT = frozenset({Phase.APPLYING, Phase.SETTLING, Phase.STEADYING, Phase.WATCHING})
"""Started, and not yet decided."""
ACTIVE = WAITING | IN_FLIGHT

Change = Literal["first", "version", "configuration", "undo"]
"""What a target changes: nothing was in force; another version; the same version with other manifests;
a pointer moved by hand back to a release that has passed there before."""


@dataclass(frozen=True, slots=True)
class EnvironmentProgress:
    """How far `target` has come in one environment.

    `previous` is what to go back to: the last release that was in force and not in doubt; None for a first
    release. `ready` is since when everything is Current (never before `applied`); losing readiness clears
    it and `steady` (the start of the soak), and counts a setback. `restarts` is the restart count from
    which the soak counts: the lowest seen since readiness. `rollout` is the number of the rollout it
    belongs to; `pointer` the version that Git gave here when last looked at, which tells a person's move
    from a move of our own that has not been made yet; `contact` since when the cluster answers without a
    gap, so that an outage is not counted against a deadline. `waits` is what applying was last known to wait
    for, or why it was refused; empty where nothing was told. `awaits` names what is waited for (a stage, the
    hooks before the release, a deletion), empty where it was refused; `awaited` is since when that is so.
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
    rollout: int = 0
    change: Change = "version"
    pointer: str = ""
    contact: datetime | None = None
    waits: str = ""
    awaits: str = ""
    awaited: datetime | None = None


@dataclass(frozen=True, slots=True)
class Drifting:
    """One object that does not hold what `digest` applied, since when, and which fields others changed.

    `mended` are the last times at which it was put right; `fought` tells that this is over, because somebody
    else insists; `until` is when it held again, None while it does not.
    """

    object: str
    since: datetime
    digest: str
    fields: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    mended: tuple[datetime, ...] = ()
    fought: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Which cluster an environment is: the UID of its `kube-system` namespace, and since when."""

    uid: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Unwell:
    """A release that fell ill after it had passed: since when and why, and until when (None: still).

    `restarts` is the container restart count of then; more than the allowed number on top is trouble again.
    """

    since: datetime
    because: str
    restarts: int
    until: datetime | None = None


Status = Literal["idle", "running", "paused", "failed", "rolled-back", "aborted", "passed"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """The record of one component.

    `number` counts rollouts from 1 (0: none yet). `version` is what is being promoted, empty for a
    rollout that follows changes made in the repository by hand. `scope` holds the environments that it
    is to reach, in wave order. `environments` keeps the latest progress of every environment, past
    rollouts included. `in_force` is the last permitted release per environment; `proven` the releases
    that passed there, newest first (at most `PROVEN_MAX`; the journal has them all), because a version
    that passed somewhere stays qualified there; `rejected` the digests that failed, with the reason.
    `because` says why `status` is what it is, since `since`. `together` is the set that it was promoted
    with, component → version and itself included; empty for a promotion of its own. `clusters` says which
    cluster each environment was when it was last looked at. `drift` holds what does not hold there, and what
    was put right there a short while ago. `unwell` notes per environment what became of a
    release after it had passed; it is told, and nothing is decided on it.
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
    because: str = ""
    since: datetime | None = None
    together: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    clusters: Mapping[str, Identity] = field(default_factory=lambda: MappingProxyType({}))
    drift: Mapping[str, tuple[Drifting, ...]] = field(default_factory=lambda: MappingProxyType({}))
    unwell: Mapping[str, Unwell] = field(default_factory=lambda: MappingProxyType({}))


PROVEN_MAX = 16
"""Releases remembered per environment to go back to: Deployments keep 10 revisions, we a few more."""
