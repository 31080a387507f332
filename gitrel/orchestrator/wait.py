"""Passes until there is nothing left to wait for: what `reconcile --wait`, the daemon and a rehearsal share.

The waiting itself is the caller's: it is handed the next instant and comes back when it is reached, or
earlier when something woke it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from gitrel.backends.backend import Backend
from gitrel.clock import format_duration
from gitrel.errors import Conflict, TimedOut
from gitrel.orchestrator.reconcile import reconcile
from gitrel.orchestrator.sets import is_stuck
from gitrel.orchestrator.world import PassReport, Scope, World
from gitrel.rollout.state import Phase

POLL = timedelta(seconds=10)
"""How long nobody looks at the repository and at clusters that cannot tell when they change."""
RESTLESS = timedelta(seconds=1)
"""The shortest time between two passes: a fleet that changes all the time is looked at once a second."""
WAITING = frozenset(
    (Phase.QUEUED, Phase.APPLYING, Phase.SETTLING, Phase.STEADYING, Phase.WATCHING, Phase.HELD)
)


def settled(report: PassReport) -> bool:
    """Whether nothing is under way and nothing failed to be done: another pass would find no work."""
    underway = any(
        progress.phase in WAITING
        for rollout in report.rollouts.values()
        if rollout.status in ("running", "paused") and not is_stuck(rollout, report.rollouts)
        for progress in rollout.environments.values()
    )
    return not underway and not report.errors and not report.waiting and not report.unreachable


def still_underway(report: PassReport) -> tuple[str, ...]:
    """What there is to wait for, one sentence each: rollouts, refusals, and clusters that do not answer."""
    running = (name for name, one in report.rollouts.items() if one.status in ("running", "paused"))
    return (
        *(f"{name}: {report.because.get(name)}" for name in running),
        *(f"{outcome.component} in {outcome.environment}: {outcome.error}" for outcome in report.errors),
        *(f"{outcome.component} in {outcome.environment}: {outcome.waiting}" for outcome in report.waiting),
        *(f"{name}: cluster unreachable: {why}" for name, why in report.unreachable.items()),
    )


def reconcile_retrying(world: World, scope: Scope | None = None) -> PassReport:
    """One pass; where another writer was first, the pass is made anew from what it wrote."""
    for attempt in Retrying(
        retry=retry_if_exception_type(Conflict),
        stop=stop_after_attempt(8),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    ):
        with attempt:
            return reconcile(world, scope)
    raise AssertionError("unreachable: tenacity re-raises the last Conflict")


def has_acted(report: PassReport) -> bool:
    """Whether something was done, so that there is news soon. What was refused will be refused again until
    somebody mends it, and what waits is waited for."""
    done = any(outcome.changes or not outcome.waiting for outcome in report.outcomes)
    return done and not report.errors


def next_look(report: PassReport, backends: Iterable[Backend], poll: timedelta) -> datetime:
    """When the next pass is due: the core's own timer, a cluster's next change, or the next poll.

    After something was done it is due at once, because what was applied may be well already.
    """
    dues = [report.at + (RESTLESS if has_acted(report) else poll)]
    if report.wake_at:
        dues.append(report.wake_at)
    dues += [due for backend in backends if (due := backend.next_change_due())]
    return max(min(dues), report.at + RESTLESS)


def reconcile_until_done(
    world: World,
    scope: Scope | None,
    timeout: timedelta | None,
    wait: Callable[[PassReport], None],
    on_report: Callable[[PassReport], None] = lambda report: None,
) -> PassReport:
    """Makes passes until everything in scope is settled.

    Raises `TimedOut` when `timeout` (None: none) has passed on the world's clock; the message says what was
    still under way. The state is in the journal, so running again continues.
    """
    started = world.clock.now()
    while True:
        report = reconcile_retrying(world, scope)
        on_report(report)
        if settled(report):
            return report
        if timeout is not None and report.at - started >= timeout:
            first = f"timed out after {format_duration(timeout)}, and nothing is lost; still under way:"
            raise TimedOut("\n".join((first, *still_underway(report))))
        wait(report)
