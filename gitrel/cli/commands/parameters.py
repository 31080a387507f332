"""`explain`: which value a parameter has somewhere, which file and line set it, and what it won over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from gitrel.cli import lookup
from gitrel.cli.flags import Headers, Output, Revision, ShowSecrets
from gitrel.cli.options import Verb, argument, session_of
from gitrel.cli.output import Column, Format, Item, Listing
from gitrel.config.settings import DEFAULT
from gitrel.errors import UsageError
from gitrel.repo.model import Catalog, Value
from gitrel.repo.suggest import did_you_mean

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def explain(
    context: typer.Context,
    component: Annotated[str, argument("COMPONENT", "The component whose parameters these are.")],
    environment: Annotated[str, argument("ENVIRONMENT", "In which environment.")],
    parameter: Annotated[
        str | None, argument("PARAMETER", "Only this parameter, by its dotted name; all of them if left out.")
    ] = None,
    *,
    revision: Revision = DEFAULT.revision,
    show_secrets: ShowSecrets = DEFAULT.show_secrets,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Show where each parameter comes from.

    Its value in one environment, the file and line that set it, and every value that it won over. A dotted
    name reaches into a map; the name of a map shows all that is in it. Feature flags are listed with them.
    """
    session = session_of(context)
    catalog = lookup.catalog(session.place(), revision, component)
    lookup.component(catalog, component)
    lookup.environment(catalog, environment)
    items = list(_items(catalog, component, environment, show_secrets))
    if parameter is not None:
        known = [item["name"] for item in items]
        items = [i for i in items if i["name"] == parameter or i["name"].startswith(f"{parameter}.")]
        if not items:
            raise UsageError(
                f"{component} has no parameter {parameter!r} in {environment}{did_you_mean(parameter, known)}"
            )
    rows = items if parameter is None else [row for item in items for row in _chain(item)]
    head = {"component": component, "environment": environment}
    listing = Listing("ParameterList", items, (), lambda i: i["name"], head)
    if output in (None, Format.TABLE, Format.WIDE):
        columns = _overview() if parameter is None else _chain_columns()
        listing = Listing("ParameterList", rows, columns, lambda i: i["name"], head)
    session.show(output, listing, headers=headers)
    return 0


def _items(catalog: Catalog, component: str, environment: str, show_secrets: bool) -> Iterator[Item]:
    from gitrel.repo.precedence import effective_flags, effective_parameters, flatten

    layers: tuple[tuple[str, Mapping[str, Value]], ...] = (
        ("parameter", effective_parameters(catalog, component, environment)),
        ("flag", effective_flags(catalog, component, environment)),
    )
    for kind, values in layers:
        for name, value in sorted(flatten(values)):
            yield {
                "name": name,
                "kind": kind,
                "value": _shown(value.value, name, show_secrets),
                "origin": str(value.origin),
                "overrides": [
                    {"value": _shown(loser.value, name, show_secrets), "origin": str(loser.origin)}
                    for loser in value.overrides
                ],
            }


def _shown(value: Any, name: str, show_secrets: bool) -> Any:
    from gitrel.repo.sealed import holds_sealed
    from gitrel.telemetry.masking import MASKER

    if holds_sealed(value):
        return "(encrypted)"
    return value if show_secrets else MASKER.value(value, name)


def _chain(item: Item) -> Iterator[Item]:
    """The winner and then what it won over, the nearest loser first."""
    yield {**item, "state": "wins"}
    for loser in item["overrides"]:
        yield {**item, **loser, "state": "overridden"}


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)


def _overview() -> tuple[Column, ...]:
    return (
        Column("NAME", lambda i: i["name"]),
        Column("KIND", lambda i: i["kind"], wide=True),
        Column("VALUE", lambda i: _text(i["value"])),
        Column("FROM", lambda i: i["origin"]),
        Column(
            "INSTEAD OF", lambda i: ", ".join(f"{_text(o['value'])} ({o['origin']})" for o in i["overrides"])
        ),
    )


def _chain_columns() -> tuple[Column, ...]:
    return (
        Column("NAME", lambda i: i["name"]),
        Column(
            "VALUE", lambda i: _text(i["value"]), style=lambda i: "bold" if i["state"] == "wins" else "dim"
        ),
        Column("STATE", lambda i: i["state"]),
        Column("FROM", lambda i: i["origin"]),
    )
