"""Instants as Go reads and writes them: canonical where they can be read, refused in Go's words where not."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitrel.cluster.api.times import MICRO_TIME, TIME, BadTime, canonical


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        (TIME, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        (TIME, "2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"),
        (TIME, "2026-01-02T00:04:05+01:00", "2026-01-01T23:04:05Z"),
        (TIME, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        (MICRO_TIME, "2026-01-02T03:04:05.000001Z", "2026-01-02T03:04:05.000001Z"),
        (MICRO_TIME, "2026-01-02T03:04:05.120000-02:00", "2026-01-02T05:04:05.120000Z"),
    ],
)
def test_what_can_be_read_is_written_in_one_form(name: str, text: str, kept: str) -> None:
    """In UTC; whole seconds for a Time, six digits for a MicroTime."""
    assert canonical(text, name) == kept


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (TIME, "x", 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'),
        (TIME, "", 'cannot parse "" as "2006"'),
        (TIME, "2026-01-02", 'cannot parse "" as "T"'),
        (TIME, "2026-01-02T03:04:05", 'cannot parse "" as "Z07:00"'),
        (TIME, "2026-01-02 03:04:05Z", 'cannot parse " 03:04:05Z" as "T"'),
        (TIME, "2026-02-30T03:04:05Z", "out of range"),
        (TIME, "0001-01-01T00:00:00+09:00", "out of range"),
        (MICRO_TIME, "2026-01-02T03:04:05Z", 'cannot parse "Z" as ".000000"'),
        (MICRO_TIME, "2026-01-02T03:04:05.1Z", 'cannot parse ".1Z" as ".000000"'),
    ],
)
def test_what_cannot_be_read_is_told_as_go_tells_it(name: str, text: str, says: str) -> None:
    """With the element of the layout at which it failed."""
    with pytest.raises(BadTime) as wrong:
        canonical(text, name)
    assert says in str(wrong.value)


@given(st.text() | st.datetimes().map(datetime.isoformat), st.sampled_from((TIME, MICRO_TIME)))
def test_reading_twice_changes_nothing(text: str, name: str) -> None:
    """Whatever text there is: refused, or in a form that stays."""
    try:
        once = canonical(text, name)
    except BadTime:
        return
    assert canonical(once, name) == once
