"""Narrow terminals: reasons fold between words, names are never cut, and what is piped is left whole."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import pytest

from gitrel.cli.output import Column, Writer, table
from gitrel.cli.progress import Table
from gitrel.clock import VirtualClock
from gitrel.events import Event

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
COLUMNS = (Column("NAME", lambda i: i["name"]), Column("WHY", lambda i: i["why"]))
ITEMS = [
    {"name": "development", "why": "waits for the rest"},
    {"name": "asia", "why": "a reason of many words " * 3},
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(monkeypatch: pytest.MonkeyPatch, width: int, stream: io.StringIO) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    table(Writer(stream, False), COLUMNS, ITEMS, headers=True)
    return stream.getvalue().splitlines()


def test_a_reason_goes_on_below_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the last column has room enough it stays a column."""
    assert printed(monkeypatch, 50, Terminal()) == [
        "NAME          WHY",
        "development   waits for the rest",
        "asia          a reason of many words a reason of",
        "              many words a reason of many words",
    ]


def test_a_reason_goes_below_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it has not, the whole width is better, and a short reason stays where it is."""
    assert printed(monkeypatch, 34, Terminal()) == [
        "NAME          WHY",
        "development   waits for the rest",
        "asia",
        "    a reason of many words a",
        "    reason of many words a reason",
        "    of many words",
    ]


def test_a_file_takes_lines_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not a terminal gets one line a row, for grep and awk."""
    assert [line.split()[0] for line in printed(monkeypatch, 34, io.StringIO())] == [
        "NAME",
        "development",
        "asia",
    ]


def test_the_moving_table_cuts_reasons_and_not_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each environment takes one line, so that as many are shown as the terminal has lines for."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "30")
    stream = Terminal()
    shown = Table(Writer(stream, False), VirtualClock(NOW))
    data = {"to": "queued", "version": "v2"}
    for place in ("development", "staging"):
        shown.event(Event(NOW, "environment.phase", "frontend", place, "waits " * 30, data))
    with shown:
        pass
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    lines = [line for line in plain.splitlines() if "frontend" in line]
    assert [line.split()[:4] for line in lines[-2:]] == [
        ["frontend", "development", "v2", "queued"],
        ["frontend", "staging", "v2", "queued"],
    ]
    assert all(line.rstrip().endswith("…") for line in lines[-2:])
