"""What became of a release after it passed: told, never decided on.

A rollout that has passed is not reopened when its pods begin to crash a week later: the release is proven,
and the cause is as likely a full disk as the code. But somebody has to hear of it, so the record notes since
when an environment is unwell and why, and when it was well again. All that tells people reads it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitrel.rollout.facts import count_of, same
from gitrel.rollout.look import Look
from gitrel.rollout.parts import parts
from gitrel.rollout.seen import Health, Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import IN_FLIGHT, Phase, Rollout, Unwell

WELL_AFTER = timedelta(minutes=10)
"""How long everything has to be Current again: twice the five minutes that a kubelet lets pass at most
between two restarts, so that the pause between two crashes is no recovery."""
_JUDGED = IN_FLIGHT | {Phase.FAILED}
"""Phases in which gates and people judge the release already."""


def cared(
    spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], now: datetime
) -> tuple[Rollout, list[datetime]]:
    """The record with who fell ill or recovered; the same record where nobody did. And when a recovery
    can be believed at the earliest."""
    unwell, dues = dict(rollout.unwell), []
    for name in Look.at(seen).once(parts, spec, rollout, now).restless:
        sight = seen.get(name)
        if sight is None or not has_news(spec, rollout, sight):
            continue
        if not _is_resting(rollout, sight):
            if _is_judged(rollout, name):
                unwell.pop(name, None)
            continue
        assert sight.health is not None
        entry = unwell.get(name)
        if entry is None or entry.until is not None:
            unwell[name] = Unwell(now, _trouble(spec, rollout, sight), sight.health.restarts)
        elif (due := _well_at(sight.health)) is not None and now >= due:
            unwell[name] = replace(entry, until=now, restarts=sight.health.restarts)
        elif due is not None:
            dues.append(due)
    return (rollout if unwell == rollout.unwell else replace(rollout, unwell=unwell)), dues


def has_news(spec: RolloutSpec, rollout: Rollout, sight: Seen) -> bool:
    """Whether the environment is unwell, or is in the record as such: nearly always neither."""
    entry, health = rollout.unwell.get(sight.environment), sight.health
    if entry is None and (health is None or (health.status == "current" and not health.restarts)):
        return False
    if entry is not None and (entry.until is None or _is_judged(rollout, sight.environment)):
        return True
    return bool(_trouble(spec, rollout, sight)) and _is_resting(rollout, sight)


def _is_judged(rollout: Rollout, environment: str) -> bool:
    progress = rollout.environments.get(environment)
    return progress is not None and progress.phase in _JUDGED


def _is_resting(rollout: Rollout, sight: Seen) -> bool:
    """Whether the cluster holds what is in force, and no gate looks at it any more."""
    in_force = rollout.in_force.get(sight.environment)
    if in_force is None or sight.health is None or sight.applied != in_force.digest:
        return False
    return not _is_judged(rollout, sight.environment)


def _trouble(spec: RolloutSpec, rollout: Rollout, sight: Seen) -> str:
    """What is wrong, empty where nothing is. A pod that is only being moved is no trouble."""
    health = sight.health
    if health is None:
        return ""
    if health.status == "failed":
        return health.because or "it failed"
    progress, entry = rollout.environments.get(sight.environment), rollout.unwell.get(sight.environment)
    if entry is not None:
        counted = entry.restarts
    elif progress is not None and same(progress.target, rollout.in_force.get(sight.environment)):
        counted = progress.restarts
    else:
        return ""
    more = health.restarts - counted
    return f"{count_of(more, 'container restart')} since it was well" if more > spec.max_restarts else ""


def _well_at(health: Health) -> datetime | None:
    return health.since + WELL_AFTER if health.status == "current" and health.since is not None else None
