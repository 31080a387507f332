"""`reconcile`, `promote` and `rollback`: the verbs that change clusters and move pointers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitrel.cli.acting import Way, Work, pass_listing, tell_troubles
from gitrel.cli.flags import (
    AcceptRewritten,
    AcceptUnsigned,
    Actor,
    AnyComponents,
    Cache,
    ForgeUrl,
    Headers,
    Output,
    Reason,
    Remote,
    Timeout,
    Wait,
    WhichForge,
)
from gitrel.cli.options import Verb, argument, option, session_of
from gitrel.config.settings import DEFAULT
from gitrel.errors import UsageError
from gitrel.orchestrator.world import Scope
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.orchestrator.commands import CommandResult

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def reconcile(
    context: typer.Context,
    components: AnyComponents = None,
    *,
    wait: Wait = DEFAULT.wait,
    timeout: Timeout = DEFAULT.timeout,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
    accept_rewritten: AcceptRewritten = DEFAULT.accept_rewritten,
    accept_unsigned: AcceptUnsigned = DEFAULT.accept_unsigned,
    cache: Cache = DEFAULT.cache,
    adopt_objects: Annotated[bool, option("adopt_objects")] = DEFAULT.adopt_objects,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """One pass: read, decide, act, record.

    With --wait, as many passes as it takes until the rollouts are done. Without components, all of them.
    An interrupted wait loses nothing: the journal knows where every rollout stands.
    """
    _timeout_needs_wait(context, wait)
    session = session_of(context)
    way = Way(
        actor,
        remote,
        accept_rewritten,
        accept_unsigned,
        wait,
        timeout,
        output,
        headers,
        cache=cache,
        adopt_objects=adopt_objects,
    )
    with way.working(session) as work:
        scope = Scope(frozenset(components or ()))
        _known(work, scope)
        report = work.reconcile(scope, wait, timeout)
    tell_troubles(session, report)
    session.show(output, pass_listing(report), headers=headers)
    return work.exit_code(report)


@app.command(cls=Verb)
def promote(
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        argument(
            "COMPONENT VERSION",
            "What to promote: a component and its version, or several as COMPONENT=VERSION.",
        ),
    ] = None,
    *,
    to: Annotated[str | None, option("promote_to")] = DEFAULT.promote_to,
    release_set: Annotated[Path | None, option("release_set")] = DEFAULT.release_set,
    pull_request: Annotated[bool, option("pull_request")] = DEFAULT.pull_request,
    forge: WhichForge = DEFAULT.forge,
    forge_url: ForgeUrl = DEFAULT.forge_url,
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
    with --wait. Several components, as `frontend=v2 worker=v3` or in a file, are recorded in one step, or
    none is, and go on in step: an environment starts when all of them have passed the earlier waves.
    """
    from gitrel.cli.proposing import show_proposal
    from gitrel.cli.wanted import versions_wanted
    from gitrel.orchestrator import commands

    _timeout_needs_wait(context, wait)
    versions = versions_wanted(what or (), release_set)
    way = Way(actor, remote, accept_rewritten, accept_unsigned, wait, timeout, output, headers)
    if pull_request:
        return show_proposal(session_of(context), way, versions, to, reason, forge.value, forge_url)

    def command(work: Work) -> Sequence[CommandResult]:
        return commands.promote_set(work.world, versions, to, reason=reason)

    return _command(context, versions, command, way)


@app.command(cls=Verb)
def rollback(
    context: typer.Context,
    component: Annotated[str, argument("COMPONENT", "The component to take back.")],
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
    way = Way(actor, remote, accept_rewritten, accept_unsigned, wait, timeout, output, headers)

    def command(work: Work) -> Sequence[CommandResult]:
        return (commands.rollback(work.world, component, to, env, reason=reason),)

    return _command(context, [component], command, way)


def _command(
    context: typer.Context,
    components: Iterable[str],
    command: Callable[[Work], Sequence[CommandResult]],
    way: Way,
) -> int:
    """Records a command in the journal and makes the passes that were asked for."""
    session = session_of(context)
    with way.working(session) as work:
        for result in command(work):
            session.note(clean(result.message))
        report = work.reconcile(Scope(frozenset(components)), way.wait, way.timeout)
    tell_troubles(session, report)
    session.show(way.output, pass_listing(report), headers=way.headers)
    return work.exit_code(report)


def _known(work: Work, scope: Scope) -> None:
    """Refuses components that do not exist, instead of doing nothing about them."""
    if scope.components:
        from gitrel.cli import lookup
        from gitrel.repo.check import blocking

        catalog, problems = work.world.source.catalog(work.world.source.head())
        lookup.refuse_errors(blocking(problems))
        for name in sorted(scope.components):
            lookup.component(catalog, name)


def _timeout_needs_wait(context: typer.Context, wait: bool) -> None:
    source = context.get_parameter_source("timeout")
    if not wait and source is not None and source.name == "COMMANDLINE":
        raise UsageError("--timeout limits --wait: give both, or neither")
