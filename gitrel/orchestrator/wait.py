"""Passes until there is nothing left to wait for: what `reconcile --wait`, the daemon and a rehearsal share.

The waiting itself is the caller's: it is handed the next instant and comes back when it is reached, or
earlier when something woke it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from gitrel.backends.backend import Backend
from gitrel.clock import format_duration
from gitrel.errors import NeedsPerson, TimedOut
from gitrel.orchestrator.contention import anew_on_conflict
from gitrel.orchestrator.reconcile import reconcile
from gitrel.orchestrator.sets import is_stuck
from gitrel.orchestrator.world import PassReport, Scope, World
from gitrel.rollout.actions import Apply
from gitrel.rollout.state import ACTIVE, IN_FLIGHT, WAITING

POLL = timedelta(seconds=10)
"""How long nobody looks at the repository and at clusters that cannot tell when they change."""
RESTLESS = timedelta(seconds=1)
"""The shortest time between two passes: a fleet that changes all the time is looked at once a second."""
REFUSED_FOR = timedelta(minutes=1)
"""How long a cluster has to say no in the same words before nobody waits for a yes any more."""


def settled(report: PassReport) -> bool:
    """Whether nothing is under way and nothing failed to be done: another pass would find no work.

    What was put right is looked at once more, so that nobody is told of drift that is gone.
    """
    if any(isinstance(one.action, Apply) and one.action.because == "drift" for one in report.outcomes):
        return False
    underway = any(
        progress.phase in ACTIVE
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
    return anew_on_conflict(lambda: reconcile(world, scope))


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
    refused_for: timedelta | None = REFUSED_FOR,
) -> PassReport:
    """Makes passes until everything in scope is settled.

    Raises `TimedOut` when `timeout` (None: none) has passed on the world's clock; the message says what was
    still under way. Raises `NeedsPerson` as soon as all that is left waits for somebody; what a cluster
    refuses counts so when it was refused in the same words for `refused_for` (None: never). The state is in
    the journal, so running again continues.
    """
    started = world.clock.now()
    refusals = Refusals()
    while True:
        report = reconcile_retrying(world, scope)
        on_report(report)
        if settled(report):
            return report
        if timeout is not None and report.at - started >= timeout:
            first = f"timed out after {format_duration(timeout)}, and nothing is lost; still under way:"
            raise TimedOut("\n".join((first, *still_underway(report))))
        refusals.note(report)
        lasting = refusals.lasting(report.at, refused_for)
        if sentences := for_people(report, lasting):
            raise NeedsPerson("\n".join(("waiting is of no use; somebody has to do something:", *sentences)))
        wait(report)


class Refusals:
    """Since when each cluster says no in the same words: a webhook that is being restarted says so once."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str, str], datetime] = {}

    def note(self, report: PassReport) -> None:
        now = {(one.component, one.environment, one.error) for one in report.errors if not one.mendable}
        self._since = {key: self._since.get(key, report.at) for key in now}

    def lasting(self, now: datetime, at_least: timedelta | None) -> frozenset[tuple[str, str]]:
        """(component, environment) of those that have lasted so long."""
        if at_least is None:
            return frozenset()
        return frozenset(key[:2] for key, since in self._since.items() if now - since >= at_least)


def for_people(report: PassReport, refused: Collection[tuple[str, str]]) -> tuple[str, ...]:
    """What waits for a person, one sentence each; empty while anything else may still go on by itself."""
    unsettled = ((one.component, one.environment) for one in report.errors)
    if report.unreachable or report.waiting or any(place not in refused for place in unsettled):
        return ()
    if any(_may_go_on(report, name, refused) for name in report.rollouts):
        return ()
    return (
        *(f"{name}: {one}" for name, waits in report.stuck.items() for one in waits),
        *(f"{one.component} in {one.environment}: {one.error}" for one in report.errors),
    )


def _may_go_on(report: PassReport, name: str, refused: Collection[tuple[str, str]]) -> bool:
    rollout = report.rollouts[name]
    flying = [one.environment for one in rollout.environments.values() if one.phase in IN_FLIGHT]
    if flying:
        return any((name, environment) not in refused for environment in flying)
    waits = any(progress.phase in WAITING for progress in rollout.environments.values())
    is_open = rollout.status in ("running", "paused") and not is_stuck(rollout, report.rollouts)
    return is_open and waits and name not in report.stuck
