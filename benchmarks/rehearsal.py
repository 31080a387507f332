"""How long it takes to play the example's release through all seven environments, days of virtual time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure
from gitrel.app import read_catalog, renderer
from gitrel.rehearsal.rehearse import Plot, rehearse

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5


def measure() -> Iterator[Figure]:
    """Installing what runs today is part of it; importing Python modules is not."""
    catalog, _ = read_catalog(ROOT)
    plot = Plot(catalog, "frontend", "v2", start=datetime(2026, 1, 5, tzinfo=UTC))
    taken, days = [], 0.0
    with renderer() as render:
        for _ in range(RUNS):
            begun = time.perf_counter()
            report = rehearse(plot, render)
            taken.append(time.perf_counter() - begun)
            assert report.passed, report.because
            days = (report.ended - report.started).total_seconds() / 86_400
    seconds = median(taken)
    yield Figure("rehearse_example_seconds", seconds, "s", 3.0, "lower")
    yield Figure("rehearse_example_virtual_days", days, "days", 3.0, "higher")
    yield Figure("rehearse_virtual_hours_per_second", days * 24 / seconds, "h/s", None, "higher")
