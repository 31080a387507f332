"""What a decision asks the shell to do. Data only: performing one is the orchestrator's work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gitrel.rollout.seen import Owed, Release


@dataclass(frozen=True, slots=True)
class MovePointer:
    """Point the environment's link at `version`, in one commit whose trailers say why."""

    environment: str
    version: str
    because: str


@dataclass(frozen=True, slots=True)
class Apply:
    """Put `release` into the environment's cluster and prune what left it. Safe to repeat.

    `permit` names the gate decision that allows it: `<component>/<environment>/<digest>/<rollout number>`.
    """

    environment: str
    release: Release
    permit: str
    because: Literal["rollout", "rollback", "drift", "retry"]
    mend: tuple[str, ...] | None = None
    """Only these objects are put right, whoever has changed them; None: everything is applied."""


@dataclass(frozen=True, slots=True)
class RunHooks:
    """Run the hooks of `release` whose moment has come. Safe to repeat: each runs once per start of it."""

    environment: str
    release: Release
    moment: Owed


Action = MovePointer | Apply | RunHooks
