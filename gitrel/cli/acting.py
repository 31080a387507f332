"""What verbs that act share: a world with a display, waiting on the real clock, and how a pass is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from gitrel.cli.output import PHASE_STYLE, Column, Format, Item, Listing
from gitrel.cli.progress import Display, display
from gitrel.cli.session import Session
from gitrel.clock import format_instant
from gitrel.errors import GateClosed, InvalidRepository, RolloutFailed, Unreachable
from gitrel.events import Event
from gitrel.orchestrator.specs import ORPHANED
from gitrel.orchestrator.world import PassReport, Scope, World
from gitrel.telemetry.masking import MASKER
from gitrel.telemetry.text import clean

NAMED_MAX = 3
"""How many paths a note names before it counts the rest."""


@dataclass
class Work:
    """An open world, what is shown of it, and which rollouts ended badly since it was opened."""

    session: Session
    world: World
    shown: Display
    failed: list[Event] = field(default_factory=list)
    latest: PassReport | None = None
    changed: bool = False
    """Whether any pass changed an object in a cluster or moved a pointer."""

    def hear(self, event: Event) -> None:
        if event.kind == "rollout.failed":
            self.failed.append(event)
        if event.kind == "pointer.moved":
            self.changed = True

    def _passed(self, report: PassReport) -> None:
        self.latest = report
        self.changed |= any(
            count
            for outcome in report.outcomes
            for word, count in outcome.changes.items()
            if word in ("created", "configured", "recreated", "deleted")
        )
        self.shown.report(report)

    def reconcile(self, scope: Scope, wait: bool, timeout: timedelta | None) -> PassReport:
        """One pass, or as many as it takes until everything in scope is settled."""
        from gitrel.orchestrator.wait import reconcile_retrying, reconcile_until_done

        if not wait:
            report = reconcile_retrying(self.world, scope)
            self._passed(report)
            return report
        deadline = self.world.clock.now() + timeout if timeout else None
        return reconcile_until_done(self.world, scope, timeout, self._sleeper(deadline), self._passed)

    def _sleeper(self, deadline: datetime | None) -> Callable[[PassReport], None]:
        from gitrel.orchestrator.wait import POLL, RESTLESS, has_acted, next_look

        def sleep(report: PassReport) -> None:
            # What was just applied may be Current at once: somebody who waits should not wait for the poll.
            poll = RESTLESS if has_acted(report) else POLL
            due = next_look(report, self.world.clusters.connected(), poll)
            until = min(due, deadline) if deadline else due
            self.world.clusters.let_go()
            time.sleep(max((until - self.world.clock.now()).total_seconds(), 0))

        return sleep

    def exit_code(self, report: PassReport) -> int:
        """The worst of what this command met; a rollout that failed on another day is not its fault."""
        from gitrel.orchestrator.sets import is_stuck

        unreachable = set(report.unreachable)
        if self.failed or any(outcome.environment not in unreachable for outcome in report.errors):
            return RolloutFailed.exit_code
        if unreachable:
            return Unreachable.exit_code
        if any(is_stuck(rollout, report.rollouts) for rollout in report.rollouts.values()):
            return GateClosed.exit_code
        if any(problem.severity == "error" for problem in report.problems):
            return InvalidRepository.exit_code
        return 0


@contextmanager
def working(
    session: Session,
    *,
    actor: str | None = None,
    remote: str | None = None,
    accept_rewritten: bool = False,
    accept_unsigned: bool = False,
    cache: bool = True,
    adopt_objects: bool = False,
) -> Iterator[Work]:
    """Opens the world of the repository, with progress on stderr for as long as it is open."""
    from gitrel.app import world as open_world
    from gitrel.cli.sources import git_options, reach

    git = git_options(session, accept_rewritten=accept_rewritten, accept_unsigned=accept_unsigned)
    session.configure_logs()
    try:
        with (
            open_world(
                session.place(), actor=actor, remote=remote, git=git, reach=reach(session), cache=cache
            ) as world,
            display(session, world.clock) as shown,
        ):
            _tell_uncommitted(session)
            work = Work(session, replace(world, adopt_objects=adopt_objects), shown)
            world.events.subscribe(shown.event)
            world.events.subscribe(work.hear)
            if session.log_level in ("debug", "info"):
                world.events.subscribe(_to_log())
            try:
                yield work
            finally:
                # Also when time ran out or a rollout failed: that is when somebody looks at the job.
                if work.latest is not None:
                    session.job.tell_pass(work.latest, work.changed)
    except KeyboardInterrupt:
        session.note(
            "interrupted: the journal knows where everything stands, and the next pass goes on from there"
        )
        raise


def _tell_uncommitted(session: Session) -> None:
    """What is released is a commit: says so where the files on disk are not what it holds."""
    from gitrel.repo.git.uncommitted import uncommitted

    place = session.place()
    if session.quiet or not isinstance(place, Path) or session.branch or not (paths := uncommitted(place)):
        return
    named = ", ".join(paths[:NAMED_MAX]) + (
        f" and {len(paths) - NAMED_MAX} more" if paths[NAMED_MAX:] else ""
    )
    session.note(session.err.paint(clean(f"not committed, so not released: {named}"), "yellow"))


@dataclass(frozen=True, slots=True)
class Way:
    """How a verb acts and tells: what its flags that every acting verb has were given as."""

    actor: str | None
    remote: str | None
    accept_rewritten: bool
    accept_unsigned: bool
    wait: bool
    timeout: timedelta | None
    output: Format | None
    headers: bool
    cache: bool = True
    adopt_objects: bool = False

    def working(self, session: Session) -> AbstractContextManager[Work]:
        return working(
            session,
            actor=self.actor,
            remote=self.remote,
            accept_rewritten=self.accept_rewritten,
            accept_unsigned=self.accept_unsigned,
            cache=self.cache,
            adopt_objects=self.adopt_objects,
        )


def _to_log() -> Callable[[Event], None]:
    import structlog

    from gitrel.telemetry.sinks import log_lines

    return log_lines(structlog.get_logger())


def tell_troubles(session: Session, report: PassReport) -> None:
    """What went wrong in a pass, on stderr, one line each; never hidden by --quiet."""
    lines = [str(problem) for problem in report.problems]
    lines += [f"{name}: cluster unreachable: {why}" for name, why in sorted(report.unreachable.items())]
    lines += [f"{outcome.component} in {outcome.environment}: {outcome.error}" for outcome in report.errors]
    for line in lines:
        session.err.line(session.err.paint(clean(MASKER.text(line)), "red"))
    for outcome in report.waiting:
        told = f"{outcome.component} in {outcome.environment} is on its way: {outcome.waiting}"
        session.err.line(session.err.paint(clean(MASKER.text(told)), "yellow"))
    for name in report.orphaned:
        session.err.line(session.err.paint(clean(f"{name}: {ORPHANED}"), "yellow"))


def pass_listing(report: PassReport) -> Listing:
    """A pass as one row per component."""
    items: list[Item] = [
        {
            "component": name,
            "number": rollout.number,
            "version": rollout.version,
            "status": rollout.status,
            "because": report.because.get(name, ""),
            "environments": {e: p.phase.value for e, p in rollout.environments.items()},
        }
        for name, rollout in report.rollouts.items()
    ]
    columns = (
        Column("COMPONENT", lambda i: i["component"]),
        Column("STATUS", lambda i: i["status"], style=lambda i: PHASE_STYLE.get(i["status"], "")),
        Column("VERSION", lambda i: i["version"]),
        Column("ROLLOUT", lambda i: str(i["number"]), wide=True),
        Column("BECAUSE", lambda i: i["because"]),
    )
    head = {
        "at": format_instant(report.at),
        "commit": report.commit,
        "wakeAt": format_instant(report.wake_at) if report.wake_at else None,
        "unreachable": dict(report.unreachable),
        "outcomes": [
            {
                "component": o.component,
                "environment": o.environment,
                "action": type(o.action).__name__,
                "changes": dict(o.changes),
                "error": o.error,
                "waiting": o.waiting,
            }
            for o in report.outcomes
        ],
        "problems": [str(problem) for problem in report.problems],
        "orphaned": list(report.orphaned),
    }
    return Listing("PassReport", items, columns, lambda i: f"component/{i['component']}", head)
