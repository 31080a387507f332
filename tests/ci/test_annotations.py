"""Workflow commands: what GitHub reads out of a log line, and what it must not read out of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cli.ci.annotations import SHOWN_MAX, Annotations, command, harmless
from gitrel.errors import Problem

_COMMAND = re.compile(r"::(?P<name>[a-z-]+)(?: (?P<properties>.*?))?::(?P<data>.*)")
"""How the runner reads a line (`ActionCommand.TryParseV2`)."""


def read(line: str) -> tuple[str, dict[str, str], str]:
    """The runner's side: a line as name, properties and message."""
    found = _COMMAND.fullmatch(line)
    assert found
    properties = dict(item.split("=", 1) for item in (found["properties"] or "").split(",") if item)
    back = {key: _unescape(value, ",:") for key, value in properties.items()}
    return found["name"], back, _unescape(found["data"], "")


def _unescape(text: str, more: str) -> str:
    for character in "\r\n" + more:
        text = text.replace(f"%{ord(character):02X}", character)
    return text.replace("%25", "%")


@settings(deadline=None, max_examples=300)
@given(st.text(min_size=1), st.text("ab,:%=\n\r ", min_size=1), st.integers(0, 9), st.integers(0, 9))
def test_the_runner_reads_back_what_was_meant(message: str, file: str, line: int, column: int) -> None:
    """Whatever stands in a message or a file name, it is one line and comes out of it unchanged."""
    text = command("error", message, file=file, line=line, column=column)
    assert not set("\r\n") & set(text)
    name, properties, back = read(text)
    assert (name, back, properties["file"]) == ("error", message, file)
    assert properties.get("line", "0") == str(line)
    assert properties.get("col", "0") == str(column)


@pytest.mark.parametrize(
    "line",
    [
        "::error::x",
        "  ::add-mask::a",
        "\t::stop-commands::x",
        " \x1b[32m::error::x",
        "a ##[error]b",
        "##[command]",
    ],
)
def test_quoted_text_is_no_command(line: str) -> None:
    """A line of a repository that looks like a command is shown, and not obeyed."""
    shown = harmless(line)
    assert shown.replace("\u200b", "") == line
    assert not shown.replace("\x1b[32m", "").lstrip().startswith("::")
    assert "##[" not in shown
    assert harmless("a line: like::most") == "a line: like::most"


def test_ten_of_each_level_and_the_rest_counted() -> None:
    """GitHub drops the eleventh without a word; here it is counted, and warnings do not use up errors."""
    given_ = Annotations("config/")
    problems = [Problem("f.yaml -> ../x", n, 0, "wrong", "mend it") for n in range(1, 15)]
    problems += [Problem("f.yaml", n, 0, "odd", severity="warning") for n in range(1, 12)]
    lines = [line for problem in problems for line in given_.problem(problem)]
    assert len(lines) == 2 * SHOWN_MAX
    assert lines[0] == "::error file=config/f.yaml,line=1::wrong: mend it"
    assert list(given_.rest()) == ["::notice::4 more errors and 1 more warning: the log has them all"]
    assert list(Annotations().rest()) == []
