"""Closed for what has failed before, until `retry` or until a fix gives it another digest.

A promotion stops everywhere when its version failed anywhere: the digest differs between environments by
parameters alone, and the version is what broke.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.rollout.facts import release_of
from gitrel.rollout.gates.verdict import OPEN, Verdict, closed
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout


def rejected(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    if not rollout.rejected or progress.change == "undo":
        return OPEN
    version = progress.target.version
    reason = rollout.rejected.get(progress.target.digest)
    if reason is None and progress.change != "configuration":
        reason = rejection_of(version, seen, spec, rollout)
    if reason is None:
        return OPEN
    return closed("rejected", f"{version} was rejected: {reason}: release a fix, or `retry`")


def rejection_of(version: str, seen: Mapping[str, Seen], spec: RolloutSpec, rollout: Rollout) -> str | None:
    """Why `version`, as it is now in some environment, was rejected there; None where it was not."""
    for name in spec.environments:
        sight = seen.get(name)
        release = release_of(version, sight) if sight is not None else None
        if release is not None and release.digest in rollout.rejected:
            return rollout.rejected[release.digest]
    return None
