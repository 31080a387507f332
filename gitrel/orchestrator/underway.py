"""How an attempt to deliver a release may end before its end: on its way, given up, or stopped midway."""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.errors import GitrelError


class OnItsWay(GitrelError):
    """Everything is as it should be so far, and something has to happen in the cluster before it goes on.

    No failure: the next pass looks again. `awaits` names what is waited for (`stage 1 of 2`); each such thing
    has the rollout's progress deadline of its own. `changes` counts what this attempt did, by word.
    """

    exit_code = 5

    def __init__(self, message: str, awaits: str, changes: Mapping[str, int] | None = None) -> None:
        super().__init__(message)
        self.awaits = awaits
        self.changes = dict(changes or {})


class StillDeleting(OnItsWay):
    """An object of the release is on its way out, so the release is not whole until it can be made anew."""

    def __init__(self, message: str, changes: Mapping[str, int] | None = None) -> None:
        super().__init__(message, "a deletion", changes)


class HookFailed(GitrelError):
    """A hook that runs before the release failed: nothing of the release is applied."""

    exit_code = 5


class PartlyApplied(GitrelError):
    """The cluster refused an object in the middle. The message names what was applied and what was not; the
    next attempt goes on from there."""

    exit_code = 5
