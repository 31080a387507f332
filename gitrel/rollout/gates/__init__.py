"""The gates: each is one rule in one file, and answers with a verdict. Nothing moves but through them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitrel.rollout.gates.applied import applied
from gitrel.rollout.gates.contact import contact
from gitrel.rollout.gates.dependencies import dependencies
from gitrel.rollout.gates.parallel import parallel
from gitrel.rollout.gates.pause import pause
from gitrel.rollout.gates.predecessors import predecessors
from gitrel.rollout.gates.readiness import readiness
from gitrel.rollout.gates.rejected import rejected
from gitrel.rollout.gates.soak import soak
from gitrel.rollout.gates.steady import steady
from gitrel.rollout.gates.verdict import OPEN, Gate, Verdict
from gitrel.rollout.gates.versions import versions
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout

START_GATES: tuple[Gate, ...] = (
    rejected,
    predecessors,
    pause,
    dependencies,
    contact,
    parallel,
    versions,
)
"""All must be open for an environment to start. The first closed one is told: what a person can act on
comes before what passes by itself."""

PROGRESS_GATES: Mapping[Phase, Gate] = {
    Phase.APPLYING: applied,
    Phase.SETTLING: readiness,
    Phase.STEADYING: steady,
    Phase.WATCHING: soak,
}
"""The one gate that leads out of each phase in flight."""


def may_start(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    """The first start gate that is closed, or open."""
    for gate in START_GATES:
        verdict = gate(seen, progress, spec, rollout, now)
        if verdict.outcome != "open":
            return verdict
    return OPEN


def may_go_on(
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress,
    spec: RolloutSpec,
    rollout: Rollout,
    now: datetime,
) -> Verdict:
    """The verdict of the gate that leads out of the phase. Raises KeyError for a phase not in flight."""
    return PROGRESS_GATES[progress.phase](seen, progress, spec, rollout, now)
