"""Pods that begin to crash long after the soak: an event, the status and a metric; no reopened rollout."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gitrel.orchestrator import commands
from gitrel.orchestrator.overview import matrix
from gitrel.rehearsal.faults import Crash
from gitrel.telemetry.metrics import Metrics
from tests.orchestrator.support import town


def test_pods_that_crash_after_the_soak_are_reported_once(tmp_path: Path) -> None:
    """v2 crashes hours after it has passed: one event for each environment, and the matrix says it."""
    crash = Crash(timedelta(hours=5), environment="quiet")
    with town(tmp_path, crash, images=("example.com/web:v2",)) as place:
        events: list[tuple[str, str]] = []
        place.world.events.subscribe(
            lambda event: events.append((event.kind, event.environment)) if "well" in event.kind else None
        )
        commands.promote(place.world, "web", "v2")
        assert place.settle().rollouts["web"].status == "passed"
        (row,) = matrix(place.world).rows
        assert row.cells["quiet"].unwell == ""
        for _ in range(40):
            place.wait(timedelta(minutes=10))
            report = place.once()
        assert events == [("environment.unwell", "quiet")]
        assert report.rollouts["web"].status == "passed"
        assert place.image("quiet") == "example.com/web:v2"
        (row,) = matrix(place.world).rows
        assert "CrashLoopBackOff" in row.cells["quiet"].unwell
        assert "unwell since" in row.cells["quiet"].sentence


def test_the_metric_follows_the_record() -> None:
    """1 while it is ill, 0 when it is well again, gone when the next release came."""
    metrics = Metrics()
    line = 'gitrel_environment_unwell{component="web",environment="asia"}'
    for unwell, shown in (({"asia": True}, " 1.0"), ({"asia": False}, " 0.0"), ({}, "")):
        metrics.note_unwell("web", unwell)
        assert ((line + shown) in metrics.text().decode()) is bool(shown)
    assert line not in metrics.text().decode()
