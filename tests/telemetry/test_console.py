"""Log lines for people on a terminal; the same events as JSON in a pipe, in full."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from gitrel.events import Event
from gitrel.telemetry.console import render_line
from gitrel.telemetry.logs import Format, configure
from gitrel.telemetry.sinks import log_lines

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
DIGEST = "sha256:" + "3fa94c1b2d7e" + "0" * 52
COMMIT = "59c2aa6d3c1f" + "a" * 28
PHASE = Event(
    AT,
    "environment.phase",
    "web",
    "asia",
    "v2 is due",
    {"from": "", "to": "applying", "version": "v2", "digest": DIGEST},
)
APPLIED = Event(
    AT, "environment.applied", "web", "asia", data={"changes": {"created": 2, "unchanged": 0, "deleted": 1}}
)
STARTED = Event(AT, "rollout.started", "web", data={"number": 2, "scope": ["quiet", "busy"], "version": ""})


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def written(event: Event, format_: Format) -> str:
    stream = io.StringIO()
    configure("info", format_, stream)
    log_lines(structlog.get_logger())(event)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            PHASE,
            "info     environment.phase web asia: v2 is due  digest=3fa94c1b2d7e to=applying version=v2",
        ),
        (APPLIED, "info     environment.applied web asia  changes=created:2,deleted:1"),
        (STARTED, "info     rollout.started web  number=2 scope=quiet,busy"),
    ],
    ids=["phase", "counts", "lists"],
)
def test_a_line_for_people(event: Event, line: str) -> None:
    """Place and reason first; no prefix, no empty field, no braces, brackets or quotes, digests in short."""
    at, _, rest = written(event, "console").rstrip("\n").partition(" ")
    assert rest == line
    assert len(at) == len("2026-01-31T12:00:00Z")


def test_a_pipe_gets_everything_as_json() -> None:
    """The keys that collectors know, and every digest in full."""
    row = json.loads(written(PHASE, "json"))
    del row["timestamp"]
    assert row == {
        "event": "environment.phase",
        "level": "info",
        "component": "web",
        "environment": "asia",
        "message": "v2 is due",
        "data_from": "",
        "data_to": "applying",
        "data_version": "v2",
        "data_digest": DIGEST,
    }


def test_what_stands_in_a_sentence_is_cut_and_quoted_too() -> None:
    """A commit in a message is cut to twelve digits; text with spaces is in double quotes; control characters
    are shown; a traceback keeps its lines."""
    line = render_line(
        None,
        "error",
        {
            "event": "pass.failed",
            "level": "error",
            "timestamp": "2026-01-31T12:00:00.123456Z",
            "error": f"commit {COMMIT} is\x1b[31m not\nhere",
            "exit_code": 3,
            "ok": False,
            "exception": "Traceback:\n  at",
        },
    )
    assert line == (
        '2026-01-31T12:00:00Z error    pass.failed  error="commit 59c2aa6d3c1f is\\u001b[31m not\\nhere" '
        "exit_code=3 ok=no\nTraceback:\n  at"
    )


def test_numbers_that_only_look_like_digests_stay_whole() -> None:
    """Forty and sixty-four digits are cut, nothing else is."""
    text = "a" * 39
    assert text in render_line(None, "info", {"event": text})
    assert "b" * 41 in render_line(None, "info", {"event": "b" * 41})
