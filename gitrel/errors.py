"""Every failure gitrel reports to a person, as one tree whose leaves carry an exit code.

GitrelError                      70  a fault in gitrel itself, unless a subclass says otherwise
├── UsageError                    2  the command line asks for something that does not exist
├── InvalidRepository             3  the repository or the configuration is wrong (carries every problem)
├── GateClosed                    4  the schedule does not allow it yet (carries the gate and the instant)
├── RolloutFailed                 5  the rollout failed, or was rolled back
├── TimedOut                      6  waited as long as was asked
├── NeedsPerson                   8  waiting is of no use: somebody has to do something first
└── Unreachable                   7  a cluster or the Git remote cannot be reached
    └── Conflict                     somebody else moved the same ref first; re-read and try again
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong in the repository: where, what, and what to do about it.

    `line` and `column` count from 1; 0 means that the place has none (a missing folder, say).
    """

    file: str
    line: int
    column: int
    what: str
    todo: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        place = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])
        mark = "warning: " if self.severity == "warning" else ""
        return f"{place}: {mark}{self.what}" + (f": {self.todo}" if self.todo else "")


class GitrelError(Exception):
    """A failure that is told to the user as one message, never as a traceback."""

    exit_code = 70


class UsageError(GitrelError):
    """The command line names something that does not exist, or asks for the impossible."""

    exit_code = 2


class InvalidRepository(GitrelError):
    """The repository or the configuration is wrong; carries every problem that was found."""

    exit_code = 3

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class GateClosed(GitrelError):
    """The schedule refuses; `gate` says which one and `due` when it can open at the earliest."""

    exit_code = 4

    def __init__(self, message: str, *, gate: str, due: datetime | None = None) -> None:
        super().__init__(message)
        self.gate = gate
        self.due = due


class RolloutFailed(GitrelError):
    """The rollout failed or was rolled back."""

    exit_code = 5


class TimedOut(GitrelError):
    """What was waited for did not happen in the time that was allowed."""

    exit_code = 6


class NeedsPerson(GitrelError):
    """What was waited for does not happen by itself; the message says who is to do what."""

    exit_code = 8


class Unreachable(GitrelError):
    """A cluster or the Git remote does not answer."""

    exit_code = 7


class Conflict(Unreachable):
    """Another writer moved the same ref first: re-read, decide again, and retry."""
