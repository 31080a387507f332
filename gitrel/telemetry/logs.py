"""Sets structlog up: constant messages with keys, on stderr, with secrets masked after everything else.

The masking processor is the last one before the renderer, so that nothing which an earlier processor
adds, a formatted exception above all, gets past it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from gitrel.telemetry.console import render_line
from gitrel.telemetry.masking import MASKER, Masker

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["console", "json"]


def configure(level: Level, format_: Format, stream: TextIO | None = None, masker: Masker = MASKER) -> None:
    """Sends every logger of this process to `stream` (stderr by default) in one of the two formats."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            Masking(masker),
            structlog.processors.JSONRenderer(sort_keys=True) if format_ == "json" else render_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


class Masking:
    """The last processor: what comes out of it may be written anywhere."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return dict(self._masker.value(event))
