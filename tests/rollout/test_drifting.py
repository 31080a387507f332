"""What drifts is put right with patience: instants on a clock, and bounds for every history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.rollout.drifting import FIGHT, WINDOW, mended, to_mend, told
from gitrel.rollout.seen import Drifted, Release, Seen
from gitrel.rollout.spec import RolloutSpec, WaveSpec
from gitrel.rollout.state import Rollout
from gitrel.rollout.wire import rollout_from_json, rollout_to_json

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
RELEASE = Release("v1", "sha256:1", "c")
WEB = Drifted("Deployment shop/web", ("spec.replicas",), ("somebody",), START)
SPEC = RolloutSpec(
    component="web",
    waves=(WaveSpec("all", ("eastus",), 1),),
    min_ready=timedelta(),
    mean_time_to_smoke=timedelta(),
    soak_factor=0.0,
    progress_deadline=timedelta(minutes=10),
    max_restarts=0,
    max_setbacks=0,
    max_active_versions=3,
    on_failure="hold",
    soak_first_release=False,
)


def record() -> Rollout:
    return Rollout("web", number=1, status="passed", in_force={"eastus": RELEASE})


def look(*drift: Drifted, applied: str = "sha256:1") -> dict[str, Seen]:
    return {"eastus": Seen("eastus", RELEASE, applied=applied, drifted=bool(drift), drift=drift)}


def play(seconds: range, spec: RolloutSpec = SPEC) -> tuple[Rollout, list[int]]:
    """An object that somebody changes back at once, looked at once a second: when it was put right."""
    rollout, times = record(), []
    for second in seconds:
        now = START + timedelta(seconds=second)
        rollout, _ = mended(spec, rollout, look(WEB), now)
        if to_mend(rollout, "eastus", now):
            times.append(second)
    return rollout, times


def test_an_object_that_keeps_drifting_is_given_up() -> None:
    """At once, then after 10, 30, 90 and 270 seconds; then never again, and it is named with the manager."""
    rollout, times = play(range(2 * 3600))
    assert times == [0, 10, 40, 130, 400]
    (one,) = rollout.drift["eastus"]
    assert one.fought
    assert told(rollout, "eastus") == (
        "Deployment shop/web: spec.replicas was changed by somebody at 2026-03-02T08:00:00Z, "
        "put right 5 times and given up"
    )


def test_time_alone_says_when_it_is_tried_again() -> None:
    """The instant of the next try is known, so that a daemon sleeps until then."""
    rollout, dues = mended(SPEC, record(), look(WEB), START)
    assert dues == [START + timedelta(seconds=10)]
    rollout, dues = mended(SPEC, rollout, look(WEB), START + timedelta(seconds=5))
    assert dues == [START + timedelta(seconds=10)]


def test_what_is_only_reported_is_not_touched() -> None:
    """It is told, and stays as it is."""
    spec = replace(SPEC, report_only=("eastus",))
    rollout, times = play(range(600), spec)
    assert times == []
    assert "was changed by somebody" in told(rollout, "eastus")


def test_another_release_begins_anew() -> None:
    """What was fought over under one release is tried again under the next."""
    rollout, _ = play(range(1000))

    new = replace(rollout, in_force={"eastus": Release("v2", "sha256:2", "d")})
    now = START + timedelta(seconds=1001)
    waiting, _ = mended(SPEC, new, look(WEB), now)
    assert waiting.drift == {}
    applied, _ = mended(SPEC, new, look(WEB, applied="sha256:2"), now)
    assert to_mend(applied, "eastus", now) == ("Deployment shop/web",)


def test_what_holds_for_an_hour_is_forgotten() -> None:
    """Until then a second drift waits longer, because it may be the same somebody."""
    rollout, _ = mended(SPEC, record(), look(WEB), START)
    rollout, _ = mended(SPEC, rollout, look(), START + timedelta(seconds=1))
    assert told(rollout, "eastus") == ""
    rollout, dues = mended(SPEC, rollout, look(), START + timedelta(minutes=59))
    assert dues == [START + WINDOW]
    rollout, _ = mended(SPEC, rollout, look(), START + WINDOW)
    assert rollout.drift == {}


LOOKS = st.lists(st.tuples(st.integers(0, 900), st.booleans()), max_size=80)


@settings(max_examples=80, deadline=None)
@given(LOOKS)
def test_no_history_makes_a_fight(looks: list[tuple[int, bool]]) -> None:
    """Within any hour an object is put right at most five times; deciding again changes nothing; the record
    survives the journal."""
    rollout, now, times = record(), START, list[datetime]()
    for pause, drifts in looks:
        now += timedelta(seconds=pause)
        seen = look(WEB) if drifts else look()
        rollout, dues = mended(SPEC, rollout, seen, now)
        assert mended(SPEC, rollout, seen, now) == (rollout, dues)
        assert all(due > now for due in dues)
        assert rollout_from_json(rollout_to_json(rollout)) == rollout
        if to_mend(rollout, "eastus", now) and (not times or times[-1] != now):
            times.append(now)
    for index, first in enumerate(times):
        assert len([at for at in times[index:] if at - first < WINDOW]) <= FIGHT
