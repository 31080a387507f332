"""`rollout …`: looking at rollouts, holding and ending them, and proving that none was rushed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from gitrel.cli import lookup
from gitrel.cli.acting import working
from gitrel.cli.flags import Actor, Headers, Output, Reason, Remote
from gitrel.cli.options import Verb, VerbGroup, argument, option, session_of
from gitrel.cli.output import Column, Format, Item, Listing
from gitrel.cli.rollouts import (
    entry_columns,
    entry_item,
    instant,
    progress_columns,
    progress_item,
    rollout_columns,
    rollout_item,
)
from gitrel.cli.session import Session
from gitrel.config.settings import DEFAULT
from gitrel.errors import RolloutFailed
from gitrel.orchestrator.world import World
from gitrel.rollout.state import EnvironmentProgress, Rollout
from gitrel.telemetry.masking import MASKER
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.orchestrator.commands import CommandResult

app = typer.Typer(
    cls=VerbGroup, rich_markup_mode=None, no_args_is_help=True, help="Look at a rollout, hold it, end it."
)

Component = Annotated[str, argument("COMPONENT", "Whose rollout.")]
AnyComponent = Annotated[str | None, argument("COMPONENT", "Whose rollouts; those of all if left out.")]
AnyEnvironment = Annotated[
    str | None, argument("ENVIRONMENT", "In which environment; in all of them if left out.")
]


@contextmanager
def _reading(session: Session, remote: str | None) -> Iterator[World]:
    from gitrel.cli.sources import looking_world

    with looking_world(session, remote) as world:
        yield world


@app.command(cls=Verb)
def status(
    context: typer.Context,
    component: AnyComponent = None,
    *,
    remote: Remote = DEFAULT.remote,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Show how far a rollout has come in each environment.

    As the journal has it, without asking any cluster. Without a component, all of them.
    """
    session = session_of(context)
    with _reading(session, remote) as world:
        records = _records(world, component)
        now = world.clock.now()
    items = [progress_item(record, p) for record in records for p in _in_order(record)]
    head = {"rollouts": [rollout_item(record) for record in records]}
    columns = progress_columns(now)
    session.show(
        output,
        Listing("RolloutStatus", items, columns, lambda i: f"{i['component']}/{i['environment']}", head),
        headers=headers,
    )
    return 0


@app.command("list", cls=Verb)
def list_(
    context: typer.Context,
    *,
    remote: Remote = DEFAULT.remote,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """List the newest rollout of every component."""
    session = session_of(context)
    with _reading(session, remote) as world:
        items = [rollout_item(record) for record in _records(world, None)]
        now = world.clock.now()
    listing = Listing("RolloutList", items, rollout_columns(now), lambda i: f"rollout/{i['component']}", {})
    session.show(output, listing, headers=headers)
    return 0


@app.command(cls=Verb)
def why(
    context: typer.Context,
    component: Component,
    environment: AnyEnvironment = None,
    *,
    remote: Remote = DEFAULT.remote,
    output: Annotated[Format | None, option("output", default_is="one sentence each")] = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Say why each environment is where it is, and until when."""
    from gitrel.orchestrator import overview

    session = session_of(context)
    with _reading(session, remote) as world:
        explanations = overview.why(world, component, environment)
    items: list[Item] = [
        {
            "environment": e.environment,
            "version": e.version,
            "target": e.target,
            "phase": e.phase.value if e.phase else "",
            "gate": e.gate,
            "sentence": e.sentence,
            "due": instant(e.due),
        }
        for e in explanations
    ]
    if output in (None, Format.TABLE):
        for item in items:
            session.out.line(clean(MASKER.text(item["sentence"])))
        return 0
    columns = (
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("PHASE", lambda i: i["phase"]),
        Column("GATE", lambda i: i["gate"]),
        Column("DUE", lambda i: i["due"] or ""),
        Column("WHY", lambda i: i["sentence"]),
    )
    listing = Listing("Explanation", items, columns, lambda i: f"{component}/{i['environment']}", {})
    session.show(output, listing, headers=headers)
    return 0


@app.command(cls=Verb)
def history(
    context: typer.Context,
    component: AnyComponent = None,
    *,
    limit: Annotated[int | None, option("limit", min=1)] = DEFAULT.limit,
    remote: Remote = DEFAULT.remote,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """List the journal: every decision and command, oldest first."""
    session = session_of(context)
    with _reading(session, remote) as world:
        _records(world, component)
        items = [entry_item(entry) for entry in deque(world.ledger.history(component), maxlen=limit)]
    listing = Listing("History", items, entry_columns(), lambda i: f"entry/{i['id'] or i['sequence']}", {})
    session.show(output, listing, headers=headers)
    return 0


@app.command(cls=Verb)
def verify(
    context: typer.Context,
    component: AnyComponent = None,
    *,
    remote: Remote = DEFAULT.remote,
    output: Annotated[Format | None, option("output", default_is="one sentence")] = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Check that the journal kept to the schedule.

    Takes every recorded step again and names the first one that the schedule would not have given. Ends with
    5 where there is one.
    """
    from gitrel.rollout.verify import verify as first_breach

    session = session_of(context)
    with _reading(session, remote) as world:
        _records(world, component)
        entries = list(world.ledger.history(component))
    breach = first_breach(entries)
    items: list[Item] = []
    if breach is not None:
        items = [{**entry_item(entries[breach.place]), "promise": breach.promise, "breach": breach.because}]
    if output in (None, Format.TABLE):
        looked_at = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
        sentence = str(breach) if breach else f"{looked_at}, and every step kept to the schedule"
        session.out.line(clean(MASKER.text(sentence)))
    else:
        columns = (
            *entry_columns()[:4],
            Column("PROMISE", lambda i: i["promise"]),
            Column("BREACH", lambda i: i["breach"]),
        )
        head = {"kept": breach is None, "entries": len(entries)}
        session.show(
            output,
            Listing("Verification", items, columns, lambda i: f"entry/{i['id']}", head),
            headers=headers,
        )
    return RolloutFailed.exit_code if breach else 0


ORDERS: Mapping[str, str] = {
    "pause": "Let nothing start any more; what has started is watched on.",
    "resume": "Go on where `pause` stopped.",
    "abort": "Stop for good, and leave everything as it is.",
}
"""What can be said of a whole rollout: the verb, a function of `orchestrator.commands`, and its help."""


def _offer(verb: str, help_text: str) -> None:
    def order(
        context: typer.Context,
        component: Component,
        *,
        reason: Reason = DEFAULT.reason,
        actor: Actor = DEFAULT.actor,
        remote: Remote = DEFAULT.remote,
    ) -> int:
        from gitrel.orchestrator import commands

        command = getattr(commands, verb)
        return _order(context, actor, remote, lambda world: command(world, component, reason=reason))

    app.command(verb, cls=Verb, help=help_text)(order)


for _verb, _help in ORDERS.items():
    _offer(_verb, _help)


@app.command(cls=Verb)
def retry(
    context: typer.Context,
    component: Component,
    environment: AnyEnvironment = None,
    *,
    reason: Reason = DEFAULT.reason,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
) -> int:
    """Try again what failed, in one environment or wherever something stopped."""
    from gitrel.orchestrator import commands

    return _order(
        context, actor, remote, lambda world: commands.retry(world, component, environment, reason=reason)
    )


def _order(
    context: typer.Context,
    actor: str | None,
    remote: str | None,
    command: Callable[[World], CommandResult],
) -> int:
    """Records one command in the journal; the next pass acts on it."""
    session = session_of(context)
    with working(session, actor=actor, remote=remote) as work:
        result = command(work.world)
    session.note(clean(MASKER.text(result.message)))
    return 0


def _records(world: World, component: str | None) -> list[Rollout]:
    """The journal's records, of one component or of all that the repository has, in the order of names."""
    _, records = world.ledger.load()
    catalog, _ = world.source.catalog(world.source.head())
    names = sorted({*catalog.components, *catalog.broken, *records})
    if component is not None:
        names = [lookup.pick("component", component, {name: name for name in names})]
    return [records.get(name) or Rollout(name) for name in names]


def _in_order(record: Rollout) -> Iterator[EnvironmentProgress]:
    """The environments of the newest rollout in the order of its waves, and then the others by name."""
    names = chain(record.scope, sorted(set(record.environments) - set(record.scope)))
    return (record.environments[name] for name in names if name in record.environments)
