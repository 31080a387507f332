"""When a story begins on the clock of its clusters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitrel.app import read_catalog
from gitrel.rehearsal.faults import parse
from gitrel.rehearsal.fleet import Fleet
from gitrel.rehearsal.play import LEAD, begin

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("installed", "begins"),
    [
        pytest.param(START - LEAD + timedelta(minutes=8), START, id="what runs today is there in time"),
        pytest.param(START + timedelta(minutes=5), START + timedelta(minutes=5), id="it takes longer"),
    ],
)
def test_a_story_never_begins_before_its_start(installed: datetime, begins: datetime) -> None:
    """It waits for its instant, or for what has to be there before; the faults count from then on."""
    catalog, _ = read_catalog(ROOT)
    fleet = Fleet(catalog, START - LEAD, faults=(parse("outage:in=asia,at=2h,for=1h"),))
    fleet.advance_to(installed)
    assert begin(fleet, START) == begins
    assert fleet.clock.now() == begins
    assert fleet.next_fault(timedelta(days=1)) == begins + timedelta(hours=2)
