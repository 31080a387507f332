"""`reconcile`, `promote` and `rollback`: the verbs that change clusters and move pointers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from gitrel.cli.acting import Work, pass_listing, tell_troubles, working
from gitrel.cli.options import Verb, duration, option, session_of
from gitrel.cli.output import Format
from gitrel.config.settings import DEFAULT
from gitrel.errors import UsageError
from gitrel.orchestrator.world import Scope
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.orchestrator.commands import CommandResult

app = typer.Typer(rich_markup_mode=None)

Reason = Annotated[str, option("reason")]
Wait = Annotated[bool, option("wait")]
Timeout = Annotated[timedelta | None, option("timeout", parser=duration)]
Actor = Annotated[str | None, option("actor")]
Remote = Annotated[str | None, option("remote")]
AcceptRewritten = Annotated[bool, option("accept_rewritten")]
AcceptUnsigned = Annotated[bool, option("accept_unsigned")]
Output = Annotated[Format | None, option("output")]
Headers = Annotated[bool, option("headers")]


@app.command(cls=Verb)
def reconcile(
    context: typer.Context,
    components: Annotated[list[str] | None, typer.Argument(metavar="COMPONENT")] = None,
    *,
    wait: Wait = DEFAULT.wait,
    timeout: Timeout = DEFAULT.timeout,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
    accept_rewritten: AcceptRewritten = DEFAULT.accept_rewritten,
    accept_unsigned: AcceptUnsigned = DEFAULT.accept_unsigned,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """One pass: read, decide, act, record.

    With --wait, as many passes as it takes until the rollouts are done. Without components, all of them.
    An interrupted wait loses nothing: the journal knows where every rollout stands.
    """
    _timeout_needs_wait(context, wait)
    session = session_of(context)
    with working(session, actor=actor, remote=remote) as work:
        scope = Scope(frozenset(components or ()))
        _known(work, scope)
        report = work.reconcile(scope, wait, timeout)
    tell_troubles(session, report)
    session.show(output, pass_listing(report), headers=headers)
    return work.exit_code(report)


@app.command(cls=Verb)
def promote(
    context: typer.Context,
    component: Annotated[str, typer.Argument(metavar="COMPONENT")],
    version: Annotated[str, typer.Argument(metavar="VERSION")],
    *,
    to: Annotated[str | None, option("promote_to")] = DEFAULT.promote_to,
    reason: Reason = DEFAULT.reason,
    wait: Wait = DEFAULT.wait,
    timeout: Timeout = DEFAULT.timeout,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
    accept_rewritten: AcceptRewritten = DEFAULT.accept_rewritten,
    accept_unsigned: AcceptUnsigned = DEFAULT.accept_unsigned,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Start the rollout of a version.

    It goes from environment to environment in the order of the waves, each as soon as the schedule allows;
    this command makes the first pass. Later ones are made by the daemon, by `gitrel reconcile`, or here
    with --wait.
    """
    from gitrel.orchestrator import commands

    _timeout_needs_wait(context, wait)

    def command(work: Work) -> CommandResult:
        return commands.promote(work.world, component, version, to, reason=reason)

    return _command(context, component, command, wait, timeout, actor, remote, output, headers)


@app.command(cls=Verb)
def rollback(
    context: typer.Context,
    component: Annotated[str, typer.Argument(metavar="COMPONENT")],
    *,
    to: Annotated[str | None, option("rollback_to")] = DEFAULT.rollback_to,
    env: Annotated[str | None, option("rollback_env")] = DEFAULT.rollback_env,
    reason: Reason = DEFAULT.reason,
    wait: Wait = DEFAULT.wait,
    timeout: Timeout = DEFAULT.timeout,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
    accept_rewritten: AcceptRewritten = DEFAULT.accept_rewritten,
    accept_unsigned: AcceptUnsigned = DEFAULT.accept_unsigned,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Go back to an earlier version.

    By a commit that points back to it, so that Git never disagrees with what runs; at once, without soaking
    on the way.
    """
    from gitrel.orchestrator import commands

    _timeout_needs_wait(context, wait)

    def command(work: Work) -> CommandResult:
        return commands.rollback(work.world, component, to, env, reason=reason)

    return _command(context, component, command, wait, timeout, actor, remote, output, headers)


def _command(
    context: typer.Context,
    component: str,
    command: Callable[[Work], CommandResult],
    wait: bool,
    timeout: timedelta | None,
    actor: str | None,
    remote: str | None,
    output: Format | None,
    headers: bool,
) -> int:
    """Records a command in the journal and makes the passes that were asked for."""
    session = session_of(context)
    with working(session, actor=actor, remote=remote) as work:
        result = command(work)
        session.note(clean(result.message))
        report = work.reconcile(Scope(frozenset((component,))), wait, timeout)
    tell_troubles(session, report)
    session.show(output, pass_listing(report), headers=headers)
    return work.exit_code(report)


def _known(work: Work, scope: Scope) -> None:
    """Refuses components that do not exist, instead of doing nothing about them."""
    if scope.components:
        from gitrel.cli import lookup

        catalog, _ = work.world.source.catalog(work.world.source.head())
        for name in sorted(scope.components):
            lookup.component(catalog, name)


def _timeout_needs_wait(context: typer.Context, wait: bool) -> None:
    source = context.get_parameter_source("timeout")
    if not wait and source is not None and source.name == "COMMANDLINE":
        raise UsageError("--timeout limits --wait: give both, or neither")
