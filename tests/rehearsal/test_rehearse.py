"""Whole rollouts of the example repository on virtual clusters: order, instants, faults, sameness."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from gitrel.app import read_catalog, renderer
from gitrel.errors import UsageError
from gitrel.orchestrator.world import Renderer
from gitrel.rehearsal.faults import Crash, NeverReady, NodeDies, Outage, parse
from gitrel.rehearsal.rehearse import Plot, rehearse
from gitrel.rehearsal.report import Rehearsal, Row
from gitrel.repo.model import Catalog

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
WAVES = (("development",), ("staging",), ("canary",), ("asia",), ("eastus",), ("europe", "westus"))
SOAK = timedelta(hours=12)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    catalog, problems = read_catalog(ROOT)
    assert problems == ()
    return catalog


@pytest.fixture(scope="module")
def render() -> Iterator[Renderer]:
    with renderer() as it:
        yield it


def played(
    catalog: Catalog,
    render: Renderer,
    *faults: str,
    version: str = "v2",
    seed: int = 0,
    soak_factor: float | None = None,
) -> Rehearsal:
    plot = Plot(catalog, "frontend", version, START, seed, tuple(map(parse, faults)), soak_factor)
    return rehearse(plot, render)


def rows(report: Rehearsal) -> dict[str, Row]:
    return {row.environment: row for row in report.rows}


@pytest.fixture(scope="module")
def good(catalog: Catalog, render: Renderer) -> Rehearsal:
    return played(catalog, render)


def test_a_good_release_goes_around_the_world(good: Rehearsal) -> None:
    """It passes everywhere, wave after wave, and takes more than three virtual days."""
    assert good.passed
    assert good.failed == ()
    by_name = rows(good)
    assert [row.phase for row in good.rows] == ["passed"] * 7
    for earlier, later in pairwise(WAVES):
        ends = max(ended for name in earlier if (ended := by_name[name].passed))
        assert all(by_name[name].started == ends for name in later)
    assert good.ended - good.started > timedelta(days=3)


def test_each_environment_waited_as_long_as_was_asked(good: Rehearsal) -> None:
    """Applied, ready, a minute steady, twelve hours of soak, in that order and to the second."""
    for row in good.rows:
        assert row.started and row.applied and row.ready and row.steady and row.passed
        assert row.started <= row.applied <= row.ready
        assert row.steady - row.ready == timedelta(seconds=60)
        assert row.passed - row.steady == SOAK


def test_one_seed_one_story(catalog: Catalog, render: Renderer, good: Rehearsal) -> None:
    """Two rehearsals with one seed print the same bytes, faults included; another seed is another story."""
    again = played(catalog, render)
    assert json.dumps(again.as_json()) == json.dumps(good.as_json())
    bad = [json.dumps(played(catalog, render, "crash:after=40m,in=asia", seed=7).as_json()) for _ in range(2)]
    assert bad[0] == bad[1]
    assert json.loads(bad[0])["seed"] == 7


def test_a_crash_is_caught_where_it_first_happens(catalog: Catalog, render: Renderer) -> None:
    """A release that crashes 40 minutes after it arrives never leaves the first environment it crashes in."""
    report = played(catalog, render, "crash:after=40m")
    assert report.status == "rolled-back"
    assert report.reached == ("development",)
    assert report.failed == ("development",)
    canary = played(catalog, render, "crash:after=40m,in=canary")
    assert canary.reached == ("development", "staging", "canary")
    assert canary.failed == ("canary",)
    assert "CrashLoopBackOff" in rows(canary)["canary"].because
    started, ended = rows(canary)["canary"].started, canary.ended
    assert started is not None
    assert timedelta(minutes=40) < ended - started < timedelta(minutes=45)


def test_without_a_soak_the_same_release_reaches_further(catalog: Catalog, render: Renderer) -> None:
    """The soak is what stops it: with a factor of 0 it is everywhere before its first crash."""
    report = played(catalog, render, "crash:after=40m", soak_factor=0.0)
    assert len(report.reached) == 7


def test_a_release_that_never_gets_ready_fails_at_the_deadline(catalog: Catalog, render: Renderer) -> None:
    """It is taken back when `progressDeadline` (10 minutes) is over, in the environment where it hangs."""
    report = played(catalog, render, "never-ready:in=staging")
    assert report.reached == ("development", "staging")
    assert report.failed == ("staging",)
    started = rows(report)["staging"].started
    assert started is not None
    assert timedelta(minutes=10) <= report.ended - started <= timedelta(minutes=12)


def test_a_cluster_that_does_not_answer_is_waited_for(catalog: Catalog, render: Renderer) -> None:
    """An outage at the time the soak would end delays passing until somebody can look again; what the cluster
    itself recorded meanwhile counts, so the soak does not begin anew."""
    report = played(catalog, render, "outage:in=development,at=11h,for=3h")
    assert report.passed
    row = rows(report)["development"]
    assert row.steady and row.passed
    assert row.passed == report.started + timedelta(hours=14)


def test_a_dying_node_costs_time_not_the_release(catalog: Catalog, render: Renderer) -> None:
    """Its pods come back elsewhere; readiness was lost, so the soak begins anew there, and it passes."""
    report = played(catalog, render, "node-dies:in=development,at=2h,for=5h")
    assert report.passed
    row = rows(report)["development"]
    assert row.ready and row.started and row.passed
    assert row.ready > report.started + timedelta(hours=2)
    assert row.passed - row.ready == timedelta(seconds=60) + SOAK


def test_rehearsing_what_runs_already_says_so(catalog: Catalog, render: Renderer) -> None:
    """There is nothing to do, which is not the same as never having been reached."""
    report = played(catalog, render, version="v1")
    assert report.passed
    assert {row.because for row in report.rows} == {"runs it already"}
    assert "never reached" in {row.because for row in played(catalog, render, "crash:after=40m").rows}


def test_a_version_that_does_not_exist_is_refused(catalog: Catalog, render: Renderer) -> None:
    """The message names what there is."""
    with pytest.raises(UsageError, match=r"frontend has no version 'v9'.*v1, v2, current"):
        played(catalog, render, version="v9")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("crash:after=40m", Crash(timedelta(minutes=40))),
        (
            "crash:after=1h,again=1m,code=137,image=*/web:2*,in=asia",
            Crash(timedelta(hours=1), timedelta(minutes=1), 137, "*/web:2*", "asia"),
        ),
        ("never-ready", NeverReady()),
        ("outage:in=asia,at=2h,for=30m", Outage("asia", timedelta(hours=2), timedelta(minutes=30))),
        ("node-dies:in=asia,at=0s,node=asia-1", NodeDies("asia", timedelta(), None, "asia-1")),
    ],
)
def test_faults_are_read(text: str, fault: object) -> None:
    """Each documented form means what the help says."""
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("flood", "unknown fault 'flood': known are crash, never-ready, outage, node-dies"),
        ("crash", "after missing: for example crash:after=40m,in=canary"),
        ("crash:after=40", "'40' is not a duration"),
        ("crash:after=40m,where=asia", "'where=asia' is not understood"),
        ("outage:in=asia", "at and for missing"),
        ("crash:after=40m,code=x", "invalid literal"),
    ],
)
def test_wrong_faults_are_told(text: str, says: str) -> None:
    """What is wrong, and what is known instead."""
    with pytest.raises(UsageError) as error:
        parse(text)
    assert says in str(error.value)


def test_a_fault_in_a_place_that_does_not_exist_is_refused(catalog: Catalog, render: Renderer) -> None:
    """Neither an unknown environment nor an unknown node is ignored in silence."""
    with pytest.raises(UsageError, match="there is no environment 'mars'"):
        played(catalog, render, "crash:after=1m,in=mars")
    with pytest.raises(UsageError, match=r"asia has no node 'asia-9' \(did you mean 'asia-"):
        played(catalog, render, "node-dies:in=asia,at=1h,node=asia-9")
