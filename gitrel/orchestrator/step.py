"""What one component's part of a pass came to: where it was, what was seen, what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gitrel.orchestrator.observe import Sight
from gitrel.repo.model import Catalog, Component
from gitrel.rollout.actions import MovePointer
from gitrel.rollout.decide import Decision
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Rollout


@dataclass(frozen=True, slots=True)
class Step:
    """`catalog` is what the step was decided on and is carried out by: an older one where it is `watched`,
    because the component's files have errors now."""

    catalog: Catalog
    component: Component
    spec: RolloutSpec
    before: Rollout
    sight: Sight
    decision: Decision
    now: datetime
    watched: bool = False

    @property
    def moves(self) -> list[MovePointer]:
        return [action for action in self.decision.actions if isinstance(action, MovePointer)]
