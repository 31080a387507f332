"""What drifted, and when it is put right: at once the first time, then with patience, and not for ever.

An object that drifts again soon after it was put right waits longer each time. One that was put right
`FIGHT` times within `WINDOW` and drifts once more is fought over: somebody else insists, and two controllers
that overwrite each other are worse than either. It is named and left alone until it holds by itself, or until
another release comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitrel.clock import format_second
from gitrel.rollout.facts import count_of
from gitrel.rollout.look import Look
from gitrel.rollout.parts import parts
from gitrel.rollout.seen import Drifted, Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Drifting, Rollout

FIGHT = 5
WINDOW = timedelta(hours=1)
BACKOFF_FIRST = timedelta(seconds=10)
BACKOFF_FACTOR = 3
BACKOFF_MAX = timedelta(minutes=5)


def mended(
    spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], now: datetime
) -> tuple[Rollout, list[datetime]]:
    """The record after a look at what drifted, and when time alone changes what is done about it.

    What is put right at `now` is in the record with that instant; deciding again then changes nothing.
    """
    dues: list[datetime] = []
    for name in Look.at(seen).once(parts, spec, rollout, now).restless:
        sight = seen.get(name)
        if sight is None or not sight.reachable:
            continue
        before = rollout.drift.get(name, ())
        if not before and not sight.drift:
            continue
        after = tuple(_followed(spec, rollout, sight, now))
        dues += [due for one in after if (due := _due(spec, name, one)) is not None and due > now]
        if after != before:
            drift = {key: value for key, value in rollout.drift.items() if key != name}
            rollout = replace(rollout, drift={**drift, name: after} if after else drift)
    return rollout, dues


def _followed(spec: RolloutSpec, rollout: Rollout, sight: Seen, now: datetime) -> list[Drifting]:
    """What is known of each object that drifts, or did a short while ago; by name."""
    release = rollout.in_force.get(sight.environment)
    if release is None:
        return []
    known = {
        one.object: one for one in rollout.drift.get(sight.environment, ()) if one.digest == release.digest
    }
    if sight.applied != release.digest:
        return list(known.values())  # the release is applied as a whole, which is another matter
    found = {one.object: one for one in sight.drift}
    followed = []
    for name in sorted({*known, *found}):
        if name in found:
            one = _again(known.get(name), found[name], release.digest, now)
            heals = sight.environment not in spec.report_only
            followed.append(_tried(one, found[name], now) if heals else one)
        elif known[name].mended and now - known[name].mended[-1] < WINDOW:
            followed.append(replace(known[name], until=known[name].until or now))
    return followed


def _again(known: Drifting | None, found: Drifted, digest: str, now: datetime) -> Drifting:
    """The object drifts: since now, or since it was first seen so."""
    if known is None:
        return Drifting(found.object, found.since or now, digest, found.fields, found.managers)
    if known.until is None:
        return known
    since = found.since or now
    return replace(known, until=None, since=since, fields=found.fields, managers=found.managers)


def _tried(one: Drifting, found: Drifted, now: datetime) -> Drifting:
    """Puts the object right now if it is due, and gives up where that has been done too often."""
    if one.fought or (one.mended and one.mended[-1] == now):
        return one
    lately = tuple(at for at in one.mended if now - at < WINDOW)
    if len(lately) >= FIGHT:
        return replace(one, fought=True, fields=found.fields, managers=found.managers)
    if lately and now < _next(lately):
        return one
    return replace(one, mended=(*lately, now), fields=found.fields, managers=found.managers)


def _next(lately: tuple[datetime, ...]) -> datetime:
    factor: int = BACKOFF_FACTOR ** (len(lately) - 1)
    return lately[-1] + min(BACKOFF_FIRST * factor, BACKOFF_MAX)


def _due(spec: RolloutSpec, environment: str, one: Drifting) -> datetime | None:
    if one.until is not None:
        return one.mended[-1] + WINDOW if one.mended else None
    if one.fought or environment in spec.report_only or not one.mended:
        return None
    return _next(one.mended)


def to_mend(rollout: Rollout, environment: str, now: datetime) -> tuple[str, ...]:
    """The objects that are put right at this very instant."""
    return tuple(
        one.object for one in rollout.drift.get(environment, ()) if one.mended and one.mended[-1] == now
    )


def drifting(rollout: Rollout, environment: str) -> tuple[Drifting, ...]:
    """What does not hold there as it was looked at last, what is fought over first."""
    now = (one for one in rollout.drift.get(environment, ()) if one.until is None)
    return tuple(sorted(now, key=lambda one: not one.fought))


def told(rollout: Rollout, environment: str) -> str:
    """What people should know of what does not hold there; empty while everything does."""
    found = drifting(rollout, environment)
    if not found:
        return ""
    first = sentence(found[0])
    if found[0].fought:
        first += f", put right {count_of(len(found[0].mended), 'time')} and given up"
    return f"{first}, and {len(found) - 1} more" if len(found) > 1 else first


def sentence(one: Drifting) -> str:
    """`Deployment shop/web: spec.replicas was changed by kubectl-edit at 10:00`."""
    if not one.fields:
        return f"{one.object} is gone since {format_second(one.since)}"
    by = f" by {', '.join(one.managers)}" if one.managers else ""
    were = "was" if len(one.fields) == 1 else "were"
    return f"{one.object}: {', '.join(one.fields)} {were} changed{by} at {format_second(one.since)}"
