"""What was seen, for the length of one decision: with what every waiting environment asks, worked out once.

Forty environments that wait for their turn ask the same question of the same record. A `Look` answers for the
record that it was asked about last; records are values, so another object is another record.
"""

from __future__ import annotations

from collections.abc import Mapping

from gitrel.rollout.facts import has_passed, promoted_release
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Rollout


class Look(dict[str, Seen]):
    """The sights by environment. Nothing is put in after it was made."""

    __slots__ = ("_missing", "_of")

    def __init__(self, seen: Mapping[str, Seen]) -> None:
        super().__init__(seen)
        self._of: tuple[RolloutSpec, Rollout] | None = None
        self._missing: Mapping[str, tuple[str, ...]] = {}

    @classmethod
    def at(cls, seen: Mapping[str, Seen]) -> Look:
        return seen if isinstance(seen, cls) else cls(seen)

    def missing_before(self, spec: RolloutSpec, rollout: Rollout, environment: str) -> tuple[str, ...]:
        """Those of the scope in earlier waves that have not passed what is promoted, in wave order."""
        if self._of is None or self._of[0] is not spec or self._of[1] is not rollout:
            self._missing = self._worked_out(spec, rollout)
            self._of = spec, rollout
        return self._missing.get(environment, ())

    def _worked_out(self, spec: RolloutSpec, rollout: Rollout) -> Mapping[str, tuple[str, ...]]:
        scope = frozenset(rollout.scope)
        missing: tuple[str, ...] = ()
        found = {}
        for wave in spec.waves:
            found.update(dict.fromkeys(wave.environments, missing))
            missing += tuple(
                name
                for name in wave.environments
                if name in scope and not has_passed(rollout, name, promoted_release(rollout, self.get(name)))
            )
        return found
