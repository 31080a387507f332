"""What people may ask of a rollout, as pure functions from a record to the next one, or a refusal.

There is one of each: the command line, the webhook, the dashboard and the CI job all call these. None of
them skips a gate; `decide` does the work afterwards. A command that asks for what is already so gives the
record back unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from gitrel.rollout.facts import (
    OPEN,
    has_passed,
    in_wave_order,
    is_promoted,
    listing,
    promoted_release,
    release_of,
    same,
    with_progress,
    without_progress,
)
from gitrel.rollout.gates.predecessors import predecessors
from gitrel.rollout.gates.rejected import rejection_of
from gitrel.rollout.gates.verdict import Gate
from gitrel.rollout.gates.versions import versions
from gitrel.rollout.seen import Release, Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import ACTIVE, IN_FLIGHT, WAITING, EnvironmentProgress, Phase, Rollout, Status
from gitrel.rollout.transitions import enter_rolled_back, queued, reject

ALONE: Mapping[str, str] = MappingProxyType({})
"""The set of a promotion that is none."""


class Refusal(Exception):
    """The schedule says no. `gate` names the rule; `due` is when it can open, None where that is unknown."""

    def __init__(self, gate: str, because: str, due: datetime | None = None) -> None:
        super().__init__(because)
        self.gate = gate
        self.because = because
        self.due = due


def promote(
    spec: RolloutSpec,
    rollout: Rollout,
    seen: Mapping[str, Seen],
    version: str,
    to: str | None,
    actor: str,
    reason: str,
    now: datetime,
    together: Mapping[str, str] = ALONE,
) -> Rollout:
    """Starts a rollout of `version` to all environments, or to the one named by `to`.

    `seen` must hold the candidate of that version for every environment. A rollout of another version that
    is running is superseded: what it started goes on being watched, what it did not start is dropped.
    `together` is the whole set that is promoted with it, component → version. Raises Refusal; the gates are
    `scope`, `pause`, `candidate`, `rejected`, `predecessors`, `versions`.
    """
    scope = spec.environments if to is None else in_wave_order(spec, [to])
    if not scope:
        raise Refusal("scope", f"{to} is not in the pipeline of {spec.component}")
    if rollout.status == "paused":
        raise Refusal("pause", f"rollout {rollout.number}: {rollout.because}: resume it first")
    candidates = _candidates(seen, version, scope)
    if _is_running_already(rollout, version, scope, together):
        return rollout
    if all(has_passed(rollout, name, release) for name, release in candidates.items()):
        return rollout
    if (why := rejection_of(version, seen, spec, rollout)) is not None:
        raise Refusal("rejected", f"{version} was rejected: {why}: release a fix, or `retry`")
    started = replace(
        rollout,
        number=rollout.number + 1,
        version=version,
        status="running",
        scope=scope,
        requested_at=now,
        requested_by=actor,
        reason=reason,
        because=_superseding(rollout),
        since=now,
        together=together,
    )
    started = _take_over(started, rollout, now)
    for name, release in candidates.items():
        started = _queue(started, seen[name], release, now)
    _insist(spec, started, seen, now)
    return started


def _candidates(seen: Mapping[str, Seen], version: str, scope: tuple[str, ...]) -> dict[str, Release]:
    found = {name: release_of(version, seen[name]) for name in scope if name in seen}
    unknown = [name for name in scope if found.get(name) is None]
    if unknown:
        raise Refusal("candidate", f"{version} was not rendered for {listing(unknown)}")
    return {name: release for name, release in found.items() if release is not None}


def _is_running_already(
    rollout: Rollout, version: str, scope: tuple[str, ...], together: Mapping[str, str]
) -> bool:
    asked = version, scope, dict(together)
    return rollout.status == "running" and asked == (rollout.version, rollout.scope, dict(rollout.together))


def _superseding(rollout: Rollout) -> str:
    if rollout.status != "running":
        return ""
    what = rollout.version or "changes in the repository"
    return f"supersedes rollout {rollout.number} of {what}"


def _take_over(started: Rollout, old: Rollout, now: datetime) -> Rollout:
    """Drops what the old promotion has not started; changes made by hand stay asked for by the repository."""
    for progress in tuple(old.environments.values()):
        if progress.phase not in WAITING or progress.environment in started.scope:
            continue
        if is_promoted(old, progress):
            because = f"rollout {started.number} of {started.version} came first"
            gone = replace(progress, phase=Phase.SUPERSEDED, since=now, because=because)
            started = with_progress(started, gone)
    return started


def _queue(started: Rollout, sight: Seen, release: Release, now: datetime) -> Rollout:
    name = sight.environment
    progress = started.environments.get(name)
    if has_passed(started, name, release):
        return started
    if progress is not None and progress.phase in IN_FLIGHT and same(progress.target, release):
        return with_progress(started, replace(progress, rollout=started.number))
    return queued(started, sight, release, now, promoted=True)


def _insist(spec: RolloutSpec, started: Rollout, seen: Mapping[str, Seen], now: datetime) -> None:
    """Refuses at once what could not even begin: its first environment is behind a gate that people close."""
    gates: tuple[Gate, ...] = (predecessors, versions)
    found = (started.environments.get(name) for name in started.scope)
    mine = (one for one in found if one is not None and one.phase in WAITING and is_promoted(started, one))
    first = next(mine, None)
    if first is None:
        return
    for gate in gates:
        verdict = gate(seen, first, spec, started, now)
        if verdict.outcome == "closed" and not _waits_for_own_scope(started, first):
            raise Refusal(verdict.gate, f"{first.environment} {verdict.because}", verdict.due)


def _waits_for_own_scope(started: Rollout, first: EnvironmentProgress) -> bool:
    """An earlier environment of the same scope is under way already: that is waiting, not a refusal."""
    before = started.scope[: started.scope.index(first.environment)]
    phases = (started.environments.get(name) for name in before)
    return any(one is not None and one.phase in IN_FLIGHT for one in phases)


def rollback(
    spec: RolloutSpec,
    rollout: Rollout,
    seen: Mapping[str, Seen],
    to_version: str | None,
    environment: str | None,
    actor: str,
    reason: str,
    now: datetime,
) -> Rollout:
    """Puts back what has passed before, at once and without waves: to `to_version`, or one release back.

    Without `environment` it concerns what the latest rollout started, or with `to_version` everything that
    does not run that version and has. Whatever is left is rejected, so that nothing starts it again by
    itself. Raises Refusal (gate `proven`) where there is nothing to go back to.
    """
    if environment is not None and environment not in spec.environments:
        raise Refusal("scope", f"{environment} is not in the pipeline of {spec.component}")
    asked = [environment] if environment else _to_take_back(spec, rollout, to_version)
    targets = {name: _earlier_release(rollout, name, to_version) for name in asked}
    going = {name: release for name, release in targets.items() if release is not None}
    if not going:
        raise Refusal("proven", _nothing_to_go_back_to(rollout, asked, to_version))
    because = f"rolled back by {actor}" + (f": {reason}" if reason else "")
    for name, release in going.items():
        rollout = _put_back(rollout, seen.get(name), name, release, because, now)
    stuck = [name for name in asked if name not in going]
    kept = f"; {listing(stuck)} has nothing to go back to and stays" if stuck else ""
    return replace(rollout, status="rolled-back", because=because + kept, since=now)


def _nothing_to_go_back_to(rollout: Rollout, asked: list[str], to_version: str | None) -> str:
    if not rollout.in_force:
        return f"nothing of {rollout.component} runs anywhere yet"
    if not asked and to_version is not None:
        return f"{to_version} runs everywhere already"
    if not asked:
        return f"rollout {rollout.number} has nothing running that could go back: name --to or --env"
    what = f"{to_version} has never" if to_version else "no earlier release has"
    return f"{what} passed in {listing(asked)}"


def _to_take_back(spec: RolloutSpec, rollout: Rollout, to_version: str | None) -> list[str]:
    names = [name for name in spec.environments if name in rollout.in_force]
    if to_version is not None:
        return [name for name in names if rollout.in_force[name].version != to_version]
    return [name for name in names if _was_started(rollout, name)]


def _was_started(rollout: Rollout, environment: str) -> bool:
    progress = rollout.environments.get(environment)
    return (
        progress is not None
        and progress.rollout == rollout.number
        and progress.started is not None
        and progress.phase is not Phase.ROLLED_BACK
    )


def _earlier_release(rollout: Rollout, environment: str, version: str | None) -> Release | None:
    """The newest release that passed there and is not what runs, of `version` where one is named."""
    in_force = rollout.in_force.get(environment)
    for release in rollout.proven.get(environment, ()):
        if version in (None, release.version) and not same(release, in_force):
            return release
    return None


def _put_back(
    rollout: Rollout, sight: Seen | None, name: str, release: Release, because: str, now: datetime
) -> Rollout:
    left = rollout.in_force[name]
    pointer = sight.pointer.version if sight is not None and sight.pointer is not None else ""
    progress = rollout.environments.get(name)
    if progress is None or progress.phase in WAITING:
        progress = EnvironmentProgress(name, left, Phase.PASSED, now, rollout=rollout.number)
    rollout = reject(rollout, name, left, f"{name}: {because}")
    return enter_rolled_back(rollout, replace(progress, pointer=pointer), release, because, now)


def pause(rollout: Rollout, actor: str, reason: str, now: datetime) -> Rollout:
    """Nothing starts any more; what has started is watched on. Changes by hand wait as well."""
    if rollout.status == "paused":
        return rollout
    if rollout.status in ("failed", "rolled-back"):
        raise Refusal("status", f"rollout {rollout.number} is {rollout.status}: nothing starts anyway")
    return _told(rollout, "paused", "paused", actor, reason, now)


def resume(rollout: Rollout, actor: str, reason: str, now: datetime) -> Rollout:
    """Goes on where `pause` stopped."""
    if rollout.status == "running":
        return rollout
    if rollout.status != "paused":
        raise Refusal("status", f"rollout {rollout.number} is {rollout.status}, not paused")
    return _told(rollout, "running", "resumed", actor, reason, now)


def abort(rollout: Rollout, actor: str, reason: str, now: datetime) -> Rollout:
    """Stops for good and leaves everything as it is: what was started keeps running, unwatched."""
    if rollout.status not in (*OPEN, "failed"):
        raise Refusal("status", f"rollout {rollout.number} is {rollout.status}: there is nothing to abort")
    aborted = _told(rollout, "aborted", "aborted", actor, reason, now)
    for progress in tuple(rollout.environments.values()):
        if progress.phase in WAITING and is_promoted(rollout, progress):
            aborted = without_progress(aborted, progress.environment)
        elif progress.phase in ACTIVE:
            gone = replace(progress, phase=Phase.SUPERSEDED, since=now, because=aborted.because)
            aborted = with_progress(aborted, gone)
    return aborted


def retry(
    spec: RolloutSpec,
    rollout: Rollout,
    seen: Mapping[str, Seen],
    environment: str | None,
    actor: str,
    reason: str,
    now: datetime,
) -> Rollout:
    """Forgets a failure and goes again from the queue, in one environment or wherever something stopped.

    Raises Refusal (gate `failed`) where nothing failed, or where Git no longer asks for what did.
    """
    names = [environment] if environment else list(spec.environments)
    again = [name for name in names if _can_be_retried(rollout, seen.get(name))]
    forgotten = _rejections(rollout, seen, names)
    if not again and not forgotten:
        where = environment or spec.component
        raise Refusal("failed", f"nothing that failed in {where} is still asked for: promote it again")
    rejected = {digest: why for digest, why in rollout.rejected.items() if digest not in forgotten}
    rollout = replace(rollout, rejected=rejected)
    for name in again:
        rollout = _requeue(rollout, seen[name], now)
    return _told(rollout, "running", "retried", actor, reason, now)


def _rejections(rollout: Rollout, seen: Mapping[str, Seen], names: list[str]) -> frozenset[str]:
    """The rejected digests that somebody still asks for in `names`: a pointer, or the promotion."""
    asked = (seen[name] for name in names if name in seen)
    releases = (release for sight in asked for release in (sight.pointer, promoted_release(rollout, sight)))
    return frozenset(one.digest for one in releases if one is not None and one.digest in rollout.rejected)


def _can_be_retried(rollout: Rollout, sight: Seen | None) -> bool:
    progress = rollout.environments.get(sight.environment) if sight else None
    if sight is None or progress is None:
        return False
    if progress.phase not in (Phase.FAILED, Phase.ROLLED_BACK, Phase.SUPERSEDED):
        return False
    return (
        same(promoted_release(rollout, sight), progress.target) and is_promoted(rollout, progress)
    ) or same(sight.pointer, progress.target)


def _requeue(rollout: Rollout, sight: Seen, now: datetime) -> Rollout:
    progress = rollout.environments[sight.environment]
    fresh = EnvironmentProgress(
        environment=progress.environment,
        target=progress.target,
        phase=Phase.QUEUED,
        since=now,
        previous=progress.previous,
        rollout=rollout.number,
        change=progress.change,
        pointer=sight.pointer.version if sight.pointer else "",
    )
    return with_progress(rollout, fresh)


def _told(rollout: Rollout, status: Status, verb: str, actor: str, reason: str, now: datetime) -> Rollout:
    because = f"{verb} by {actor}" + (f": {reason}" if reason else "")
    return replace(rollout, status=status, because=because, since=now)
