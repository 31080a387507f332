"""What goes into the template process and what comes back: plain data, so that it can cross a pipe.

Nothing here knows Jinja; `jinja.py` turns a `Job` into results and `worker.py` carries them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Lines = tuple[tuple[str, int], ...]
"""For each line of rendered text, in order: the file and line of the template that it comes from."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one template may use: seconds of CPU time, and bytes."""

    seconds: float = 5.0
    memory_bytes: int = 512 * 1024 * 1024
    output_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Job:
    """Templates to render, all files that they may include, and the one context for all of them.

    Names are paths relative to the version's directory. `context` holds dict, list, str, int, float, bool
    and None only, so that a template can reach nothing else.
    """

    files: Mapping[str, str]
    templates: tuple[str, ...]
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """One rendered template. `lines` is empty where the origin of its lines could not be told.

    `reads` names what it asked for, in the words of `reads`.
    """

    text: str
    lines: Lines = ()
    reads: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one template could not be rendered.

    `file` and `line` name the innermost template that failed (line 0: the process was killed); `chain`
    the includes that led there, outermost first, as `file:line`.
    """

    file: str
    line: int
    what: str
    todo: str = ""
    chain: tuple[str, ...] = ()


Result = Text | Failure


class TemplateWorkers(Protocol):
    """Renders templates somewhere where they can do no harm."""

    def render(self, job: Job) -> Mapping[str, Result]:
        """One result per template of the job. Never raises for what a template does."""
        ...
