"""What a rehearsal found: per environment when it was applied, ready, steady and passed, and what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gitrel.clock import format_duration, format_instant
from gitrel.events import Event
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout

MILESTONES = ("started", "applied", "ready", "steady", "passed")


@dataclass(frozen=True, slots=True)
class Row:
    """One environment. Instants are None for what did not happen."""

    environment: str
    version: str
    phase: str
    started: datetime | None
    applied: datetime | None
    ready: datetime | None
    steady: datetime | None
    passed: datetime | None
    because: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`ended` is when the rollout came to its end, or when the rehearsal gave up waiting."""

    component: str
    version: str
    seed: int
    started: datetime
    ended: datetime
    status: str
    because: str
    rows: tuple[Row, ...]
    passes: int
    events: tuple[Event, ...] = field(repr=False, default=())

    @property
    def failed(self) -> tuple[str, ...]:
        bad = (Phase.FAILED.value, Phase.ROLLED_BACK.value)
        return tuple(row.environment for row in self.rows if row.phase in bad)

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    @property
    def reached(self) -> tuple[str, ...]:
        """Environments that ever got the version."""
        return tuple(row.environment for row in self.rows if row.started)

    def as_json(self) -> dict[str, Any]:
        return {
            "apiVersion": "gitrel.dev/v1alpha1",
            "kind": "Rehearsal",
            "component": self.component,
            "version": self.version,
            "seed": self.seed,
            "started": format_instant(self.started),
            "ended": format_instant(self.ended),
            "took": format_duration(self.ended - self.started),
            "status": self.status,
            "because": self.because,
            "failed": list(self.failed),
            "environments": [_row_json(row) for row in self.rows],
            "events": [event.as_json() for event in self.events],
        }


def _row_json(row: Row) -> dict[str, Any]:
    instants = {name: getattr(row, name) for name in MILESTONES}
    return {
        "environment": row.environment,
        "version": row.version,
        "phase": row.phase,
        **{name: format_instant(at) if at else None for name, at in instants.items()},
        "because": row.because,
    }


def rows_of(
    rollout: Rollout, environments: Sequence[str], reached: Mapping[str, datetime]
) -> tuple[Row, ...]:
    """One row per environment in wave order. `reached` tells when each was first given the version.

    An environment that never got it is shown with the version that stayed in force there, and so is each
    where there was nothing to do, because it runs the version already.
    """
    nothing_to_do = not reached and rollout.status == "passed"
    otherwise = "runs it already" if nothing_to_do else "never reached"
    return tuple(_row(rollout, name, reached.get(name), otherwise) for name in environments)


def _row(rollout: Rollout, name: str, started: datetime | None, otherwise: str) -> Row:
    progress = rollout.environments.get(name)
    in_force = rollout.in_force.get(name)
    if progress is None or started is None:
        phase = _unreached(progress)
        version = in_force.version if in_force else ""
        return Row(name, version, phase, None, None, None, None, None, because=otherwise)
    return Row(
        name,
        progress.target.version,
        progress.phase.value,
        started,
        progress.applied,
        progress.ready,
        progress.steady,
        progress.passed,
        progress.because,
    )


def _unreached(progress: EnvironmentProgress | None) -> str:
    waiting = progress is not None and progress.phase is not Phase.PASSED
    return progress.phase.value if progress and waiting else "untouched"
