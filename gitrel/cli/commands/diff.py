"""`diff`: what applying now would change in the clusters, or what a change in Git changes everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitrel.cli import lookup
from gitrel.cli.comparison import SAVED_BYTES_MAX, Comparison, document, head_json, items_json, read_saved
from gitrel.cli.flags import AnyComponent, Headers, Revision, ShowSecrets, Version
from gitrel.cli.options import Verb, argument, option, session_of
from gitrel.cli.output import Column, Format, Item, Listing, to_json, unified
from gitrel.cli.session import Session
from gitrel.config.settings import DEFAULT
from gitrel.delivery.changes import Group, grouped
from gitrel.errors import UsageError
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.cli.comparing import Asked

app = typer.Typer(rich_markup_mode=None)
DIFFERENT = 1
PLACES_SHOWN = 10


class DiffFormat(StrEnum):
    DIFF = "diff"
    MARKDOWN = "markdown"
    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


@app.command(cls=Verb)
def diff(
    context: typer.Context,
    component: AnyComponent = None,
    environment: Annotated[
        str | None, argument("ENVIRONMENT", "Only in this environment; in all of them if left out.")
    ] = None,
    *,
    base: Annotated[str | None, option("base")] = DEFAULT.base,
    revision: Revision = DEFAULT.revision,
    version: Version = DEFAULT.component_version,
    rehearse: Annotated[bool, option("rehearse_change")] = DEFAULT.rehearse_change,
    saved: Annotated[Path | None, option("saved")] = DEFAULT.saved,
    save: Annotated[Path | None, option("save")] = DEFAULT.save,
    show_secrets: ShowSecrets = DEFAULT.show_secrets,
    output: Annotated[DiffFormat, option("diff_output")] = DEFAULT.diff_output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Show what applying now would change.

    Compares the files on disk (or --revision) with what runs, which the clusters themselves work out and
    nothing is changed by; with --base, with what another commit renders, without any cluster. Environments in
    which the same lines change are told together. Ends with 0 where nothing differs and 1 where something
    does.
    """
    from gitrel.cli.comparing import Asked

    session = session_of(context)
    asked = Asked(component, environment, version)
    if saved is not None:
        _alone(base, revision, rehearse, component)
        found = read_comparison(saved)
    else:
        found = _compare(session, asked, base, revision, rehearse, show_secrets)
    if save is not None:
        _write(save, found)
    session.job.tell_diff(found, save)
    _show(session, found, output, headers)
    return DIFFERENT if found.groups else 0


def _compare(
    session: Session, asked: Asked, base: str | None, revision: str | None, rehearse: bool, show_secrets: bool
) -> Comparison:
    from gitrel.cli import comparing

    root = session.place()
    after = lookup.catalog(root, revision, asked.component)
    mask = comparing.masking(show_secrets)
    head = revision or "the files on disk"
    if base is None:
        if rehearse:
            raise UsageError("--rehearse plays a change of the repository: name what it changes with --base")
        compared = comparing.live(session, after, asked, mask)
        return Comparison("what runs", head, grouped(compared.changes), compared.notes)
    before = comparing.base_catalog(root, base)
    compared = comparing.offline(before, after, asked, mask)
    groups = grouped(compared.changes)
    if not rehearse:
        return Comparison(base, head, groups, compared.notes)
    from gitrel.cli.rehearsing import rehearsals

    played, notes = rehearsals(before, after, dict.fromkeys(group.component for group in groups))
    return Comparison(base, head, groups, (*compared.notes, *notes), played)


def _alone(base: str | None, revision: str | None, rehearse: bool, component: str | None) -> None:
    if base or revision or rehearse or component:
        raise UsageError("--from shows what was compared before: it goes with no other question")


def read_comparison(path: Path) -> Comparison:
    """What `--save` has kept. Raises UsageError for a file that is not there or too large."""
    try:
        with path.open("rb") as file:
            data = file.read(SAVED_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(f"--from {path}: {error.strerror}") from error
    if len(data) > SAVED_BYTES_MAX:
        raise UsageError(f"--from {path}: larger than {SAVED_BYTES_MAX:,} bytes")
    return read_saved(data)


def _write(path: Path, found: Comparison) -> None:
    try:
        path.write_text(to_json(document(found)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--save {path}: {error.strerror}") from error


def _show(session: Session, found: Comparison, output: DiffFormat, headers: bool) -> None:
    if output is DiffFormat.MARKDOWN:
        from gitrel.cli.markdown import comparison_markdown

        session.out.raw(comparison_markdown(found))
    elif output is DiffFormat.DIFF:
        _show_text(session, found)
    else:
        listing = Listing("Diff", items_json(found), _COLUMNS, _name, head_json(found))
        session.show(Format(output.value), listing, headers=headers)
    if output not in (DiffFormat.DIFF, DiffFormat.MARKDOWN):
        session.note(str(found.counts) if found.groups else "no difference")


def _show_text(session: Session, found: Comparison) -> None:
    """Counts, then notes, then the hunks; each hunk once, with the environments in which it is the same."""
    out = session.out
    if not found.groups:
        session.note("no difference")
    else:
        out.line(out.paint(str(found.counts), "bold"))
    for note in found.notes:
        out.line(clean(f"note: {note}"))
    for rehearsed in found.rehearsals:
        out.line(
            clean(
                f"rehearsed: {rehearsed.component}: {rehearsed.status} after {rehearsed.took}, "
                f"{rehearsed.versions_at_peak} of {rehearsed.versions_allowed} allowed versions at the peak"
            )
        )
        for row in rehearsed.rows:
            when = f"{row.started or 'never'} to {row.passed or row.phase}"
            out.line(clean(f"  {row.environment} ({row.wave}): {row.version}, {when}"))
    for group in found.groups:
        out.line()
        _show_group(session, group)


def _show_group(session: Session, group: Group) -> None:
    out = session.out
    sorts = f" ({', '.join(group.sorts)})" if group.sorts else ""
    title = f"{group.component}: {group.object_name}: {group.word}{sorts}"
    places = ", ".join(group.environments[:PLACES_SHOWN])
    more = len(group.environments) - PLACES_SHOWN
    places += f" and {more} more" if more > 0 else ""
    out.line(out.paint(clean(title), "bold"))
    around = (
        f" (the lines around it are those of {group.environments[0]})" if group.surroundings_differ else ""
    )
    out.line(clean(f"in {places}{around}"))
    unified(out, ("--- before", "+++ after", *group.lines))


def _name(item: Item) -> str:
    return f"{','.join(item['environments'])}/{item['component']} {item['kind']}/{item['name']}"


_STYLES = {"created": "green", "configured": "yellow", "deleted": "red"}
_COLUMNS = (
    Column("COMPONENT", lambda i: i["component"]),
    Column("CHANGE", lambda i: i["change"], style=lambda i: _STYLES[i["change"]]),
    Column("KIND", lambda i: i["kind"]),
    Column("NAMESPACE", lambda i: ",".join(i["namespaces"]), wide=True),
    Column("NAME", lambda i: i["name"]),
    Column("SORTS", lambda i: ",".join(i["sorts"])),
    Column("ENVIRONMENTS", lambda i: ",".join(i["environments"])),
)
