"""Each gate by itself: a table of what is seen, and the verdict with its reason and its instant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from gitrel.rollout.gates import START_GATES, may_go_on, may_start
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
from gitrel.rollout.gates.verdict import Gate, Verdict
from gitrel.rollout.gates.versions import versions
from gitrel.rollout.seen import Health, Release, Seen
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout
from tests.rollout.world import START, a_spec

SPEC = a_spec("canary", "asia europe")
S, M = timedelta(seconds=1), timedelta(minutes=1)
V1, V2 = Release("v1", "d1", "c"), Release("v2", "d2", "c")


def health(
    status: Any = "current",
    since: timedelta | None = None,
    restarts: int = 0,
    given_up: timedelta | None = None,
) -> Health:
    at = None if since is None else START + since
    over = None if given_up is None else START + given_up
    return Health(status, "pods crash" if status == "failed" else "", at, restarts, over)


def seen(applied: str | None = "d2", judged: Health | None = None, reachable: bool = True) -> dict[str, Seen]:
    return {"canary": Seen("canary", V2, V2, reachable, applied, judged)}


def progress(phase: Phase, **facts: Any) -> EnvironmentProgress:
    """Canary on its way from v1 to v2; instants are given as distances from START."""
    at = {name: START + value for name, value in facts.items() if isinstance(value, timedelta)}
    base = EnvironmentProgress(
        "canary", V2, phase, START, previous=V1, started=START, contact=START, rollout=1
    )
    return replace(base, **{**facts, **at})


@dataclass(frozen=True)
class Case:
    name: str
    gate: Gate
    seen: dict[str, Seen]
    progress: EnvironmentProgress
    now: timedelta
    outcome: str
    because: str = ""
    due: timedelta | None = None
    spec: dict[str, Any] = field(default_factory=dict)


APPLYING = progress(Phase.APPLYING)
SETTLING = progress(Phase.SETTLING, applied=timedelta())
STEADYING = progress(Phase.STEADYING, applied=timedelta(), ready=5 * S)
WATCHING = progress(Phase.WATCHING, applied=timedelta(), ready=5 * S, steady=15 * S, restarts=2)
SILENT = seen(None, reachable=False)
UNKNOWN = seen(judged=health("unknown"))
WELL = seen(judged=health(since=5 * S, restarts=2))

PROGRESS = [
    Case("applied: done", applied, seen(), APPLYING, S, "open"),
    Case("applied: not yet", applied, seen("d1"), APPLYING, S, "closed", "is being applied", 10 * M),
    Case("applied: tried for long enough", applied, seen("d1"), APPLYING, 10 * M, "lost", "within 10m"),
    Case("applied: no answer", applied, SILENT, APPLYING, 99 * M, "closed", "not answer"),
    Case("applied: back since", applied, seen("d1"), replace(APPLYING, contact=START + 5 * M), 14 * M,
         "closed", "is being applied", 15 * M),
    Case("applied: never looked at", applied, {}, APPLYING, S, "closed", "does not answer"),
    Case("readiness: current", readiness, WELL, SETTLING, 6 * S, "open"),
    Case("readiness: in progress", readiness, seen(judged=health("in-progress")), SETTLING, S, "closed",
         "not everything is Current", 10 * M),
    Case("readiness: deadline", readiness, seen(judged=health("in-progress")), SETTLING, 10 * M, "failed",
         "not ready within 10m"),
    Case("readiness: failed may still come right", readiness, seen(judged=health("failed")), SETTLING, S,
         "closed", "pods crash", 10 * M),
    Case("readiness: failed for good", readiness, seen(judged=health("failed")), SETTLING, 10 * M, "failed"),
    Case("readiness: given up by the cluster", readiness, seen(judged=health("failed", given_up=5 * S)),
         SETTLING, 6 * S, "failed", "the cluster gave up: pods crash"),
    Case("readiness: given up before this release", readiness, seen(judged=health("failed", given_up=-5 * S)),
         SETTLING, 6 * S, "closed", "pods crash", 10 * M),
    Case("readiness: failed after it was ready", readiness, seen(judged=health("failed")),
         replace(SETTLING, setbacks=1), S, "failed", "was ready and failed"),
    Case("readiness: an old revision's health is no evidence", readiness, seen("d1", health(since=0 * S)),
         SETTLING, S, "undone", "something else"),
    Case("readiness: wiped", readiness, seen(None), SETTLING, S, "undone", "nothing"),
    Case("readiness: unknown", readiness, UNKNOWN, SETTLING, 99 * M, "closed", "not known"),
    Case("readiness: an outage does not count", readiness, seen(judged=health("in-progress")),
         replace(SETTLING, contact=START + 30 * M), 35 * M, "closed", "", 40 * M),
    Case("steady: not yet", steady, WELL, STEADYING, 14 * S, "closed", "for 10s", 15 * S),
    Case("steady: over", steady, WELL, STEADYING, 15 * S, "open"),
    Case("steady: lost", steady, seen(judged=health("in-progress")), STEADYING, 6 * S, "lost"),
    Case("steady: lost and back between two looks", steady, seen(judged=health(since=8 * S)), STEADYING,
         20 * S, "lost", "between two looks"),
    Case("steady: failed", steady, seen(judged=health("failed")), STEADYING, 6 * S, "failed", "pods crash"),
    Case("steady: no answer", steady, SILENT, STEADYING, 60 * S, "closed", "not answer"),
    Case("soak: not yet", soak, WELL, WATCHING, 20 * M, "closed", "soaks for 40m", 40 * M + 15 * S),
    Case("soak: over, and vouched for", soak, WELL, WATCHING, 40 * M + 15 * S, "open"),
    Case("soak: over, but nobody answers", soak, SILENT, WATCHING, 99 * M, "closed"),
    Case("soak: over, but health unknown", soak, UNKNOWN, WATCHING, 99 * M, "closed"),
    Case("soak: lost", soak, seen(judged=health("in-progress", restarts=2)), WATCHING, 20 * M, "lost"),
    Case("soak: lost and back", soak, seen(judged=health(since=20 * M, restarts=2)), WATCHING, 99 * M,
         "lost"),
    Case("soak: failed", soak, seen(judged=health("failed", restarts=2)), WATCHING, 20 * M, "failed",
         "pods crash"),
    Case("soak: one restart is allowed", soak, seen(judged=health(since=5 * S, restarts=3)), WATCHING, 20 * M,
         "closed", "", 40 * M + 15 * S),
    Case("soak: two are not", soak, seen(judged=health(since=5 * S, restarts=4)), WATCHING, 20 * M, "failed",
         "2 container restarts while it was watched, 1 allowed"),
    Case("soak: none is allowed", soak, seen(judged=health(since=5 * S, restarts=3)), WATCHING, 20 * M,
         "failed", "1 container restart while it was watched, 0 allowed", None, {"max_restarts": 0}),
    Case("soak: someone put another release there", soak, seen("d1", health(since=0 * S)), WATCHING, 99 * M,
         "undone"),
    Case("soak: a first release need not", soak, WELL, replace(WATCHING, previous=None), 15 * S, "open"),
    Case("soak: unless asked", soak, WELL, replace(WATCHING, previous=None), 15 * S, "closed", "",
         40 * M + 15 * S, {"soak_first_release": True}),
    Case("soak: objects without conditions have no since", soak, seen(judged=health(restarts=2)), WATCHING,
         41 * M, "open"),
]  # fmt: skip


@pytest.mark.parametrize("case", PROGRESS, ids=lambda case: case.name)
def test_gates_of_what_is_in_flight(case: Case) -> None:
    """Progress rests on health of the wanted digest alone, and on instants the cluster vouches for."""
    spec = replace(SPEC, **case.spec)
    verdict = case.gate(case.seen, case.progress, spec, Rollout("frontend", 1), START + case.now)
    assert (verdict.outcome, verdict.due) == (case.outcome, None if case.due is None else START + case.due)
    assert case.because in verdict.because


# ── starting ────────────────────────────────────────────────────────────────────────────────────────────


def sights(**changes: dict[str, Any]) -> dict[str, Seen]:
    base = {
        name: Seen(
            name, Release("v1", f"v1/{name}", "c"), Release("v2", f"v2/{name}", "c"), applied=f"v1/{name}"
        )
        for name in SPEC.environments
    }
    return {name: replace(sight, **changes.get(name, {})) for name, sight in base.items()}


def waiting(name: str = "asia", version: str = "v2", **facts: Any) -> EnvironmentProgress:
    release = Release(version, f"{version}/{name}", "c")
    base = EnvironmentProgress(name, release, Phase.QUEUED, START, rollout=2, pointer="v1")
    return replace(base, **facts)


def in_phase(name: str, phase: Phase, version: str = "v2", **facts: Any) -> EnvironmentProgress:
    return waiting(name, version, phase=phase, started=START, **facts)


def a_rollout(*progresses: EnvironmentProgress, **changes: Any) -> Rollout:
    """Rollout 2, promoting v2 everywhere; v1 is in force and proven where nothing else is said."""
    old = {name: Release("v1", f"v1/{name}", "c") for name in SPEC.environments}
    flying = {p.environment: p.target for p in progresses if p.started}
    proven = {
        name: (flying[name], release)
        if any(p.passed and p.environment == name for p in progresses)
        else (release,)
        for name, release in old.items()
    }
    base = Rollout(
        "frontend",
        2,
        "v2",
        "running",
        SPEC.environments,
        {p.environment: p for p in progresses},
        {**old, **flying},
        proven,
    )
    return replace(base, **changes)


def passed(name: str, version: str = "v2") -> EnvironmentProgress:
    return in_phase(name, Phase.PASSED, version, passed=START)


SOAKING = in_phase("canary", Phase.WATCHING, ready=START, steady=START, previous=V1)
ALONE = {"scope": ("asia",)}
BY_HAND = {"version": "", "scope": ("asia",)}
CONFIGURED = waiting(version="v1", change="configuration", target=Release("v1", "v1/asia/new", "c"))


@dataclass(frozen=True)
class Start:
    name: str
    gate: Gate
    rollout: Rollout
    outcome: str
    because: str = ""
    due: timedelta | None = None
    progress: EnvironmentProgress = field(default_factory=waiting)
    seen: dict[str, Seen] = field(default_factory=sights)
    spec: dict[str, Any] = field(default_factory=dict)


STARTS = [
    Start("order: canary has not even started", predecessors, a_rollout(), "closed", "v2 to pass canary"),
    Start("order: canary soaks", predecessors, a_rollout(SOAKING), "closed",
          "waits for v2 to pass canary, at the earliest 2026-01-05T08:40:00Z", 40 * M),
    Start("order: canary has passed", predecessors, a_rollout(passed("canary")), "open"),
    Start("order: canary has passed what it was before a fix", predecessors, a_rollout(passed("canary")),
          "closed", "canary", seen=sights(canary={"candidate": Release("v2", "fixed", "c")})),
    Start("order: canary passed once and is being tried again", predecessors,
          a_rollout(replace(passed("canary"), phase=Phase.SETTLING)), "closed"),
    Start("order: the first wave waits for nobody", predecessors, a_rollout(), "open",
          progress=waiting("canary")),
    Start("order: --to asks for what has never passed", predecessors, a_rollout(**ALONE), "closed", "canary"),
    Start("order: --to is content with what passed once", predecessors,
          a_rollout(passed("canary"), in_force={"canary": V1}, **ALONE), "open"),
    Start("order: moved by hand, not qualified", predecessors, a_rollout(**BY_HAND), "closed",
          "waits for v2 to pass canary"),
    Start("order: moved by hand, qualified", predecessors, a_rollout(passed("canary"), **BY_HAND), "open"),
    Start("order: an undo waits for nobody", predecessors, a_rollout(**BY_HAND), "open",
          progress=waiting(change="undo")),
    Start("order: configuration waits for configuration", predecessors,
          a_rollout(in_phase("canary", Phase.SETTLING, "v1", change="configuration"), **BY_HAND), "closed",
          "this change to pass canary", progress=CONFIGURED),
    Start("order: configuration does not wait for versions", predecessors, a_rollout(SOAKING, **BY_HAND),
          "open", progress=CONFIGURED),
    Start("order: configuration does not wait for what is held", predecessors,
          a_rollout(waiting("canary", change="configuration", phase=Phase.HELD), **BY_HAND), "open",
          progress=CONFIGURED),
    Start("order: configuration waits for one that failed", predecessors,
          a_rollout(in_phase("canary", Phase.FAILED, "v1", change="configuration"), **BY_HAND), "closed",
          progress=CONFIGURED),
    Start("order: first releases go in order too", predecessors,
          a_rollout(in_phase("canary", Phase.SETTLING, "v1", change="first"), **BY_HAND), "closed",
          progress=waiting(version="v1", change="first")),
    Start("pause: running", pause, a_rollout(), "open"),
    Start("pause: paused", pause, a_rollout(status="paused", because="paused by ana"), "closed",
          "paused by ana"),
    Start("pause: failed", pause, a_rollout(status="failed", because="v2 failed"), "closed", "v2 failed"),
    Start("parallel: room", parallel, a_rollout(in_phase("europe", Phase.WATCHING)), "open"),
    Start("parallel: none left", parallel, a_rollout(in_phase("europe", Phase.WATCHING)), "closed",
          "at most 1 at a time in wave w2: europe first",
          spec={"waves": (SPEC.waves[0], replace(SPEC.waves[1], max_parallel=1))}),
    Start("parallel: other waves do not count", parallel, a_rollout(SOAKING), "open",
          spec={"waves": (SPEC.waves[0], replace(SPEC.waves[1], max_parallel=1))}),
    Start("versions: one more fits", versions, a_rollout(passed("canary")), "open",
          progress=waiting(version="v3")),
    Start("versions: one too many", versions, a_rollout(passed("canary")), "closed",
          "too many (at most 2): v1 in asia, europe; v2 in canary: converge canary first",
          progress=waiting(version="v3"), spec={"max_active_versions": 2}),
    Start("versions: replacing the last of its kind adds none", versions, a_rollout(passed("canary")), "open",
          progress=waiting("canary", "v3"), spec={"max_active_versions": 2}),
    Start("versions: converging is always allowed", versions, a_rollout(passed("canary")), "open",
          spec={"max_active_versions": 1}),
    Start("rejected: nothing was", rejected, a_rollout(), "open"),
    Start("rejected: this digest", rejected, a_rollout(rejected={"v2/asia": "asia: pods crash"}), "closed",
          "v2 was rejected: asia: pods crash: release a fix, or `retry`"),
    Start("rejected: the version, elsewhere", rejected, a_rollout(rejected={"v2/canary": "canary: slow"}),
          "closed", "canary: slow"),
    Start("rejected: a fix has another digest", rejected, a_rollout(rejected={"v2.0/canary": "x"}), "open"),
    Start("rejected: an undo is a person's own word", rejected, a_rollout(rejected={"v2/asia": "x"}), "open",
          progress=waiting(change="undo")),
    Start("rejected: configuration is judged by its own digest", rejected,
          a_rollout(rejected={"v1/europe": "x"}), "open", progress=CONFIGURED),
    Start("contact: answers", contact, a_rollout(), "open"),
    Start("contact: does not", contact, a_rollout(), "closed", "asia does not answer",
          seen=sights(asia={"reachable": False})),
    Start("dependencies: well", dependencies, a_rollout(), "open"),
    Start("dependencies: not well", dependencies, a_rollout(), "closed", "database is settling in asia",
          seen=sights(asia={"waiting_for": "database is settling in asia"})),
    Start("dependencies: an undo does not wait", dependencies, a_rollout(), "open",
          progress=waiting(change="undo"), seen=sights(asia={"waiting_for": "database"})),
]  # fmt: skip


@pytest.mark.parametrize("case", STARTS, ids=lambda case: case.name)
def test_gates_before_a_start(case: Start) -> None:
    """Nothing starts but through these, and each says what to do or when to come back."""
    spec = replace(SPEC, **case.spec)
    verdict = case.gate(case.seen, case.progress, spec, case.rollout, START)
    assert (verdict.outcome, verdict.due) == (case.outcome, None if case.due is None else START + case.due)
    assert case.because in verdict.because


def test_the_first_closed_gate_is_told() -> None:
    """Of several closed gates the one that a person can act on is shown."""
    rollout = a_rollout(rejected={"v2/asia": "asia: pods crash"}, status="paused", because="paused by ana")
    verdict = may_start(sights(asia={"reachable": False}), waiting(), SPEC, rollout, START)
    assert verdict.gate == "rejected"
    assert len(START_GATES) == 7


def test_what_is_not_in_flight_has_no_gate_to_leave_by() -> None:
    """Asking how a passed environment goes on is a mistake, and is not answered."""
    with pytest.raises(KeyError):
        may_go_on(sights(), passed("asia"), SPEC, a_rollout(), START)


def test_verdicts_are_data() -> None:
    """Two gates that say the same give equal verdicts."""
    assert Verdict("open") == Verdict("open", "", None, "")
