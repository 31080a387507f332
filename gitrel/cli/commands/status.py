"""`status`: the whole repository at a glance, from the journal and from Git alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated

import typer

from gitrel.cli import lookup
from gitrel.cli.options import Verb, option, session_of
from gitrel.cli.output import PHASE_STYLE, Column, Format, Item, Listing, cell_width, is_terminal
from gitrel.cli.rollouts import instant, phase_column, short
from gitrel.cli.session import Session
from gitrel.clock import format_instant, parse_instant
from gitrel.config.settings import DEFAULT
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.orchestrator.overview import Cell, Matrix, Row

app = typer.Typer(rich_markup_mode=None)
CALM = frozenset(("", "passed", "superseded"))
"""Phases in which the version alone says everything."""


@app.command(cls=Verb)
def status(
    context: typer.Context,
    components: Annotated[list[str] | None, typer.Argument(metavar="COMPONENT")] = None,
    *,
    remote: Annotated[str | None, option("remote")] = DEFAULT.remote,
    output: Annotated[Format | None, option("output")] = DEFAULT.output,
    headers: Annotated[bool, option("headers")] = DEFAULT.headers,
) -> int:
    """Show which version runs where, and until when.

    One row for each component and one column for each environment, in the order of the waves; `-o wide`
    gives every pair a row of its own, with the reason. No cluster is asked, so it answers at once.
    """
    from gitrel.app import world as open_world
    from gitrel.orchestrator.overview import matrix

    session = session_of(context)
    with open_world(session.repository(), remote=remote) as world:
        found = matrix(world)
    rows = _chosen(found, components or [])
    _warn(session, found, rows)
    items = [_item(row) for row in rows]
    head = {"at": format_instant(found.at), "commit": found.commit, "environments": list(found.environments)}
    listing = Listing("Status", items, _matrix_columns(found), lambda i: f"component/{i['component']}", head)
    if output is Format.WIDE or (output in (None, Format.TABLE) and _too_wide(session, listing)):
        cells = [cell for item in items for cell in item["cells"]]
        listing = Listing("Status", cells, _cell_columns(found.at), listing.name, head)
    session.show(output, listing, headers=headers)
    return 0


def _chosen(found: Matrix, names: list[str]) -> list[Row]:
    """The rows that were asked for, in the order of the matrix; none asked for means all."""
    known = {row.component: row for row in found.rows}
    wanted = {lookup.pick("component", name, known).component for name in names} or set(known)
    return [row for row in found.rows if row.component in wanted]


def _warn(session: Session, found: Matrix, rows: list[Row]) -> None:
    for row in rows:
        if len(row.live) > row.live_max:
            live = f"{len(row.live)} versions are live ({', '.join(row.live)})"
            text = f"{row.component}: {live}, at most {row.live_max} should be"
            session.err.line(session.err.paint(clean(text), "yellow"))
    for name in found.broken:
        text = f"{name}: its files have errors, so it is left as it is: gitrel validate tells them"
        session.err.line(session.err.paint(clean(text), "yellow"))


def _item(row: Row) -> Item:
    return {
        "component": row.component,
        "status": row.status,
        "because": row.because,
        "live": list(row.live),
        "liveMax": row.live_max,
        "cells": [_cell_item(row.component, cell) for cell in row.cells.values()],
    }


def _cell_item(component: str, cell: Cell) -> Item:
    return {
        "component": component,
        "environment": cell.environment,
        "version": cell.version,
        "target": cell.target,
        "pointer": cell.pointer,
        "phase": cell.phase,
        "until": instant(cell.until),
        "sentence": cell.sentence,
    }


def _matrix_columns(found: Matrix) -> tuple[Column, ...]:
    places = (
        Column(name.upper(), _text_of(name, found.at), style=_style_of(name)) for name in found.environments
    )
    return (Column("COMPONENT", lambda i: i["component"]), phase_column("status", "STATUS"), *places)


def _find(item: Item, environment: str) -> Item | None:
    return next((cell for cell in item["cells"] if cell["environment"] == environment), None)


def _text_of(environment: str, now: datetime) -> Callable[[Item], str]:
    """`v1`; while something is going on `v1>v2 watching 11h20m`; `(v1)` where only Git says so yet."""

    def text(item: Item) -> str:
        cell = _find(item, environment)
        if cell is None:
            return ""
        if not cell["version"] and not cell["target"]:
            return f"({cell['pointer']})"
        moves = cell["target"] and cell["target"] != cell["version"]
        version = f"{cell['version'] or 'none'}>{cell['target']}" if moves else cell["version"]
        if cell["phase"] in CALM:
            return version
        left = short(parse_instant(cell["until"]) - now) if cell["until"] else ""
        return " ".join(filter(None, (version, cell["phase"], left)))

    return text


def _style_of(environment: str) -> Callable[[Item], str]:
    def style(item: Item) -> str:
        cell = _find(item, environment)
        return PHASE_STYLE.get(cell["phase"], "") if cell else ""

    return style


def _cell_columns(now: datetime) -> tuple[Column, ...]:
    def left(item: Item) -> str:
        return short(parse_instant(item["until"]) - now) if item["until"] else ""

    return (
        Column("COMPONENT", lambda i: i["component"]),
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("VERSION", lambda i: i["version"]),
        Column("TARGET", lambda i: i["target"]),
        Column("POINTER", lambda i: i["pointer"], wide=True),
        phase_column(),
        Column("LEFT", left),
        Column("WHY", lambda i: i["sentence"]),
    )


def _too_wide(session: Session, listing: Listing) -> bool:
    """Whether a terminal would break the matrix's lines; a file takes lines of any length."""
    if not is_terminal(session.out.stream):
        return False
    widths = (
        max([cell_width(column.title), *(cell_width(column.value(item)) for item in listing.items)])
        for column in listing.columns
    )
    return sum(widths) + 3 * (len(listing.columns) - 1) > get_terminal_size().columns
