"""What was seen, for the length of one decision: with what is asked of the whole record, worked out once.

Forty environments that wait for their turn ask the same question of the same record. A `Look` answers for the
record that it was asked about last; records are values, so another object is another record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Rollout

T = TypeVar("T")


class Look(dict[str, Seen]):
    """The sights by environment. Nothing is put in after it was made."""

    __slots__ = ("_answers", "_now", "_rollout", "_spec")

    def __init__(self, seen: Mapping[str, Seen]) -> None:
        super().__init__(seen)
        self._spec: RolloutSpec | None = None
        self._rollout: Rollout | None = None
        self._now: datetime | None = None
        self._answers: dict[Any, Any] = {}

    @classmethod
    def at(cls, seen: Mapping[str, Seen]) -> Look:
        return seen if isinstance(seen, cls) else cls(seen)

    def once(
        self,
        question: Callable[[Look, RolloutSpec, Rollout, datetime], T],
        spec: RolloutSpec,
        rollout: Rollout,
        now: datetime,
    ) -> T:
        """What `question`, which is pure, says of the record at that instant."""
        if rollout is not self._rollout or spec is not self._spec or now is not self._now:
            self._spec, self._rollout, self._now = spec, rollout, now
            self._answers = {}
        answer: T | None = self._answers.get(question)
        if answer is None:
            answer = self._answers[question] = question(self, spec, rollout, now)
        return answer
