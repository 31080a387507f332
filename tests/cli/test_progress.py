"""Progress says what happened, in lines and in a table, and can do no harm to a terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cli.output import Writer
from gitrel.cli.progress import Lines, Row, Silence, Table, counts, display, folded, line_of
from gitrel.cli.session import Session
from gitrel.clock import VirtualClock
from gitrel.events import Event

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def phase(environment: str, to: str, **more: Any) -> Event:
    data = {"from": "", "to": to, "version": "v2", "digest": "sha256:0"}
    return Event(NOW, "environment.phase", "web", environment, more.pop("message", ""), data | more)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (phase("asia", "watching", message="soaks"), "2026-01-31T12:00:00Z web asia watching v2: soaks"),
        (
            Event(
                NOW,
                "environment.applied",
                "web",
                "asia",
                data={"version": "v2", "changes": {"created": 2, "unchanged": 1}},
            ),
            "2026-01-31T12:00:00Z web asia applied v2: 2 created",
        ),
        (
            Event(NOW, "rollout.started", "web", message="because", data={"number": 3, "version": "v2"}),
            "2026-01-31T12:00:00Z web rollout 3 started: v2: because",
        ),
        (
            Event(
                NOW, "rollout.failed", "web", message="restarts", data={"number": 3, "status": "rolled-back"}
            ),
            "2026-01-31T12:00:00Z web rollout 3 rolled-back: restarts",
        ),
        (
            Event(NOW, "cluster.unreachable", "web", "asia", "no route"),
            "2026-01-31T12:00:00Z web asia unreachable: no route",
        ),
        (
            Event(NOW, "pointer.moved", "web", "asia", data={"version": "v2"}),
            "2026-01-31T12:00:00Z web asia points to v2",
        ),
        (Event(NOW, "pass.started"), ""),
        (phase("as\x1b[31mia", "held"), r"2026-01-31T12:00:00Z web as\x1b[31mia held v2"),
        (
            Event(NOW, "cluster.unreachable", "web", "asia", "https://bob:hunter2secret@x"),
            "2026-01-31T12:00:00Z web asia unreachable: https://(hidden)@x",
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Event) else "",
)
def test_each_event_is_one_plain_line(event: Event, line: str) -> None:
    """When, where, what and why stand on one line; escapes and secrets do not."""
    assert line_of(event) == line


KINDS = (
    "environment.phase",
    "environment.applied",
    "environment.refused",
    "cluster.unreachable",
    "other",
    "rollout.started",
)
EVENTS = st.builds(
    Event,
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(KINDS),
    st.text(max_size=3),
    st.text(max_size=3),
    st.text(max_size=5),
    st.fixed_dictionaries({}, optional={"to": st.text(max_size=4), "changes": st.just({"created": 1})}),
)


@given(st.lists(EVENTS, max_size=12))
@settings(deadline=None, max_examples=100)
def test_any_events_can_be_shown(events: list[Event]) -> None:
    """Whatever happens in whatever order, lines and rows hold no control character and nothing raises."""
    rows: Any = {}
    for event in events:
        rows = folded(rows, event)
        assert "\x1b" not in line_of(event)
        assert "\n" not in line_of(event)
    assert set(rows) <= {(e.component, e.environment) for e in events if e.environment}


def test_rows_keep_the_newest_phase() -> None:
    """A later phase replaces an earlier one in the same row; what was applied explains it."""
    rows: Any = {}
    events = (
        phase("asia", "applying"),
        Event(NOW, "environment.applied", "web", "asia", data={"changes": {"configured": 1}}),
        phase("canary", "queued"),
    )
    for event in events:
        rows = folded(rows, event)
    assert rows["web", "asia"] == Row("web", "asia", "v2", "applying", NOW, "1 configured")
    assert list(rows) == [("web", "asia"), ("web", "canary")]


def test_lines_appear_while_things_happen() -> None:
    """Each line is flushed at once, so that a CI log moves; quiet writes nothing at all."""
    loud, quiet = io.StringIO(), io.StringIO()
    for stream, kind in ((loud, Lines), (quiet, Silence)):
        with kind(Writer(stream, color=False)) as shown:
            shown.event(phase("asia", "watching"))
            shown.event(Event(NOW, "pass.started"))
    assert loud.getvalue() == "2026-01-31T12:00:00Z web asia watching v2\n"
    assert quiet.getvalue() == ""


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", ["20", "200"])
def test_the_table_ends_with_the_last_state(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays on the screen names every environment and its phase, however narrow the screen is."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    clock, screen = VirtualClock(NOW), Screen()
    with Table(Writer(screen, color=False), clock) as shown:
        shown.event(phase("asia", "watching", message="[bold]soaks[/oops] \x1b]0;title\x07"))
        clock.advance(timedelta(minutes=5))
    written = screen.getvalue()
    assert "\x1b]0" not in written
    if columns == "200":
        assert "watching" in written
        assert "5m" in written
        assert "[bold]soaks[/oops]" in written


def test_a_table_in_which_nothing_moved_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last thing that is written goes up and erases every line of it."""
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    with Table(Writer(screen, color=False), VirtualClock(NOW)):
        pass
    assert screen.getvalue().endswith("\x1b[1A\x1b[2K")


def test_the_table_shows_what_is_under_way_first() -> None:
    """With more environments than lines, those that ended give way."""
    from gitrel.cli.progress import _fitting

    rows = [Row("web", str(i), phase="passed") for i in range(30)] + [Row("web", "now", phase="watching")]
    shown = _fitting(rows, 5)
    assert len(shown) == 5
    assert shown[-1].environment == "now"


@pytest.mark.parametrize(
    ("env", "terminal", "kind"),
    [
        ({}, True, Table),
        ({}, False, Lines),
        ({"TERM": "dumb"}, True, Lines),
        ({"CI": "true"}, True, Lines),
    ],
    ids=["terminal", "pipe", "dumb", "CI"],
)
def test_the_display_suits_the_terminal(
    env: dict[str, str], terminal: bool, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a capable terminal outside of CI gets a table that moves."""
    for name in ("TERM", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    session = Session()
    with mock.patch("sys.stderr", Screen() if terminal else io.StringIO()):
        assert type(display(session, VirtualClock(NOW))) is kind


def test_quiet_wins_over_everything() -> None:
    """--quiet silences progress also on a terminal."""
    session = Session()
    session.quiet = True
    with mock.patch("sys.stderr", Screen()):
        assert type(display(session, VirtualClock(NOW))) is Silence


def test_every_word_for_a_change_is_counted() -> None:
    """A release that only makes something anew has changed something."""
    assert counts({"recreated": 1, "unchanged": 4}) == "1 recreated"
    changed = {"deleted": 2, "recreated": 1, "skipped": 3, "created": 4, "configured": 5, "unchanged": 6}
    assert counts(changed) == "4 created, 5 configured, 1 recreated, 2 deleted, 3 skipped"
    assert counts({"unchanged": 1}) == "unchanged"
