"""Closed until the waves before have shown that they are well. No release is small enough to skip this.

What an environment waits for depends on what changes there:

promotion      every environment of the scope in an earlier wave has passed this rollout's version; where the
               scope is one environment, the version has passed in every earlier one at some time
version        moved by hand: the version has passed in every earlier environment at some time
configuration  every configuration change in an earlier wave has passed; `first` likewise
undo           nothing: it has passed here before, and is what people reach for when something burns
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from gitrel.clock import format_second
from gitrel.rollout.facts import (
    LISTED,
    earlier,
    earliest_pass,
    has_passed,
    is_promoted,
    is_qualified,
    promoted_release,
    same,
    shortened,
)
from gitrel.rollout.gates.verdict import OPEN, Verdict
from gitrel.rollout.look import Look
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import ACTIVE, EnvironmentProgress, Phase, Rollout


def predecessors(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    if progress.change == "undo":
        return OPEN
    version, name = progress.target.version, progress.environment
    what = f"{version} to pass"
    promoted = is_promoted(rollout, progress)
    if promoted and len(rollout.scope) > 1:
        return Look.at(seen).once(turns, spec, rollout, now).get(name, OPEN)
    if promoted or progress.change == "version":
        missing = unqualified(version, seen, earlier(spec, name), rollout)
    else:
        missing, what = _unfinished(seen, earlier(spec, name), rollout, progress), "this change to pass"
    return _verdict(missing, what, earliest(missing, version, spec, rollout, now))


def turns(look: Look, spec: RolloutSpec, rollout: Rollout, now: datetime) -> Mapping[str, Verdict]:
    """The verdict for every environment that the promotion has to wait in, wave by wave in one walk: who is
    missing before a wave is missing before all later ones. To be asked by `Look.once`."""
    scope, version = frozenset(rollout.scope), rollout.version
    what = f"{version} to pass"
    first: tuple[str, ...] = ()
    count = 0
    due: datetime | None = now
    found: dict[str, Verdict] = {}
    for wave in spec.waves:
        if count:
            verdict = _waits(what, first, count, due)
            for name in wave.environments:
                found[name] = verdict
        for name in wave.environments:
            if name in scope and not _has_passed(rollout, name, look):
                count += 1
                first = (*first, name) if count <= LISTED else first
                if due is not None:
                    last = _last_stretch(name, version, spec, rollout, now)
                    due = None if last is None else max(due, last)
    return found


def _has_passed(rollout: Rollout, name: str, look: Look) -> bool:
    """Whether what is promoted has passed there. Where another version runs there is nothing to compare."""
    in_force = rollout.in_force.get(name)
    if in_force is None or in_force.version != rollout.version:
        return False
    return has_passed(rollout, name, promoted_release(rollout, look.get(name)))


def _verdict(missing: Sequence[str], what: str, due: datetime | None) -> Verdict:
    return _waits(what, tuple(missing[:LISTED]), len(missing), due) if missing else OPEN


@lru_cache(maxsize=4096)
def _waits(what: str, first: tuple[str, ...], count: int, due: datetime | None) -> Verdict:
    """Kept by what it says: a rollout of weeks asks for the same few sentences in every pass."""
    when = f", at the earliest {format_second(due)}" if due else ""
    return Verdict("closed", f"waits for {what} {shortened(first, count)}{when}", due, "predecessors")


def unqualified(
    version: str, seen: Mapping[str, Seen], before: tuple[str, ...], rollout: Rollout
) -> list[str]:
    """Those of `before` in which `version`, as it is there today, has never passed."""
    return [name for name in before if not is_qualified(rollout, name, version, seen.get(name))]


def earliest(
    missing: Sequence[str], version: str, spec: RolloutSpec, rollout: Rollout, now: datetime
) -> datetime | None:
    """When all of `missing` can have passed `version`; None unless all of them are on their last stretch."""
    dues = []
    for name in missing:
        due = _last_stretch(name, version, spec, rollout, now)
        if due is None:
            return None
        dues.append(due)
    return max(dues, default=None)


def _last_stretch(
    name: str, version: str, spec: RolloutSpec, rollout: Rollout, now: datetime
) -> datetime | None:
    """When `version` passes there if all goes well; None where that cannot be said yet."""
    progress = rollout.environments.get(name)
    if progress is None or progress.phase not in ACTIVE or progress.target.version != version:
        return None
    due = earliest_pass(spec, progress)
    return due if due is not None and due > now else None


def _unfinished(
    seen: Mapping[str, Seen], before: tuple[str, ...], rollout: Rollout, waiting: EnvironmentProgress
) -> list[str]:
    """Earlier environments with the same kind of change on its way, or stuck there."""
    return [
        name
        for name in before
        if (progress := rollout.environments.get(name)) is not None
        and progress.change == waiting.change
        and _is_unfinished(progress, seen.get(name))
    ]


def _is_unfinished(progress: EnvironmentProgress, sight: Seen | None) -> bool:
    if progress.phase is Phase.ROLLED_BACK:
        # Git still asks for what failed there.
        return sight is not None and same(sight.pointer, progress.target)
    # A held environment may wait for weeks on something else; it shows nothing about this change.
    return progress.phase is not Phase.HELD and (progress.phase in ACTIVE or progress.phase is Phase.FAILED)
