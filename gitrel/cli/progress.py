"""What is going on, told while it goes on: a table that moves on a terminal, lines of text elsewhere.

Both are driven by the event stream alone and write to stderr. The table holds one row for each component
and environment that moved since it was opened; what it shows is a fold of the events, which is pure.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

from gitrel.cli.output import PHASE_STYLE, PipeClosed, Writer, is_terminal
from gitrel.cli.rollouts import short
from gitrel.cli.session import Session
from gitrel.clock import Clock, format_instant
from gitrel.errors import GitrelError
from gitrel.events import Event
from gitrel.orchestrator.world import PassReport
from gitrel.telemetry.masking import MASKER
from gitrel.telemetry.text import clean

ENDED = frozenset(("passed", "failed", "rolled-back", "superseded"))
DELETES_SHOWN = 20
TROUBLE = {
    "cluster.clock": "clock",
    "cluster.unreachable": "unreachable",
    "environment.refused": "refused",
    "environment.unwell": "unwell since it passed",
    "environment.well": "well again",
}


@dataclass(frozen=True, slots=True)
class Row:
    """Where one component stands in one environment; `since` is when it entered the phase."""

    component: str
    environment: str
    version: str = ""
    phase: str = ""
    since: datetime | None = None
    message: str = ""


Rows = Mapping[tuple[str, str], Row]


def folded(rows: Rows, event: Event) -> Rows:
    """The rows after one event; an event that is about no environment changes none."""
    if not event.environment:
        return rows
    key = event.component, event.environment
    row = rows.get(key) or Row(*key)
    if event.kind == "environment.phase":
        row = replace(
            row,
            version=str(event.data.get("version", "")),
            phase=str(event.data.get("to", "")),
            since=event.at,
            message=event.message,
        )
    elif event.kind in ("environment.planned", "environment.applied") and row.phase in ("", "applying"):
        row = replace(row, message=counts(event.data.get("changes") or {}))
    elif event.kind in TROUBLE:
        row = replace(row, phase=TROUBLE[event.kind], since=event.at, message=event.message)
    else:
        return rows
    return {**rows, key: row}


def reminded(rows: Rows, report: PassReport) -> Rows:
    """The rows with today's reasons: what an environment waits for may change without any event."""
    fresh = {}
    for name, rollout in report.rollouts.items():
        for environment, progress in rollout.environments.items():
            row = rows.get((name, environment))
            if row and row.phase == progress.phase.value and row.phase in ("queued", "held"):
                fresh[name, environment] = replace(row, message=progress.because)
    return {**rows, **fresh}


def counts(changes: Mapping[str, int]) -> str:
    """`2 created, 1 configured`, from the number of objects by word; nothing changed gives `unchanged`."""
    words = ("created", "configured", "recreated", "deleted", "skipped")
    return ", ".join(f"{changes[word]} {word}" for word in words if changes.get(word)) or "unchanged"


def line_of(event: Event) -> str:
    """One event as one line; empty for what only a machine cares about."""
    what = _what(event)
    if not what:
        return ""
    place = " ".join(filter(None, (event.component, event.environment)))
    message = f": {event.message}" if event.message else ""
    at = format_instant(event.at.replace(microsecond=0))
    return clean(MASKER.text(f"{at} {place} {what}{message}"))


def _what(event: Event) -> str:
    data = event.data
    number = f"rollout {data.get('number', '')}".strip()
    match event.kind:
        case "environment.phase":
            return f"{data.get('to', '')} {data.get('version', '')}".strip()
        case "environment.planned":
            deletes = _shortened(tuple(map(str, data.get("deletes") or ())))
            return f"plan for {data.get('version', '')}: {counts(data.get('changes') or {})}{deletes}"
        case "environment.applied":
            return f"applied {data.get('version', '')}: {counts(data.get('changes') or {})}"
        case "rollout.started":
            return f"{number} started: {data.get('version') or 'changes made in Git'}"
        case "rollout.finished" | "rollout.failed":
            return f"{number} {data.get('status') or event.kind.rpartition('.')[2]}"
        case "pointer.moved":
            return f"points to {data.get('version', '')}"
    # Anything else is worth a line if it has something to say to people.
    return event.kind.rpartition(".")[2] if event.message else ""


def _shortened(names: tuple[str, ...]) -> str:
    """`; deletes Service shop/web, ConfigMap shop/old`: what goes is named before it goes."""
    shown = ", ".join(names[:DELETES_SHOWN])
    more = f" and {len(names) - DELETES_SHOWN} more" if len(names) > DELETES_SHOWN else ""
    return f"; deletes {shown}{more}" if names else ""


class Display(Protocol):
    """Shows progress between entering and leaving it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def event(self, event: Event) -> None:
        """Something happened."""
        ...

    def report(self, report: PassReport) -> None:
        """A pass ended, and says when the next one is due."""
        ...


class Lines:
    """One line an event: for logs, pipes and terminals that cannot move the cursor."""

    def __init__(self, out: Writer) -> None:
        self._out = out
        self._read = True
        self._said: dict[tuple[str, str, str], str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing: each line has been flushed already."""

    def event(self, event: Event) -> None:
        line = line_of(event)
        if not line or not self._read or self._again(event):
            return
        try:
            self._out.line(line)
            self._out.flush()
        except (PipeClosed, GitrelError):
            # That nobody reads the progress any more is no reason to stop a release half-way.
            self._read = False

    def _again(self, event: Event) -> bool:
        """Whether a pass after a refusal only says what the last one said: told once, until it changes."""
        key = event.component, event.environment, event.kind
        if event.kind not in (*TROUBLE, "environment.planned"):
            for kind in (*TROUBLE, "environment.planned"):
                self._said.pop((event.component, event.environment, kind), None)
            return False
        what = f"{_what(event)} {event.message}"
        again = self._said.get(key) == what
        self._said[key] = what
        return again

    def report(self, report: PassReport) -> None:
        """Nothing: the events have said it already."""


class Silence(Lines):
    """What `--quiet` shows."""

    def event(self, event: Event) -> None:
        """Nothing."""


class Table:
    """A table that is drawn again in place, four times a second, so that its ages tick."""

    def __init__(self, out: Writer, clock: Clock) -> None:
        from rich.console import Console
        from rich.live import Live

        self._clock = clock
        self._rows: Rows = {}
        self._next = ""
        self._due: datetime | None = None
        self._console = Console(
            file=out.stream, no_color=not out.color, markup=False, highlight=False, emoji=False
        )
        self._live = Live(
            get_renderable=self._draw,
            console=self._console,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._due, self._next = None, ""
        # A head without rows, above the refusal that came before anything moved, tells nobody anything.
        self._live.transient = not self._rows
        self._live.stop()

    def event(self, event: Event) -> None:
        self._rows = folded(self._rows, event)

    def report(self, report: PassReport) -> None:
        self._due = report.wake_at
        self._rows = reminded(self._rows, report)
        self._next = "; ".join(sorted(set(filter(None, report.because.values()))))

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.table import Table as Grid
        from rich.text import Text

        now = self._clock.now()
        grid = Grid(box=None, pad_edge=False, header_style="bold", expand=True)
        for title in ("COMPONENT", "ENVIRONMENT", "VERSION", "PHASE", "FOR", "BECAUSE"):
            # One line a row, whatever it says: how many rows fit is counted in lines.
            # The reason takes what the others leave.
            grid.add_column(title, no_wrap=True, overflow="ellipsis", ratio=int(title == "BECAUSE") or None)
        shown = _fitting(list(self._rows.values()), self._console.height - 4)
        for row in shown:
            cells = (row.component, row.environment, row.version)
            age = short(now - row.since) if row.since else ""
            grid.add_row(
                *(Text(clean(cell)) for cell in cells),
                Text(clean(row.phase), style=PHASE_STYLE.get(row.phase, "")),
                Text(age),
                Text(clean(MASKER.text(row.message))),
            )
        return Group(grid, Text(self._footer(now, len(self._rows) - len(shown)), style="dim"))

    def _footer(self, now: datetime, hidden: int) -> str:
        parts = [format_instant(now.replace(microsecond=0))]
        parts += [f"{hidden} more that ended"] if hidden else []
        if self._due is not None:
            left = short(self._due - now)
            parts.append(f"next change at {format_instant(self._due)}, in {left}")
        return clean(MASKER.text("; ".join(filter(None, (*parts, self._next)))))


def _fitting(rows: list[Row], height: int) -> list[Row]:
    """As many rows as the terminal has lines for: those still under way before those that ended."""
    if len(rows) <= height:
        return rows
    keep = sorted(range(len(rows)), key=lambda i: (rows[i].phase in ENDED, -i))[: max(height, 1)]
    return [rows[i] for i in sorted(keep)]


def display(session: Session, clock: Clock) -> Display:
    """The display that suits the terminal and the flags."""
    if session.quiet:
        return Silence(session.err)
    moving = is_terminal(session.err.stream) and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    return Table(session.err, clock) if moving else Lines(session.err)
