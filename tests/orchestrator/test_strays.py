"""What is told of clocks that stray."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gitrel.orchestrator.strays import clock_event
from gitrel.telemetry.metrics import Metrics

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("skew", "says"),
    [
        (timedelta(hours=5), "the cluster's clock is 5h ahead of this machine's"),
        (timedelta(minutes=-90), "the cluster's clock is 1h30m behind this machine's"),
        (timedelta(), "agree again"),
    ],
)
def test_a_clock_that_strays_is_told_and_counted(skew: timedelta, says: str) -> None:
    """The sentence has the span and the way; the metric has seconds, with their sign."""
    event = clock_event("asia", skew, NOW)
    assert says in event.message
    metrics = Metrics()
    metrics.hear(event)
    wanted = f'gitrel_cluster_clock_skew_seconds{{environment="asia"}} {skew.total_seconds()}'
    assert wanted in metrics.text().decode()
