"""`drift` and `flags`: where environments differ from their siblings, and since which commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from gitrel.cli import lookup
from gitrel.cli.flags import AnyComponent, Headers, Output, Revision, ShowSecrets
from gitrel.cli.options import Verb, session_of
from gitrel.cli.output import Column, Item, Listing
from gitrel.cli.session import Session
from gitrel.clock import format_instant
from gitrel.config.settings import DEFAULT
from gitrel.repo import layout
from gitrel.repo.model import Catalog, Value
from gitrel.repo.siblings import Difference, Setting, differences, flags

if TYPE_CHECKING:
    from gitrel.repo.git.since import Histories

app = typer.Typer(rich_markup_mode=None)
NOTHING = "(not set)"

Ask = Callable[[Setting], Item]


@app.command(cls=Verb, name="drift")
def drift(
    context: typer.Context,
    component: AnyComponent = None,
    *,
    revision: Revision = DEFAULT.revision,
    show_secrets: ShowSecrets = DEFAULT.show_secrets,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Show where environments differ from their siblings.

    Siblings are the environments of one role in which a component is. Told is each parameter and flag that
    is not as more than half of them have it, with the line that sets it and the commit that did. What differs
    everywhere, such as a zone, is not told, nor are encrypted values.
    """
    session = session_of(context)
    with _asking(session, revision, component) as (catalog, names, ask):
        items = [_difference(one, ask, show_secrets) for one in differences(catalog, names)]
    columns = (
        Column("COMPONENT", lambda i: i["component"]),
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("KIND", lambda i: i["kind"], wide=True),
        Column("NAME", lambda i: i["name"]),
        Column("VALUE", lambda i: _text(i, "value"), style=lambda i: "yellow"),
        Column("SIBLINGS", lambda i: f"{_text(i, 'usual')} ({i['agree']} of {i['siblings']})"),
        *_history_columns(),
    )
    session.show(output, Listing("DriftList", items, columns, _name, {}), headers=headers)
    if not items:
        session.note("no environment differs from its siblings")
    return 0


@app.command(cls=Verb, name="flags")
def list_flags(
    context: typer.Context,
    component: AnyComponent = None,
    *,
    revision: Revision = DEFAULT.revision,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Show feature flags, and the commit that turned each on.

    Per component and environment: the flag's value, the line that decides it, and since when it is so.
    """
    session = session_of(context)
    with _asking(session, revision, component) as (catalog, names, ask):
        items = [ask(setting) for setting in flags(catalog, names)]
    columns = (
        Column("COMPONENT", lambda i: i["component"]),
        Column("FLAG", lambda i: i["name"]),
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column(
            "VALUE",
            lambda i: "on" if i["value"] else "off",
            style=lambda i: "green" if i["value"] else "dim",
        ),
        *_history_columns(),
    )
    session.show(output, Listing("FlagList", items, columns, _name, {}), headers=headers)
    return 0


@contextmanager
def _asking(
    session: Session, revision: str | None, component: str | None
) -> Iterator[tuple[Catalog, Sequence[str], Ask]]:
    """The catalog, the components that are meant, and a function that tells all about one setting.

    It tells the setting's history too where there is one.
    """
    from gitrel.app import histories

    catalog = lookup.catalog(session.place(), revision, component)
    names = [lookup.component(catalog, component).name] if component else list(catalog.components)
    with histories(session.place(), revision) as found:
        yield catalog, names, lambda setting: _item(setting, found)


def _name(item: Item) -> str:
    return f"{item['component']}/{item['environment']}/{item['name']}"


def _history_columns() -> Sequence[Column]:
    """Which line decides, and who wrote it when."""
    return (
        Column("FROM", lambda i: i["origin"]),
        Column("SINCE", _since),
        Column("BY", lambda i: i["since"].get("by", ""), wide=True),
        Column("SUBJECT", lambda i: i["since"].get("subject", ""), wide=True),
    )


def _item(setting: Setting, found: Histories | None) -> Item:
    value = setting.value
    return {
        "component": setting.component,
        "environment": setting.environment,
        "kind": setting.kind,
        "name": setting.name,
        "value": value.value if value else None,
        "set": value is not None,
        "origin": str(value.origin) if value else "",
        "since": _history(setting, value, found) if value and found else {},
    }


def _history(setting: Setting, value: Value, found: Histories) -> Item:
    file = value.origin.file
    if file.endswith(f"/{layout.TYPES_FILE}"):
        return {}  # a default has no value of its own to follow
    is_document = file.startswith(f"{layout.ENVIRONMENTS}/") or file.endswith(f"/{layout.COMPONENT_FILE}")
    base = ("spec",) if is_document else ()
    since = found.since(file, (*base, f"{setting.kind}s", *setting.name.split(".")), value.value)
    if since.commit is None:
        return {"state": since.state}
    commit = since.commit
    return {
        "state": since.state,
        "commit": commit.id,
        "at": format_instant(commit.at),
        "by": str(commit.author),
        "subject": commit.message.partition("\n")[0],
    }


def _difference(found: Difference, ask: Ask, show_secrets: bool) -> Item:
    item = ask(found.setting)
    usual = found.usual.value
    shown = {
        "value": _shown(item["value"], item["name"], show_secrets),
        "usual": _shown(usual.value if usual else None, item["name"], show_secrets),
    }
    more = {
        "usualSet": usual is not None,
        "role": found.role,
        "agree": found.agree,
        "siblings": found.siblings,
    }
    return {**item, **shown, **more}


def _shown(value: Any, name: str, show_secrets: bool) -> Any:
    from gitrel.telemetry.masking import MASKER

    return value if show_secrets else MASKER.value(value, name.rpartition(".")[2])


def _text(item: Item, key: str) -> str:
    if not item["set" if key == "value" else "usualSet"]:
        return NOTHING
    value = item[key]
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _since(item: Item) -> str:
    since = item["since"]
    if "commit" in since:
        return f"{since['at'][:10]} {since['commit'][:8]}"
    return {"uncommitted": "not committed", "older": "long ago"}.get(since.get("state", ""), "")
