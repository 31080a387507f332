"""`schema`: what the files of a config repository may hold, for editors and other tools."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from gitrel.cli.flags import Headers
from gitrel.cli.lookup import pick
from gitrel.cli.options import Verb, argument, option, session_of
from gitrel.cli.output import Column, Format, Item, Listing, to_json, to_yaml
from gitrel.config.settings import DEFAULT

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def schema(
    context: typer.Context,
    kind: Annotated[
        str | None,
        argument("KIND", "Of which kind, such as Component; a list of the kinds if left out."),
    ] = None,
    *,
    output: Annotated[
        Format | None, option("output", default_is="json for one kind, table without")
    ] = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Print the JSON Schema of the files people write.

    Of one kind, or without a name the list of kinds. An editor finds it by a first line such as
    `# yaml-language-server: $schema=component.schema.json`.
    """
    from gitrel.repo.schema import KINDS, json_schema

    session = session_of(context)
    if kind is None or output not in (None, Format.JSON, Format.YAML):
        kinds = [_canonical(kind)] if kind else list(KINDS)
        session.show(
            output, _listing({name: json_schema(cast(Any, name)) for name in kinds}), headers=headers
        )
        return 0
    document = json_schema(cast(Any, _canonical(kind)))
    session.out.raw(to_yaml(document) if output is Format.YAML else to_json(document))
    return 0


def _canonical(name: str) -> str:
    """The kind in its own spelling: people write `component` as readily as `Component`."""
    from gitrel.repo.schema import KINDS

    known: dict[str, str] = {kind.lower(): kind for kind in KINDS}
    return known.get(name.lower()) or pick("kind", name, {kind: kind for kind in known.values()})


def _listing(schemas: dict[str, dict[str, Any]]) -> Listing:
    items: list[Item] = [{"kind": kind, "schema": schema} for kind, schema in schemas.items()]
    columns = (
        Column("KIND", lambda i: i["kind"]),
        Column("WHAT", lambda i: str(i["schema"].get("description", "")).split("\n")[0]),
    )
    return Listing("SchemaList", items, columns, lambda i: i["kind"], {})
