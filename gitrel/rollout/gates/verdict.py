"""What a gate answers: may the environment move on, why, and when the answer can change by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Rollout

Outcome = Literal["open", "closed", "failed", "lost", "undone"]
"""open    go on
closed  not yet
failed  never: the release does not work here
lost    what this phase rests on is gone (readiness), and has to be won again
undone  the cluster no longer holds what was applied"""


class Verdict(NamedTuple):
    """`due` is when the answer can change by time alone; None where only an observation can change it."""

    outcome: Outcome
    because: str = ""
    due: datetime | None = None
    gate: str = ""


Gate = Callable[[Mapping[str, Seen], EnvironmentProgress, RolloutSpec, Rollout, datetime], Verdict]

OPEN = Verdict("open")


def closed(gate: str, because: str, due: datetime | None = None) -> Verdict:
    return Verdict("closed", because, due, gate)


def failed(gate: str, because: str) -> Verdict:
    return Verdict("failed", because, None, gate)


def lost(gate: str, because: str) -> Verdict:
    return Verdict("lost", because, None, gate)
