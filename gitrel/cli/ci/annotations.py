"""GitHub's workflow commands: one line each, in which no content can start another command.

`::error file=apps/web/component.yaml,line=3,col=5::what is wrong`. GitHub shows ten annotations of each level
for a step and drops the rest without a word, so the rest is counted in the last line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from gitrel.errors import Problem

Level = Literal["error", "warning", "notice"]
SHOWN_MAX = 10
_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def command(level: Level, message: str, *, file: str = "", line: int = 0, column: int = 0) -> str:
    """One annotation; a `line` or `column` of 0 is left out, and both without a file."""
    places = [("file", file), ("line", str(line or "")), ("col", str(column or ""))] if file else []
    told = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in places if value)
    return f"::{level}{' ' if told else ''}{told}::{message.translate(_MESSAGE)}"


def harmless(line: str) -> str:
    """The line, so that it is no command: GitHub obeys `::` after white space, and `##[` anywhere.

    A zero-width space breaks either; what is quoted from a repository may well look like a command.
    """
    if "::" not in line and "##[" not in line:
        return line
    return re.sub(r"^(\s*(?:\x1b\[\d+m)?\s*):(?=:)", "\\1:\u200b", line).replace("##[", "##\u200b[")


class Annotations:
    """Counts what it gives, so that the rest can be told in one line instead of being lost."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._given: Counter[Level] = Counter()

    def problem(self, problem: Problem) -> Iterator[str]:
        """A problem at its place; what stands after ` -> ` names a link's target and no file."""
        message = f"{problem.what}: {problem.todo}" if problem.todo else problem.what
        file = self._prefix + problem.file.partition(" -> ")[0]
        level: Level = "error" if problem.severity == "error" else "warning"
        yield from self._give(level, message, file, problem.line, problem.column)

    def message(self, level: Level, text: str) -> Iterator[str]:
        yield from self._give(level, text)

    def _give(self, level: Level, text: str, file: str = "", line: int = 0, column: int = 0) -> Iterator[str]:
        self._given[level] += 1
        if self._given[level] <= SHOWN_MAX:
            yield command(level, text, file=file, line=line, column=column)

    def rest(self) -> Iterator[str]:
        """How many were not shown, once, when nothing more is coming."""
        more = {level: count - SHOWN_MAX for level, count in self._given.items() if count > SHOWN_MAX}
        if more:
            counted = " and ".join(f"{n} more {level}{'s' * (n != 1)}" for level, n in sorted(more.items()))
            yield command("notice", f"{counted}: the log has them all")
