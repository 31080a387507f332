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
from gitrel.rollout.seen import Release, Seen
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
    progresses, in_force, troubled = rollout.environments, rollout.in_force, {*rollout.drift, *rollout.unwell}
    scope = frozenset(rollout.scope if rollout.version and rollout.status in PROMOTING else ())
    takes_turns = len(scope) > 1 and not rollout.rejected
    for name in spec.environments:
        sight, progress = look.get(name), progresses.get(name)
        phase = progress.phase if progress is not None else None
        if phase in IN_FLIGHT:
            in_flight.append(name)
        elif phase in WAITING and sight is not None:
            waiting.append(name)
        if sight is None:
            continue
        if (
            phase in IN_FLIGHT
            or name in troubled
            or not _holds(sight, in_force.get(name))
            or not _is_content(rollout, progress, sight, name in scope)
        ):
            restless.append(name)
            continue
        calm.append(name)
        if takes_turns and progress is not None and phase is _QUEUED and progress.change != "undo":
            patient.append(name)
    return Parts(frozenset(calm), frozenset(patient), tuple(restless), tuple(in_flight), tuple(waiting))


def _holds(sight: Seen, release: Release | None) -> bool:
    """Whether Git, the record and the cluster agree on what runs there, and it is well."""
    pointer, health = sight.pointer, sight.health
    return (
        release is not None
        and pointer is not None
        and sight.applied == release.digest
        and pointer.digest == release.digest
        and pointer.version == release.version
        and not (sight.drifted or sight.drift or sight.owes)
        and (health is None or (health.status == "current" and not health.restarts))
    )


def _is_content(
    rollout: Rollout, progress: EnvironmentProgress | None, sight: Seen, is_promoted_to: bool
) -> bool:
    """Whether the record says already what is to become of what holds there."""
    if progress is None:
        return not is_promoted_to
    phase, target, pointer, version = progress.phase, progress.target, sight.pointer, rollout.version
    if pointer is None or progress.pointer != pointer.version:
        return False
    if not is_promoted_to:
        return phase is _PASSED
    if target.version != version or progress.rollout != rollout.number:
        return False
    promoted = release_of(version, sight)
    if phase is _PASSED:
        return pointer.version == version and same(promoted, target)
    return phase in WAITING and (promoted is None or promoted.digest == target.digest)
