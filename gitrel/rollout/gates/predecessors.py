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

from gitrel.clock import format_second
from gitrel.rollout.facts import (
    earlier,
    earliest_pass,
    is_promoted,
    is_qualified,
    listing,
    same,
)
from gitrel.rollout.gates.verdict import OPEN, Verdict, closed
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
    missing: Sequence[str]
    if is_promoted(rollout, progress):
        if len(rollout.scope) > 1:
            missing = Look.at(seen).missing_before(spec, rollout, name)
        else:
            missing = unqualified(version, seen, earlier(spec, name), rollout)
    elif progress.change == "version":
        missing = unqualified(version, seen, earlier(spec, name), rollout)
    else:
        missing, what = _unfinished(seen, earlier(spec, name), rollout, progress), "this change to pass"
    if not missing:
        return OPEN
    due = earliest(missing, version, spec, rollout, now)
    when = f", at the earliest {format_second(due)}" if due else ""
    return closed("predecessors", f"waits for {what} {listing(missing)}{when}", due)


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
        progress = rollout.environments.get(name)
        if progress is None or progress.phase not in ACTIVE or progress.target.version != version:
            return None
        due = earliest_pass(spec, progress)
        if due is None or due <= now:
            return None
        dues.append(due)
    return max(dues, default=None)


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
