"""`daemon`: the same reconciler, for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from gitrel.cli.options import Verb, duration, option, session_of
from gitrel.clock import format_instant
from gitrel.config.settings import DEFAULT
from gitrel.errors import GitrelError
from gitrel.orchestrator.world import PassReport, Scope

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def daemon(
    context: typer.Context,
    components: Annotated[list[str] | None, typer.Argument(metavar="COMPONENT")] = None,
    *,
    poll: Annotated[timedelta, option("poll", parser=duration)] = DEFAULT.poll,
    actor: Annotated[str | None, option("actor")] = DEFAULT.actor,
    remote: Annotated[str | None, option("remote")] = DEFAULT.remote,
) -> int:
    """Reconcile for ever.

    Tells everything as log lines on stderr. SIGTERM and Ctrl-C end it after the pass under way; SIGHUP makes
    it look at once. Nothing is lost when it dies: where every rollout stands is in the journal.
    """
    import structlog

    from gitrel.app import world as open_world
    from gitrel.cli.sources import git_options
    from gitrel.daemon.loop import Daemon, stop_on_signals
    from gitrel.telemetry.sinks import log_lines

    session = session_of(context)
    session.configure_logs("info")
    log = structlog.get_logger()

    def told(report: PassReport) -> None:
        wake_at = format_instant(report.wake_at) if report.wake_at else ""
        log.debug("pass.done", commit=report.commit, wake_at=wake_at, actions=len(report.outcomes))
        for problem in report.problems:
            log.warning("repository.problem", problem=str(problem))

    def failed(error: GitrelError) -> None:
        log.error("pass.failed", error=str(error), exit_code=error.exit_code)

    with open_world(session.place(), actor=actor, remote=remote, git=git_options(session)) as world:
        world.events.subscribe(log_lines(log))
        scope = Scope(frozenset(components or ()))
        runner = Daemon(world, scope, poll=poll, on_report=told, on_error=failed)
        stop_on_signals(runner)
        log.info("daemon.started", repo=str(session.place()))
        runner.run()
        log.info("daemon.stopped")
    return 0
