"""One sentence per environment: where it is, why, and the next instant at which that can change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitrel.clock import format_second
from gitrel.rollout.drifting import told
from gitrel.rollout.facts import count_of, has_passed, listing, same
from gitrel.rollout.gates import may_go_on, may_start
from gitrel.rollout.gates.verdict import Verdict
from gitrel.rollout.look import Look
from gitrel.rollout.parts import parts
from gitrel.rollout.seen import Release, Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import ACTIVE, IN_FLIGHT, WAITING, EnvironmentProgress, Phase, Rollout


@dataclass(frozen=True, slots=True)
class Explanation:
    """`due` is when the answer can change by time alone, None where only an observation can change it.

    `version` is what is in force, empty where nothing is; `target` what is on its way, empty where nothing
    is; `gate` the closed gate, empty where none is.
    """

    environment: str
    version: str
    target: str
    phase: Phase | None
    gate: str
    sentence: str
    due: datetime | None


def explain(
    spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], now: datetime
) -> tuple[Explanation, ...]:
    """Every environment of the pipeline, in wave order."""
    look = Look(seen)
    return tuple(explain_one(spec, rollout, look, name, now) for name in spec.environments)


def explain_one(
    spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], environment: str, now: datetime
) -> Explanation:
    progress = rollout.environments.get(environment)
    in_force = rollout.in_force.get(environment)
    verdict = _verdict(spec, rollout, seen, progress, now)
    due = verdict.due if verdict and verdict.outcome == "closed" else None
    underway = progress is not None and progress.phase in IN_FLIGHT | WAITING
    return Explanation(
        environment=environment,
        version=in_force.version if in_force else "",
        target=progress.target.version if progress is not None and underway else "",
        phase=progress.phase if progress else None,
        gate=verdict.gate if verdict and verdict.outcome == "closed" else "",
        sentence=f"{environment} {_sentence(rollout, seen.get(environment), progress, in_force, verdict)}",
        due=due,
    )


def _verdict(
    spec: RolloutSpec,
    rollout: Rollout,
    seen: Mapping[str, Seen],
    progress: EnvironmentProgress | None,
    now: datetime,
) -> Verdict | None:
    if progress is not None and progress.phase in WAITING:
        return may_start(seen, progress, spec, rollout, now)
    if progress is not None and progress.phase in IN_FLIGHT:
        return may_go_on(seen, progress, spec, rollout, now)
    return None


def _sentence(
    rollout: Rollout,
    sight: Seen | None,
    progress: EnvironmentProgress | None,
    in_force: Release | None,
    verdict: Verdict | None,
) -> str:
    if progress is None or verdict is None:
        return _at_rest(rollout, sight, progress, in_force)
    now_runs = f"runs {in_force.version}{_ill(rollout, progress)}" if in_force else "runs nothing yet"
    until = f" until {format_second(verdict.due)}" if verdict.due else ""
    if progress.phase is Phase.HELD:
        return f"{now_runs}; {_wanted(progress)} is held: {verdict.because}"
    if progress.phase is Phase.QUEUED:
        return f"{now_runs}; {_wanted(progress)} is queued: {verdict.because or 'about to start'}"
    doing = {
        Phase.APPLYING: "is being applied",
        Phase.SETTLING: "is becoming ready",
        Phase.STEADYING: "is ready",
        Phase.WATCHING: "is watched",
    }[progress.phase]
    reason = verdict.because or (progress.waits if progress.phase is Phase.APPLYING else "")
    why = f": {reason}" if reason else ""
    again = f" (after {count_of(progress.setbacks, 'setback')})" if progress.setbacks else ""
    return f"has {_wanted(progress)}, which {doing}{again}{why}{until}"


def _wanted(progress: EnvironmentProgress) -> str:
    changed = " with a changed configuration" if progress.change == "configuration" else ""
    return f"{progress.target.version}{changed}"


def _at_rest(
    rollout: Rollout, sight: Seen | None, progress: EnvironmentProgress | None, in_force: Release | None
) -> str:
    if in_force is None:
        return "has no release yet"
    if progress is not None and progress.phase is Phase.FAILED:
        return f"has {in_force.version}, which failed: {progress.because}"
    if progress is not None and progress.phase is Phase.ROLLED_BACK:
        return f"went back to {in_force.version} from {progress.target.version}: {progress.because}"
    if progress is not None and progress.phase is Phase.SUPERSEDED:
        return f"runs {in_force.version}; {progress.target.version} was given up: {progress.because}"
    if sight is not None and sight.pointer is None:
        return f"runs {in_force.version}; its pointer is gone from the repository, and nothing was removed"
    passed = progress is not None and same(progress.target, in_force) and progress.passed is not None
    since = f", passed {format_second(progress.passed)}" if passed and progress and progress.passed else ""
    ill = _ill(rollout, progress) if progress is not None else ""
    stray = told(rollout, progress.environment) if progress is not None else ""
    return f"runs {in_force.version}{since}{ill}" + (f"; {stray}" if stray else "")


def _ill(rollout: Rollout, progress: EnvironmentProgress) -> str:
    """What people should know of what runs, beside what is on its way; empty while it is well."""
    unwell = rollout.unwell.get(progress.environment)
    if unwell is None or unwell.until is not None:
        return ""
    return f", unwell since {format_second(unwell.since)} ({unwell.because})"


def summary(spec: RolloutSpec, rollout: Rollout, seen: Mapping[str, Seen], now: datetime) -> str:
    """The whole rollout in one sentence, shown to people beside the decision."""
    what = f"rollout {rollout.number}" + (f" of {rollout.version}" if rollout.version else " of changes")
    if rollout.status in ("failed", "rolled-back", "aborted", "paused"):
        return f"{what}: {rollout.because or rollout.status}"
    in_flight = Look.at(seen).once(parts, spec, rollout, now).in_flight
    flying = [rollout.environments[name] for name in in_flight]
    if flying:
        doing = listing(f"{one.environment} is {one.phase} {one.target.version}" for one in flying)
        return f"{what}: {_count(rollout)} passed; {doing}"
    waiting = [one for one in _progresses(spec, rollout) if one.phase in WAITING]
    if waiting:
        return f"{what}: {_count(rollout)} passed; {waiting[0].environment}: {waiting[0].because}"
    if rollout.status == "running":
        return f"{what}: {_count(rollout)} passed; the rest was not looked at"
    if rollout.number == 0:
        return "nothing has been released yet"
    ill = [name for name in spec.environments if (one := rollout.unwell.get(name)) and one.until is None]
    if ill:
        because = rollout.unwell[ill[0]].because
        return f"{what}: {_count(rollout)} passed; unwell since: {listing(ill)}: {because}"
    stray = [f"{name}: {found}" for name in spec.environments if (found := told(rollout, name))]
    if stray:
        more = f" (and {count_of(len(stray) - 1, 'more environment')})" if len(stray) > 1 else ""
        return f"{what}: {_count(rollout)} passed; {stray[0]}{more}"
    return f"{what}: {_count(rollout)} passed, and nothing is left to do"


def _progresses(spec: RolloutSpec, rollout: Rollout) -> list[EnvironmentProgress]:
    found = (rollout.environments.get(name) for name in spec.environments)
    return [one for one in found if one is not None]


def _count(rollout: Rollout) -> str:
    """How many of the scope are done, such as `2 of 7`."""
    done, version = 0, rollout.version
    for name in rollout.scope:
        in_force = rollout.in_force.get(name)
        if in_force is None or (version and in_force.version != version):
            continue
        progress = rollout.environments.get(name)
        goes_on = progress is not None and progress.phase in ACTIVE
        done += not goes_on and has_passed(rollout, name, in_force)
    return f"{done} of {len(rollout.scope)}"
