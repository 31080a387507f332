"""`rehearse` and `demo`: a rollout on virtual clusters, on a clock that jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitrel.cli import lookup
from gitrel.cli.flags import Headers, Output, Revision, Seed, SoakFactor
from gitrel.cli.options import Verb, argument, instant, option, session_of
from gitrel.cli.output import Column, Format, Item, table, to_json, to_yaml
from gitrel.cli.progress import display
from gitrel.cli.rollouts import phase_column, short
from gitrel.cli.session import Session
from gitrel.clock import SystemClock, VirtualClock, format_duration, parse_instant
from gitrel.config.settings import DEFAULT
from gitrel.errors import RolloutFailed, UsageError
from gitrel.events import Event, Listener
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.rehearsal.report import Rehearsal

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def rehearse(
    context: typer.Context,
    component: Annotated[str, argument("COMPONENT", "The component to roll out.")],
    version: Annotated[str, argument("VERSION", "The version to roll out.")],
    *,
    seed: Seed = DEFAULT.seed,
    fault: Annotated[list[str], option("fault")] = DEFAULT.fault,
    soak_factor: SoakFactor = DEFAULT.soak_factor,
    start: Annotated[datetime | None, option("start", parser=instant)] = DEFAULT.start,
    events: Annotated[Path | None, option("events")] = DEFAULT.events,
    revision: Revision = DEFAULT.revision,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Play a rollout on virtual clusters and a virtual clock.

    The reconciler, the schedule and the controllers are the real ones; only time jumps. Faults are
    `crash:after=40m,in=canary`, `never-ready:in=asia`, `outage:in=asia,at=2h,for=30m` and
    `node-dies:in=asia,at=2h`. Ends with 5 where the rollout does not pass everywhere.
    """
    from gitrel.app import renderer
    from gitrel.rehearsal import faults, rehearse

    session = session_of(context)
    plot = rehearse.Plot(
        lookup.catalog(session.place(), revision, component),
        component,
        version,
        start=start or SystemClock().now().replace(microsecond=0),
        seed=seed,
        faults=tuple(map(faults.parse, fault)),
        soak_factor=soak_factor,
    )
    with _told(session, plot.start, events) as tell, renderer() as render:
        report = rehearse.rehearse(plot, render, tell)
    _show(session, output, report, headers)
    return 0 if report.passed else RolloutFailed.exit_code


@contextmanager
def _told(session: Session, start: datetime, path: Path | None) -> Iterator[Listener]:
    """A listener that moves the display's clock along with the story, and writes the event file."""
    from gitrel.telemetry.sinks import json_lines

    clock = VirtualClock(start)
    listeners: list[Callable[[Event], None]] = []
    with display(session, clock) as shown:
        listeners.append(shown.event)

        def tell(event: Event) -> None:
            clock.advance_to(event.at)
            for listener in listeners:
                listener(event)

        if path is None:
            yield tell
            return
        try:
            stream = path.open("w", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--events {path}: cannot be written: {error.strerror}") from error
        with stream:
            listeners.append(json_lines(stream))
            yield tell


def _show(session: Session, output: Format | None, report: Rehearsal, headers: bool) -> None:
    document = report.as_json()
    if output is Format.JSON:
        session.out.raw(to_json(document))
    elif output is Format.YAML:
        session.out.raw(to_yaml(document))
    elif output is Format.NAME:
        for row in report.rows:
            session.out.line(clean(f"environment/{row.environment}"))
    else:
        columns = [c for c in _columns(report.started) if output is Format.WIDE or not c.wide]
        table(session.out, columns, document["environments"], headers=headers)
    took = format_duration(timedelta(seconds=int((report.ended - report.started).total_seconds())))
    summary = f"{report.component} {report.version}: {report.status} after {took}: {report.because}"
    session.note(session.err.paint(clean(summary), "green" if report.passed else "red"))


def _columns(started: datetime) -> tuple[Column, ...]:
    def after(field: str) -> Callable[[Item], str]:
        return lambda item: "+" + short(parse_instant(item[field]) - started) if item[field] else ""

    return (
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("VERSION", lambda i: i["version"]),
        phase_column(),
        Column("STARTED", after("started")),
        Column("APPLIED", after("applied"), wide=True),
        Column("READY", after("ready")),
        Column("STEADY", after("steady"), wide=True),
        Column("PASSED", after("passed")),
        Column("BECAUSE", lambda i: i["because"]),
    )
