"""Plain questions about a record: what is the same, what has passed, what belongs to the promotion.

Releases are compared by version and digest, never by commit: the commit only tells how to render one again,
and moves with every unrelated change in the repository.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gitrel.clock import format_instant
from gitrel.rollout.seen import Release, Seen
from gitrel.rollout.spec import RolloutSpec, WaveSpec
from gitrel.rollout.state import ACTIVE, IN_FLIGHT, EnvironmentProgress, Phase, Rollout

DONE = frozenset({Phase.PASSED, Phase.SUPERSEDED})
PROMOTING = frozenset({"running", "paused", "failed"})
"""In these states a promotion can still go on, after a fix or a `retry` where it failed."""
OPEN = frozenset({"running", "paused"})
"""In these states a change in the repository joins the rollout instead of opening another."""


def same(one: Release | None, other: Release | None) -> bool:
    """Whether both are releases, of the same version and with the same manifests."""
    return (
        one is not None and other is not None and one.digest == other.digest and one.version == other.version
    )


def attempt_of(progress: EnvironmentProgress | None) -> str:
    """Names one start of a release in an environment; empty where it has not started."""
    return format_instant(progress.started) if progress is not None and progress.started else ""


def hook_failure(progress: EnvironmentProgress | None, sight: Seen, release: Release) -> str:
    """Why this start of `release` is given up: a hook of it failed. Empty where none did."""
    failure = sight.hook_failed
    if progress is None or failure is None or not same(progress.target, release):
        return ""
    return failure.because if failure.attempt == attempt_of(progress) else ""


def is_proven(rollout: Rollout, environment: str, release: Release | None) -> bool:
    """Whether `release` has passed in `environment` and has not failed there since."""
    return any(same(one, release) for one in rollout.proven.get(environment, ()))


def has_passed(rollout: Rollout, environment: str, release: Release | None) -> bool:
    """Whether `release` is in force in `environment`, has passed there, and is not being tried again."""
    if not same(rollout.in_force.get(environment), release) or not is_proven(rollout, environment, release):
        return False
    progress = rollout.environments.get(environment)
    return progress is None or progress.phase in DONE or not same(progress.target, release)


def promoted_release(rollout: Rollout, sight: Seen | None) -> Release | None:
    """What the rollout's version is in that environment; None where that is not known."""
    return None if sight is None else release_of(rollout.version, sight)


def release_of(version: str, sight: Seen) -> Release | None:
    """What `version` is in that environment now, as far as it was rendered."""
    for release in (sight.candidate, sight.pointer):
        if release is not None and release.version == version:
            return release
    return None


def is_promoted(rollout: Rollout, progress: EnvironmentProgress) -> bool:
    """Whether the progress is a step of the running promotion, rather than of a change made by hand."""
    return (
        bool(rollout.version)
        and progress.target.version == rollout.version
        and progress.rollout == rollout.number
        and progress.environment in rollout.scope
    )


def is_qualified(rollout: Rollout, environment: str, version: str, sight: Seen | None) -> bool:
    """Whether `version`, as it would be in `environment` today, has passed there at some time.

    It stays qualified after the environment has moved on, but not while it is being tried there again.
    """
    current = release_of(version, sight) if sight is not None else None
    progress = rollout.environments.get(environment)
    for release in rollout.proven.get(environment, ()):
        if release.version == version and (current is None or current.digest == release.digest):
            return progress is None or progress.phase in DONE or not same(progress.target, release)
    return False


def owes_move(rollout: Rollout, sight: Seen) -> bool:
    """Whether Git's pointer is still where it was when we decided to move it to the release in force."""
    progress = rollout.environments.get(sight.environment)
    in_force = rollout.in_force.get(sight.environment)
    if progress is None or in_force is None or not (progress.started or progress.phase is Phase.ROLLED_BACK):
        return False
    pointer = sight.pointer.version if sight.pointer else ""
    return pointer == progress.pointer != in_force.version


def earlier(spec: RolloutSpec, environment: str) -> tuple[str, ...]:
    """All environments in waves before the one of `environment`, in wave order."""
    names: list[str] = []
    for wave in spec.waves:
        if environment in wave.environments:
            return tuple(names)
        names += wave.environments
    return ()


def wave_of(spec: RolloutSpec, environment: str) -> WaveSpec:
    """The wave that holds `environment`. Raises KeyError for one that is in none."""
    for wave in spec.waves:
        if environment in wave.environments:
            return wave
    raise KeyError(environment)


def in_wave_order(spec: RolloutSpec, environments: Iterable[str]) -> tuple[str, ...]:
    wanted = frozenset(environments)
    return tuple(name for name in spec.environments if name in wanted)


def soak_of(spec: RolloutSpec, progress: EnvironmentProgress) -> timedelta:
    """How long this progress soaks. A first release need not: no users yet, and nothing to go back to."""
    if progress.previous is None and not spec.soak_first_release:
        return timedelta()
    return spec.soak


def earliest_pass(spec: RolloutSpec, progress: EnvironmentProgress) -> datetime | None:
    """When the progress can pass at the earliest; None as long as it is not ready."""
    if progress.steady is not None:
        return progress.steady + soak_of(spec, progress)
    if progress.ready is not None:
        return progress.ready + spec.min_ready + soak_of(spec, progress)
    return None


def active(rollout: Rollout) -> Iterator[EnvironmentProgress]:
    """Everything that is still going on, of this rollout and of earlier ones."""
    return (progress for progress in rollout.environments.values() if progress.phase in ACTIVE)


def is_in_flight(rollout: Rollout, environment: str) -> bool:
    progress = rollout.environments.get(environment)
    return progress is not None and progress.phase in IN_FLIGHT


def with_progress(rollout: Rollout, progress: EnvironmentProgress, **changes: Any) -> Rollout:
    """The record with one environment's progress replaced; the same object where nothing changed."""
    old = rollout.environments.get(progress.environment)
    if old == progress and not changes:
        return rollout
    environments = {**rollout.environments, progress.environment: progress}
    return replace(rollout, environments=environments, **changes)


def without_progress(rollout: Rollout, environment: str, **changes: Any) -> Rollout:
    left = {name: one for name, one in rollout.environments.items() if name != environment}
    return replace(rollout, environments=left, **changes)


LISTED = 3
"""How many names a sentence tells; of the others, how many there are."""


def listing(names: Iterable[str]) -> str:
    """`a, b, c and 4 more`: long enough to act on, short enough for one sentence."""
    every = names if isinstance(names, list | tuple) else list(names)
    return shortened(every[:LISTED], len(every))


def shortened(first: Sequence[str], count: int) -> str:
    """`listing` of `count` names, of which only the `first` few are told."""
    told = ", ".join(first)
    return told if count <= len(first) else f"{told} and {count - len(first)} more"


def count_of(number: int, word: str) -> str:
    """`1 setback`, `2 setbacks`: for words that take an s."""
    return f"{number} {word}" + ("" if number == 1 else "s")
