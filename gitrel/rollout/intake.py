"""What Git says, taken into the record: which environment is to reach which release, and on whose word.

Two words exist. A promotion asks for its version in the environments of its scope. The repository asks,
environment by environment, for what its pointer gives; that differs from what is in force when a person
moved a pointer, edited a parameter, or fixed a released directory. Both are paced by the same gates.

Nothing starts here. Taking the same repository in again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gitrel.rollout.facts import (
    OPEN,
    PROMOTING,
    has_passed,
    in_wave_order,
    is_promoted,
    is_proven,
    owes_move,
    promoted_release,
    same,
    with_progress,
    without_progress,
)
from gitrel.rollout.look import Look
from gitrel.rollout.parts import parts
from gitrel.rollout.seen import Release, Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import ACTIVE, IN_FLIGHT, WAITING, EnvironmentProgress, Phase, Rollout
from gitrel.rollout.transitions import queued

STOPPED = frozenset({Phase.FAILED, Phase.ROLLED_BACK, Phase.SUPERSEDED})


def take_in(spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], now: datetime) -> Rollout:
    """The record after one look at the repository and at who answers."""
    before = rollout = _forget_leavers(spec, rollout)
    found = Look.at(seen).once(parts, spec, rollout, now)
    if not found.restless:
        return rollout
    for name in spec.environments:
        if rollout is before and name in found.calm:
            continue  # it would stay as it is
        sight = seen.get(name)
        if sight is None:
            continue
        rollout = _note(rollout, sight, now)
        if rollout.version and rollout.status in PROMOTING and name in rollout.scope:
            rollout = _follow_promotion(spec, rollout, sight, now)
        else:
            rollout = _follow_repository(spec, rollout, sight, now)
    return rollout


def _forget_leavers(spec: RolloutSpec, rollout: Rollout) -> Rollout:
    """Environments that left the pipeline are no longer waited for; what runs there is left alone."""
    known = spec.environments
    if rollout.scope == known or frozenset(known).issuperset(rollout.scope):
        return rollout
    return replace(rollout, scope=tuple(name for name in rollout.scope if name in known))


def _note(rollout: Rollout, sight: Seen, now: datetime) -> Rollout:
    """Records what later steps rest on: contact, the pointer's arrival, the lowest restart count."""
    progress = rollout.environments.get(sight.environment)
    if progress is None:
        return rollout
    in_force = rollout.in_force.get(sight.environment)
    noted = progress
    if sight.pointer and in_force and sight.pointer.version == in_force.version != progress.pointer:
        noted = replace(noted, pointer=in_force.version)
    if progress.phase in IN_FLIGHT:
        if not sight.reachable and progress.contact is not None:
            noted = replace(noted, contact=None)
        elif sight.reachable and progress.contact is None:
            noted = replace(noted, contact=now)
        health = sight.health if sight.applied == progress.target.digest else None
        if progress.ready and health is not None and health.restarts < noted.restarts:
            noted = replace(noted, restarts=health.restarts)
    return rollout if noted is progress else with_progress(rollout, noted)


# ── The promotion's word ────────────────────────────────────────────────────────────────────────────────


def _follow_promotion(spec: RolloutSpec, rollout: Rollout, sight: Seen, now: datetime) -> Rollout:
    progress = rollout.environments.get(sight.environment)
    if progress is not None and is_promoted(rollout, progress):
        if progress.phase in WAITING:
            return _follow_before_start(spec, rollout, progress, sight, now)
        return _follow_after_start(spec, rollout, progress, sight, now)
    release = promoted_release(rollout, sight)
    if release is not None and has_passed(rollout, sight.environment, release):
        # Nothing is to be done for the promotion; where a person has moved on, it follows them from now on.
        if sight.pointer and sight.pointer.version != rollout.version and not owes_move(rollout, sight):
            rollout = _without(rollout, sight.environment)
        return _follow_repository(spec, rollout, sight, now)
    if release is None or (progress is not None and _is_by_hand(rollout, progress)):
        return _follow_repository(spec, rollout, sight, now)
    return queued(rollout, sight, release, now, promoted=True)


def _is_by_hand(rollout: Rollout, progress: EnvironmentProgress) -> bool:
    """Whether a person's change keeps the promotion out: while it goes on, where it failed, and for good
    where it moved the pointer, since that is a later word than the promotion's."""
    if progress.phase in ACTIVE:
        return True
    if progress.rollout != rollout.number:
        return False
    return progress.phase in (Phase.FAILED, Phase.ROLLED_BACK) or progress.change in ("version", "undo")


def _without(rollout: Rollout, environment: str) -> Rollout:
    return replace(rollout, scope=tuple(name for name in rollout.scope if name != environment))


def _follow_before_start(
    spec: RolloutSpec, rollout: Rollout, progress: EnvironmentProgress, sight: Seen, now: datetime
) -> Rollout:
    """Takes a new digest silently; a change of what runs here today goes first, the promotion after it."""
    if _changed_meanwhile(rollout, progress, sight):
        return _follow_repository(spec, rollout, sight, now)
    release = promoted_release(rollout, sight)
    if release is None or same(release, progress.target):
        return rollout
    return queued(rollout, sight, release, now, promoted=True, because=progress.because)


def _changed_meanwhile(rollout: Rollout, progress: EnvironmentProgress, sight: Seen) -> bool:
    """Whether a person changed what runs here while the promotion is still on its way.

    A feature flag that is turned off must not wait for weeks. A pointer that was elsewhere when the
    promotion was asked for is not news.
    """
    in_force, pointer = rollout.in_force.get(sight.environment), sight.pointer
    if in_force is None or pointer is None or same(pointer, in_force) or pointer.version == rollout.version:
        return False
    if pointer.digest in rollout.rejected or owes_move(rollout, sight):
        return False
    return pointer.version == in_force.version or pointer.version != progress.pointer


def _follow_after_start(
    spec: RolloutSpec, rollout: Rollout, progress: EnvironmentProgress, sight: Seen, now: datetime
) -> Rollout:
    """Paces a changed digest again; takes a pointer that was moved away as a person's last word."""
    pointer = sight.pointer
    release = promoted_release(rollout, sight)
    if progress.phase is Phase.ROLLED_BACK:
        # It went back because of another environment, which is being retried: it goes along again.
        if release is None or release.digest in rollout.rejected or owes_move(rollout, sight):
            return rollout
        return queued(rollout, sight, release, now, promoted=True)
    if pointer and pointer.version != rollout.version and not owes_move(rollout, sight):
        return _follow_repository(spec, _leave(rollout, progress, sight, now), sight, now)
    if release is None or same(release, progress.target):
        return rollout
    rollout = queued(rollout, sight, release, now, promoted=True)
    if progress.phase is Phase.FAILED and rollout.status == "failed":
        rollout = replace(rollout, status="running", because="", since=now)
    return rollout


def _leave(rollout: Rollout, progress: EnvironmentProgress, sight: Seen, now: datetime) -> Rollout:
    """The environment follows the repository from now on.

    Taking a promoted version off by hand, before it passed or back to what ran before, says that it is
    bad: the promotion is over, rather than going on elsewhere as if nothing had happened.
    """
    name, target = progress.environment, progress.target
    rollout = _without(rollout, name)
    if progress.phase is Phase.PASSED and not is_proven(rollout, name, sight.pointer):
        return rollout
    why = f"the pointer of {name} was moved off {target.version} by hand"
    return replace(
        rollout, status="failed", because=why, since=now, rejected={**rollout.rejected, target.digest: why}
    )


# ── The repository's word ───────────────────────────────────────────────────────────────────────────────


def _follow_repository(spec: RolloutSpec, rollout: Rollout, sight: Seen, now: datetime) -> Rollout:
    name, pointer = sight.environment, sight.pointer
    progress, in_force = rollout.environments.get(name), rollout.in_force.get(name)
    if pointer is None or same(pointer, in_force):
        return _take_back(rollout, progress, in_force, sight, now)
    if owes_move(rollout, sight) or _is_known(rollout, progress, pointer):
        return rollout
    rollout = _opened(rollout, now)
    if progress is not None and progress.phase in WAITING and same(progress.target, pointer):
        rollout = with_progress(rollout, replace(progress, rollout=rollout.number))
    else:
        rollout = queued(rollout, sight, pointer, now, promoted=False)
    if rollout.version or name in rollout.scope:
        return rollout
    return replace(rollout, scope=in_wave_order(spec, (*rollout.scope, name)))


def _is_known(rollout: Rollout, progress: EnvironmentProgress | None, pointer: Release) -> bool:
    """Whether this very release is waiting already, or was stopped here and is not to start by itself."""
    if progress is None or not same(progress.target, pointer):
        return False
    if progress.phase in WAITING:
        # What a dead rollout left waiting joins the next one that opens, and does not open one.
        return progress.rollout == rollout.number or rollout.status not in OPEN
    return progress.phase in STOPPED and progress.pointer == pointer.version


def _take_back(
    rollout: Rollout,
    progress: EnvironmentProgress | None,
    in_force: Release | None,
    sight: Seen,
    now: datetime,
) -> Rollout:
    """A change that disappeared again drops out; one that was on trial before is tried again."""
    if progress is None:
        return rollout
    if progress.phase is Phase.SUPERSEDED and not same(progress.target, in_force):
        return without_progress(rollout, progress.environment)
    if progress.phase not in WAITING:
        return rollout
    if in_force is None or is_proven(rollout, progress.environment, in_force) or sight.pointer is None:
        scope = rollout.scope
        if not rollout.version:
            scope = tuple(name for name in scope if name != progress.environment)
        return without_progress(rollout, progress.environment, scope=scope)
    if same(progress.target, in_force):
        return rollout
    return queued(rollout, sight, in_force, now, promoted=False)


def _opened(rollout: Rollout, now: datetime) -> Rollout:
    """A rollout that the change can join: the one that is open, or the next."""
    if rollout.status in OPEN:
        return rollout
    return replace(
        rollout,
        number=rollout.number + 1,
        version="",
        status="running",
        scope=(),
        requested_at=now,
        requested_by="",
        reason="changed in the repository",
        because=f"follows rollout {rollout.number}: {rollout.because}" if rollout.status == "failed" else "",
        since=now,
    )
