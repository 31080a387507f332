"""libyaml's errors → one Problem that says in a person's words what is wrong and what to do.

The place is where the mistake was made, not where the parser noticed it: an unclosed bracket is shown at
the bracket. No text of the file is quoted beyond the one character in question: the line may hold a secret.
"""

from __future__ import annotations

import re

from yaml import MarkedYAMLError, YAMLError
from yaml.error import Mark

from gitrel.errors import Problem

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

_OPENED = {
    "while parsing a flow sequence": "the bracket '[' is never closed",
    "while parsing a flow mapping": "the brace '{' is never closed",
    "while scanning a quoted scalar": "the quote is never closed",
}
"""What went wrong → shown where the parser's *context* began."""

_HERE = {
    "mapping values are not allowed in this context": (
        "a ': ' where no key can stand",
        "quote the value, or check the indentation",
    ),
    "found undefined alias": ("an alias of an anchor that does not exist", "define it above with &name"),
    "found undefined tag handle": ("an unknown tag", "remove it"),
    "could not find expected ':'": ("a key without ':'", "write 'key: value', or indent it as text"),
    "did not find expected '-' indicator": (
        "the list stops here without an end",
        "start the line with '- ', or check the indentation",
    ),
    "did not find expected key": ("a key was expected here", "check the indentation"),
    "did not find expected <document start>": (
        "this does not belong to the document above",
        "check the indentation, or start a document with '---'",
    ),
    "did not find expected node content": ("a value is missing here", "close the bracket or write the value"),
    "found incompatible YAML document": ("another version of YAML is asked for", "remove the %YAML line"),
}
"""What went wrong → shown where the parser noticed it."""


def describe(error: YAMLError, text: str, file: str) -> Problem:
    """The problem for an error that libyaml raised on `text`."""
    if not isinstance(error, MarkedYAMLError):
        return Problem(file, 0, 0, "this is not YAML", "save it as plain text")
    context, problem = error.context or "", error.problem or ""
    opened = _OPENED.get(context)
    if opened and error.context_mark and "expected node" not in problem:
        line, column = _place(error.context_mark)
        noticed = _place(error.problem_mark or error.context_mark)[0]
        until = f" (read until line {noticed})" if noticed > line else ""
        return Problem(file, line, column, opened + until, "close it")
    mark = error.problem_mark or error.context_mark
    line, column = _place(mark) if mark else (0, 0)
    if "cannot start any token" in problem:
        return Problem(file, line, column, *_bad_start(_character(text, line, column)))
    if "found duplicate anchor" in context or "found duplicate anchor" in problem:
        return Problem(file, line, column, "a second anchor of the same name", "rename one of them")
    known = _HERE.get(problem) or _HERE.get(context)
    return Problem(
        file, line, column, *(known or (problem or context, "check the indentation and the quotes"))
    )


def _bad_start(character: str) -> tuple[str, str]:
    if character == "\t":
        return "a tab cannot indent", "use spaces"
    return f"a value cannot start with {character!r}", "put it in quotes"


def _place(mark: Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _character(text: str, line: int, column: int) -> str:
    lines = _LINE_BREAK.split(text)
    return lines[line - 1][column - 1 : column] if line <= len(lines) else ""
