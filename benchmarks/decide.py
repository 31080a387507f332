"""How long one decision takes: a component at rest, and one with a release going around the world."""

from __future__ import annotations

import timeit
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from benchmarks.figure import Figure
from gitrel.rollout.decide import decide
from gitrel.rollout.seen import Health, Release, Seen
from gitrel.rollout.spec import RolloutSpec, WaveSpec
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout

NOW = datetime(2026, 1, 5, tzinfo=UTC)
TARGET_MICROSECONDS = 20


def a_spec(environments: int) -> RolloutSpec:
    return RolloutSpec(
        component="frontend",
        waves=tuple(WaveSpec(f"w{n}", (f"e{n}",), 1) for n in range(environments)),
        min_ready=timedelta(seconds=10),
        mean_time_to_smoke=timedelta(hours=1),
        soak_factor=2.0,
        progress_deadline=timedelta(minutes=10),
        max_restarts=0,
        max_setbacks=3,
        max_active_versions=3,
        on_failure="hold",
        soak_first_release=False,
    )


def at_rest(environments: int) -> tuple[RolloutSpec, Rollout, dict[str, Seen]]:
    """Everything has passed and runs what Git says."""
    spec = a_spec(environments)
    releases = {name: Release("v1", f"v1/{name}", "c") for name in spec.environments}
    progresses = {
        name: EnvironmentProgress(name, release, Phase.PASSED, NOW, passed=NOW, rollout=1, pointer="v1")
        for name, release in releases.items()
    }
    proven = {name: (release,) for name, release in releases.items()}
    rollout = Rollout("frontend", 1, "v1", "passed", spec.environments, progresses, releases, proven)
    well = Health("current", since=NOW)
    seen = {name: Seen(name, release, None, True, release.digest, well) for name, release in releases.items()}
    return spec, rollout, seen


def under_way(environments: int) -> tuple[RolloutSpec, Rollout, dict[str, Seen]]:
    """v2 is watched in the first environment, and queued in all others."""
    spec, rollout, seen = at_rest(environments)
    wanted = {name: Release("v2", f"v2/{name}", "c") for name in spec.environments}
    seen = {name: replace(sight, candidate=wanted[name]) for name, sight in seen.items()}
    first = spec.environments[0]
    seen[first] = replace(seen[first], pointer=wanted[first], applied=wanted[first].digest)
    queued = {
        name: EnvironmentProgress(name, release, Phase.QUEUED, NOW, rollout=2, pointer="v1")
        for name, release in wanted.items()
    }
    queued[first] = replace(
        queued[first], phase=Phase.WATCHING, started=NOW, applied=NOW, ready=NOW, steady=NOW, contact=NOW,
        pointer="v2", previous=rollout.in_force[first],
    )  # fmt: skip
    in_force = {**rollout.in_force, first: wanted[first]}
    rollout = replace(
        rollout, number=2, version="v2", status="running", environments=queued, in_force=in_force
    )
    return spec, decide(spec, rollout, seen, NOW).rollout, seen


def microseconds(spec: RolloutSpec, rollout: Rollout, seen: dict[str, Seen]) -> float:
    """The best of several runs, so that a busy machine does not count."""
    timer = timeit.Timer(lambda: decide(spec, rollout, seen, NOW))
    count, _ = timer.autorange()
    return min(timer.repeat(5, count)) / count * 1e6


def measure() -> Iterator[Figure]:
    cases = {
        "decide_at_rest_7_environments": (at_rest(7), TARGET_MICROSECONDS),
        "decide_at_rest_40_environments": (at_rest(40), None),
        "decide_under_way_7_environments": (under_way(7), TARGET_MICROSECONDS),
        "decide_under_way_40_environments": (under_way(40), None),
    }
    for name, (case, target) in cases.items():
        yield Figure(f"{name}_us", microseconds(*case), "µs", target, "lower")
