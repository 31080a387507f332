"""The three promises, checked from the facts in two consecutive records and nothing else.

This is the second pair of eyes of `verify`: it says in the plainest terms what must never happen, and uses
none of the gates, so that a mistake in one of them cannot hide itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from gitrel.rollout.facts import count_of
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout


def broken_promise(
    spec: RolloutSpec, before: Rollout, after: Rollout, seen: Mapping[str, Seen], now: datetime
) -> tuple[str, str] | None:
    """The promise that the step from `before` to `after` breaks, and how; None where all are kept."""
    began = 0
    for progress in after.environments.values():
        old = before.environments.get(progress.environment)
        if _began(old, progress, now):
            began += progress.change != "undo"
            if why := _out_of_order(spec, after, progress):
                return "order", why
        just_passed = progress.phase is Phase.PASSED and (old is None or old.phase is not Phase.PASSED)
        if just_passed and (why := _too_early(spec, progress, seen.get(progress.environment))):
            return "soak", why
    if began and (why := _too_many(spec, before, after)):
        return "versions", why
    return None


def _began(old: EnvironmentProgress | None, progress: EnvironmentProgress, now: datetime) -> bool:
    """Whether a release was started here in this step."""
    if progress.started != now:
        return False
    return old is None or old.started != progress.started or old.target.digest != progress.target.digest


def _out_of_order(spec: RolloutSpec, after: Rollout, progress: EnvironmentProgress) -> str:
    """A version reaches an environment only when earlier waves run it or have passed it.

    A promotion asks this of its scope, and of everyone where its scope is one environment; a version moved
    by hand of everyone. First releases and configuration have no version to compare.
    """
    if progress.change != "version":
        return ""
    version = progress.target.version
    promoted = version == after.version and progress.environment in after.scope
    for name in _before(spec, progress.environment):
        if promoted and len(after.scope) > 1:
            if name in after.scope and not _runs(after, name, version):
                return f"{progress.environment} started {version} before it passed in {name}"
        elif not any(release.version == version for release in after.proven.get(name, ())):
            return f"{progress.environment} started {version}, which has never passed in {name}"
    return ""


def _before(spec: RolloutSpec, environment: str) -> list[str]:
    names: list[str] = []
    for wave in spec.waves:
        if environment in wave.environments:
            break
        names.extend(wave.environments)
    return names


def _runs(after: Rollout, name: str, version: str) -> bool:
    in_force = after.in_force.get(name)
    passed = {(release.version, release.digest) for release in after.proven.get(name, ())}
    return in_force is not None and in_force.version == version and (version, in_force.digest) in passed


def _too_early(spec: RolloutSpec, progress: EnvironmentProgress, sight: Seen | None) -> str:
    """Passed means: ready for minReadySeconds, watched for the whole soak, and well at the last look."""
    name, passed = progress.environment, progress.passed
    if None in (progress.started, progress.applied, progress.ready, progress.steady, passed):
        return f"{name} passed without having been applied, ready and steady"
    assert progress.applied and progress.ready and progress.steady and passed
    first = progress.previous is None and not spec.soak_first_release
    soak = timedelta() if first else spec.mean_time_to_smoke * spec.soak_factor
    if progress.ready < progress.applied or progress.steady - progress.ready < spec.min_ready:
        return f"{name} was steady before {spec.min_ready} of readiness were over"
    if passed - progress.steady < soak:
        return f"{name} passed after {passed - progress.steady} of a soak of {soak}"
    if sight is None or sight.health is None or sight.health.status != "current":
        return f"{name} passed though nobody saw it well"
    if sight.applied != progress.target.digest:
        return f"{name} passed on the health of something else"
    if sight.health.since is not None and sight.health.since > progress.steady:
        return f"{name} passed though it lost readiness during the soak"
    if sight.health.restarts - progress.restarts > spec.max_restarts:
        many = count_of(sight.health.restarts - progress.restarts, "container restart")
        return f"{name} passed after {many}"
    return ""


def _too_many(spec: RolloutSpec, before: Rollout, after: Rollout) -> str:
    """Starting may not add to the live versions beyond the limit."""
    live = {after.in_force[name].version for name in spec.environments if name in after.in_force}
    were = {before.in_force[name].version for name in spec.environments if name in before.in_force}
    if len(live) > max(spec.max_active_versions, len(were)):
        return f"{len(live)} versions are live, {spec.max_active_versions} allowed: {', '.join(sorted(live))}"
    return ""
