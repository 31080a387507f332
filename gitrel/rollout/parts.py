"""Which environments a step has to look at: it would leave all the others exactly as they are.

Of forty environments nearly all wait for their turn or have passed, and nothing is new about any of them.
Such an environment is calm: the cluster holds what is in force, Git says what it said, nobody is unwell and
nothing drifts. What remains to be asked of it is whether its turn has come.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from gitrel.rollout.facts import PROMOTING, release_of, same
from gitrel.rollout.look import Look
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import IN_FLIGHT, WAITING, EnvironmentProgress, Phase, Rollout

_PASSED, _QUEUED = Phase.PASSED, Phase.QUEUED


class Parts(NamedTuple):
    """Each in wave order. `restless` are those that were seen and are not calm; `waiting` were seen too.

    `patient` are calm and wait for their turn in the promotion: no gate that is told before that one is
    closed, so that where the record says already what they wait for, it goes on saying so.
    """

    calm: frozenset[str]
    patient: frozenset[str]
    restless: tuple[str, ...]
    in_flight: tuple[str, ...]
    waiting: tuple[str, ...]


def parts(look: Look, spec: RolloutSpec, rollout: Rollout, now: datetime) -> Parts:
    """To be asked by `Look.once`."""
    calm, patient, restless, in_flight, waiting = [], [], [], [], []
    scope = frozenset(rollout.scope if rollout.version and rollout.status in PROMOTING else ())
    takes_turns = len(scope) > 1 and not rollout.rejected
    for name in spec.environments:
        sight, progress = look.get(name), rollout.environments.get(name)
        phase = progress.phase if progress is not None else None
        if phase in IN_FLIGHT:
            in_flight.append(name)
        if sight is None:
            continue
        if phase in WAITING:
            waiting.append(name)
        if not _is_calm(rollout, progress, sight, name in scope):
            restless.append(name)
            continue
        calm.append(name)
        if takes_turns and progress is not None and phase is _QUEUED and progress.change != "undo":
            patient.append(name)
    return Parts(frozenset(calm), frozenset(patient), tuple(restless), tuple(in_flight), tuple(waiting))


def _is_calm(
    rollout: Rollout, progress: EnvironmentProgress | None, sight: Seen, is_promoted_to: bool
) -> bool:
    name, pointer, health = sight.environment, sight.pointer, sight.health
    release = rollout.in_force.get(name)
    if release is None or pointer is None or sight.applied != release.digest:
        return False
    if pointer.digest != release.digest or pointer.version != release.version:
        return False
    if sight.drifted or sight.drift or sight.owes or name in rollout.drift or name in rollout.unwell:
        return False
    if health is not None and (health.status != "current" or health.restarts):
        return False
    if progress is None:
        return not is_promoted_to
    phase, target = progress.phase, progress.target
    if progress.pointer != pointer.version:
        return False
    if not is_promoted_to:
        return phase is _PASSED
    if target.version != rollout.version or progress.rollout != rollout.number:
        return False
    promoted = release_of(rollout.version, sight)
    if phase is _PASSED:
        return pointer.version == rollout.version and same(promoted, target)
    return phase in WAITING and (promoted is None or promoted.digest == target.digest)
