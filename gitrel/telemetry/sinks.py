"""Where the event stream goes: log lines for operators, JSON lines for machines."""

from __future__ import annotations

import json
from typing import Any, TextIO

from gitrel.events import Event, Listener
from gitrel.telemetry.masking import MASKER, Masker

WARNINGS = frozenset({"cluster.clock", "cluster.unreachable", "rollout.failed", "environment.unwell"})
"""Kinds that an operator should see without asking for more."""


def json_lines(stream: TextIO, masker: Masker = MASKER) -> Listener:
    """One compact JSON object a line with sorted keys: the same events give the same bytes."""

    def write(event: Event) -> None:
        row = masker.value(event.as_json())
        stream.write(json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n")

    return write


def log_lines(logger: Any) -> Listener:
    """Each event as one log line: its kind is the constant message, everything else is a key."""

    def write(event: Event) -> None:
        row = event.as_json()
        fields = {key: row[key] for key in ("component", "environment", "message") if key in row}
        level = logger.warning if event.kind in WARNINGS else logger.info
        level(event.kind, **fields, **{f"data_{key}": value for key, value in event.data.items()})

    return write
