"""Rehearsals of what a diff shows, within bounds: a few components, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gitrel.cli.comparison import RehearsalRow, RehearsedChange
from gitrel.cli.rollouts import short
from gitrel.clock import SystemClock, format_instant
from gitrel.errors import GitrelError, TimedOut
from gitrel.repo.model import Catalog

if TYPE_CHECKING:
    from gitrel.rehearsal.change import ChangeRehearsal

COMPONENTS_MAX = 5
BUDGET_SECONDS = 60.0
"""For all of them together, in wall time."""


def rehearsals(
    before: Catalog, after: Catalog, components: Iterable[str]
) -> tuple[tuple[RehearsedChange, ...], tuple[str, ...]]:
    """What a merge at this moment would bring, and in words what was not rehearsed and why."""
    from gitrel.app import renderer
    from gitrel.rehearsal.change import rehearse_change

    wanted = [name for name in components if name in after.components]
    start = SystemClock().now().replace(microsecond=0)
    on_pass = _budget(time.monotonic() + BUDGET_SECONDS)
    played: list[RehearsedChange] = []
    notes: list[str] = []
    with renderer() as render:
        for name in wanted[:COMPONENTS_MAX]:
            try:
                told = rehearse_change(before, after, name, render, start, on_pass=on_pass)
            except GitrelError as error:
                notes.append(f"{name} was not rehearsed: {error}")
            else:
                played.append(_shown(told, after))
    if len(wanted) > COMPONENTS_MAX:
        notes.append(f"only the first {COMPONENTS_MAX} of {len(wanted)} components were rehearsed")
    return tuple(played), tuple(notes)


def _budget(deadline: float) -> Callable[[], None]:
    def check() -> None:
        if time.monotonic() > deadline:
            raise TimedOut(f"rehearsing took more than {BUDGET_SECONDS:g} seconds")

    return check


def _shown(told: ChangeRehearsal, after: Catalog) -> RehearsedChange:
    waves = {name: wave.name for wave in after.pipeline.waves for name in wave.environments}
    took = timedelta(seconds=int((told.ended - told.started).total_seconds()))
    return RehearsedChange(
        component=told.component,
        status=told.status,
        because=told.because,
        started=format_instant(told.started),
        ended=format_instant(told.ended),
        took=short(took),
        versions_at_peak=told.versions_at_peak,
        versions_allowed=after.components[told.component].schedule.max_active_versions,
        rows=tuple(
            RehearsalRow(
                environment=row.environment,
                wave=waves.get(row.environment, ""),
                version=row.version,
                phase=row.phase,
                started=_instant(row.started),
                passed=_instant(row.passed),
                because=row.because,
            )
            for row in told.rows
        ),
    )


def _instant(at: datetime | None) -> str:
    return format_instant(at.replace(microsecond=0)) if at else ""
