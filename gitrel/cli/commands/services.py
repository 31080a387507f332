"""`daemon`: the same reconciler, for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gitrel.cli.flags import Actor, AnyComponents, Cache, Remote
from gitrel.cli.options import Verb, duration, option, session_of
from gitrel.clock import SystemClock, format_instant
from gitrel.config.settings import DEFAULT
from gitrel.errors import GitrelError, UsageError
from gitrel.orchestrator.world import PassReport, Scope, World
from gitrel.rollout.drifting import drifting

if TYPE_CHECKING:
    from gitrel.daemon.loop import Daemon
    from gitrel.daemon.pulse import Pulse
    from gitrel.telemetry.metrics import Metrics

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def daemon(
    context: typer.Context,
    components: AnyComponents = None,
    *,
    poll: Annotated[timedelta, option("poll", parser=duration)] = DEFAULT.poll,
    listen: Annotated[str | None, option("daemon_listen")] = DEFAULT.daemon_listen,
    webhook_secret_file: Annotated[Path | None, option("webhook_secret_file")] = DEFAULT.webhook_secret_file,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
    cache: Cache = DEFAULT.cache,
) -> int:
    """Reconcile for ever.

    Tells everything as log lines on stderr. SIGTERM and Ctrl-C end it after the pass under way; SIGHUP makes
    it look at once, and so does a signed webhook. Nothing is lost when it dies: where every rollout stands
    is in the journal.
    """
    import structlog

    from gitrel.app import world as open_world
    from gitrel.cli.sources import git_options, reach
    from gitrel.daemon.loop import Bell, Daemon, stop_on_signals
    from gitrel.daemon.pulse import Pulse
    from gitrel.telemetry.metrics import Metrics
    from gitrel.telemetry.sinks import log_lines

    session = session_of(context)
    session.configure_logs("info")
    log = structlog.get_logger()
    pulse, metrics = Pulse(SystemClock()), Metrics()
    if session.adopt:
        raise UsageError("--adopt is a person's word for what stands there now: say it to `gitrel reconcile`")
    secret = read_secret(webhook_secret_file)
    if secret is not None and listen is None:
        raise UsageError("--webhook-secret-file needs --listen: nobody would hear the webhooks")

    bell = Bell()
    watching = replace(reach(session), watching=True, heard=bell.ring)

    git = git_options(session)
    with open_world(
        session.place(), actor=actor, remote=remote, git=git, reach=watching, cache=cache
    ) as world:
        world.events.subscribe(log_lines(log))
        world.events.subscribe(metrics.hear)
        scope = Scope(frozenset(components or ()))
        telling = Telling(world, pulse, metrics, log)
        runner = Daemon(
            world,
            scope,
            poll=poll,
            on_begin=pulse.begin,
            on_report=telling.passed,
            on_error=telling.failed,
        )
        stop_on_signals(runner)
        bell.answer(runner.wake)
        with listening(listen, pulse, metrics, runner, secret):
            log.info("daemon.started", repo=str(session.place()))
            runner.run()
        log.info("daemon.stopped")
    return 0


@dataclass(frozen=True, slots=True)
class Telling:
    """What the daemon says of each pass: to its log, its counters and its pulse."""

    world: World
    pulse: Pulse
    metrics: Metrics
    log: Any

    def passed(self, report: PassReport) -> None:
        self.metrics.passed(self.pulse.end())
        self._hear_of_remote()
        for name, rollout in report.rollouts.items():
            self.metrics.note_unwell(name, {env: one.until is None for env, one in rollout.unwell.items()})
            drifted = {env: len(drifting(rollout, env)) for env in rollout.drift}
            self.metrics.note_drift(name, {env: count for env, count in drifted.items() if count})
        for environment, troubles in self.world.clusters.watch_troubles():
            self.metrics.note_watches(environment, troubles)
        wake_at = format_instant(report.wake_at) if report.wake_at else ""
        self.log.debug("pass.done", commit=report.commit, wake_at=wake_at, actions=len(report.outcomes))
        for problem in report.problems:
            self.log.warning("repository.problem", problem=str(problem))

    def failed(self, error: GitrelError) -> None:
        self.metrics.failed(self.pulse.end())
        self._hear_of_remote()
        self.log.error("pass.failed", error=str(error), exit_code=error.exit_code)

    def _hear_of_remote(self) -> None:
        self.pulse.heard = self.world.heard()
        self.metrics.note_heard(self.world.proposals.base if self.world.proposals else "", self.pulse.heard)


@contextmanager
def listening(
    address: str | None, pulse: Pulse, metrics: Metrics, daemon: Daemon, secret: bytes | None
) -> Iterator[None]:
    """The HTTP face for as long as the block lasts; nothing at all without an address."""
    if address is None:
        yield
        return
    from gitrel.daemon.http import Face, application

    with Face(application(pulse, metrics, daemon.wake, secret), address):
        yield


def read_secret(path: Path | None) -> bytes | None:
    """The secret without the line end that editors leave. Raises UsageError; the content is never told."""
    if path is None:
        return None
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"--webhook-secret-file {path}: cannot be read: {error.strerror}") from None
    if not secret:
        raise UsageError(f"--webhook-secret-file {path}: the file is empty: put the webhook's secret in it")
    return secret
