"""Closed while one more version would be live than people can keep in their heads.

Three is the usual limit: one in test, one rolling out, one being replaced. A start that does not add to
the number is always allowed, so that a limit that was lowered can be met again; and so is an undo.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.rollout.facts import listing
from gitrel.rollout.gates.verdict import OPEN, Verdict, closed
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def versions(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    if progress.change == "undo":
        return OPEN
    live = live_versions(spec, rollout)
    new = progress.target.version
    old = rollout.in_force.get(progress.environment)
    if new in live:
        return OPEN
    after = len(live) + 1 - (old is not None and live[old.version] == [progress.environment])
    if after <= spec.max_active_versions or after <= len(live):
        return OPEN
    return closed("versions", _sentence(live, new, spec.max_active_versions))


def live_versions(spec: RolloutSpec, rollout: Rollout) -> dict[str, list[str]]:
    """Version → the environments where it is in force, in wave order."""
    live: dict[str, list[str]] = {}
    for name in spec.environments:
        if (release := rollout.in_force.get(name)) is not None:
            live.setdefault(release.version, []).append(name)
    return live


def _sentence(live: Mapping[str, list[str]], new: str, most: int) -> str:
    """Names what is live, and the environments whose convergence takes the fewest steps."""
    running = "; ".join(f"{version} in {listing(names)}" for version, names in sorted(live.items()))
    fewest = min(live.values(), key=lambda names: (len(names), names))
    return (
        f"{new} would be one version too many (at most {most}): {running}: converge {listing(fewest)} first"
    )
