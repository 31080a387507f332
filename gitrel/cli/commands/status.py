"""`status`: the whole repository at a glance, from the journal and from Git alone."""

from __future__ import annotations

from shutil import get_terminal_size
from typing import TYPE_CHECKING

import typer

from gitrel.cli import lookup
from gitrel.cli.flags import AnyComponents, Headers, Output, Remote
from gitrel.cli.matrix import cell_listing, matrix_listing
from gitrel.cli.options import Verb, session_of
from gitrel.cli.output import Format, Listing, cell_width, is_terminal
from gitrel.cli.session import Session
from gitrel.config.settings import DEFAULT
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.orchestrator.overview import Matrix, Row

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def status(
    context: typer.Context,
    components: AnyComponents = None,
    *,
    remote: Remote = DEFAULT.remote,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Show which version runs where, and until when.

    One row for each component and one column for each environment, in the order of the waves; `-o wide`
    gives every pair a row of its own, with the reason. No cluster is asked, so it answers at once.
    """
    from gitrel.cli.sources import looking_world
    from gitrel.orchestrator.overview import matrix

    session = session_of(context)
    with looking_world(session, remote) as world:
        found = matrix(world)
    rows = _chosen(found, components or [])
    _warn(session, found, rows)
    listing = matrix_listing(found, rows)
    if output is Format.WIDE or (output in (None, Format.TABLE) and _too_wide(session, listing)):
        listing = cell_listing(found, rows)
    session.show(output, listing, headers=headers)
    return 0


def _chosen(found: Matrix, names: list[str]) -> list[Row]:
    """The rows that were asked for, in the order of the matrix; none asked for means all."""
    known = {row.component: row for row in found.rows}
    wanted = {lookup.pick("component", name, known).component for name in names} or set(known)
    return [row for row in found.rows if row.component in wanted]


def _warn(session: Session, found: Matrix, rows: list[Row]) -> None:
    from gitrel.orchestrator.specs import ORPHANED

    for row in rows:
        if len(row.live) > row.live_max:
            live = f"{len(row.live)} versions are live ({', '.join(row.live)})"
            text = f"{row.component}: {live}, at most {row.live_max} should be"
            session.err.line(session.err.paint(clean(text), "yellow"))
    for problem in found.blocking:
        session.err.line(session.err.paint(clean(str(problem)), "red"))
    if found.blocking:
        session.err.line(session.err.paint("nothing starts until this is mended", "red"))
    reasons = {row.component: row.because for row in found.rows}
    for name in found.broken:
        text = f"{name}: {reasons[name]}: gitrel validate tells them"
        session.err.line(session.err.paint(clean(text), "yellow"))
    for name in found.orphaned:
        text = f"{name}: {ORPHANED}"
        session.err.line(session.err.paint(clean(text), "yellow"))


def _too_wide(session: Session, listing: Listing) -> bool:
    """Whether a terminal would break the matrix's lines; a file takes lines of any length."""
    if not is_terminal(session.out.stream):
        return False
    widths = (
        max([cell_width(column.title), *(cell_width(column.value(item)) for item in listing.items)])
        for column in listing.columns
    )
    return sum(widths) + 3 * (len(listing.columns) - 1) > get_terminal_size().columns
