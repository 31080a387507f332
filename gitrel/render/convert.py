"""Rewrites apiVersions that a Kubernetes version has removed, in the text as people wrote it.

Only the value after `apiVersion:` changes; comments, order and layout stay. In plain YAML it is found by its
place in the document, so that lists and flow style work too; in templates by its line, as a template is no
YAML yet. What has no replacement, or is written in a way that cannot be edited, is named.

Whether the rest of the object fits the new version is not known here: the caller renders before and after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitrel.errors import Problem
from gitrel.render.objects import flattened
from gitrel.render.removed import removed_in
from gitrel.repo.model import TemplateFile
from gitrel.repo.text import read_text
from gitrel.repo.yamlfile import Marks, read_documents

SUFFIXES = (".yaml", ".yml", ".json")
_API_VERSION = re.compile(
    r"^(?P<lead>apiVersion:[ \t]+)(?P<quote>['\"]?)(?P<value>[\w./-]+)(?P=quote)[ \t]*(?:#.*)?$"
)
_KIND = re.compile(r"^kind:[ \t]+(?P<quote>['\"]?)(?P<value>\w+)(?P=quote)[ \t]*(?:#.*)?$")
_END = re.compile(r"^---(?:[ \t].*)?$")


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement: at `line` (from 1) and `column` (from 0) of the text, `old` becomes `new`."""

    line: int
    column: int
    kind: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """What becomes of one file. `edits` is empty where there was nothing to do, or nothing that could be."""

    file: TemplateFile
    data: bytes
    edits: tuple[Edit, ...]
    problems: tuple[Problem, ...]


def convert(file: TemplateFile, version: str) -> Conversion:
    """The file with every apiVersion that Kubernetes `version` has removed replaced by its successor."""
    text, wrong = read_text(file.data, file.origin.file)
    name = file.path.removesuffix(".j2")
    if wrong or not name.endswith(SUFFIXES):
        return Conversion(file, file.data, (), ())
    documents, problems = read_documents(file.data, file.origin.file)
    readable = name == file.path and not any(problem.severity == "error" for problem in problems)
    found = _in_documents(documents) if readable else _in_lines(text)
    lines = text.split("\n")
    edits: list[Edit] = []
    told: list[Problem] = []
    for line, column, api_version, kind in found:
        if gone := removed_in(version, api_version, kind):
            since, instead = gone
            what = f"{api_version} {kind} was removed in Kubernetes {since}"
            if not instead:
                told.append(Problem(file.origin.file, line, 0, what, "there is no replacement: remove it"))
            elif (at := _written(lines[line - 1], column, api_version)) < 0:
                told.append(Problem(file.origin.file, line, 0, what, f"write {instead} by hand"))
            else:
                edits.append(Edit(line, at, kind, api_version, instead))
    edits = sorted(set(edits), key=lambda edit: (edit.line, edit.column))
    return Conversion(file, _edited(file.data, text, lines, edits), tuple(edits), tuple(told))


def _in_documents(documents: Sequence[Any]) -> Iterator[tuple[int, int, str, str]]:
    """(line, column from 0 of the value, apiVersion, kind) of each object, those in lists too."""
    for document in documents:
        marks: Marks = document.marks
        for value, base in flattened(document.value, ()):
            if _identified(value):
                line, column = marks.value_at((*base, "apiVersion"))
                yield line, column - 1, value["apiVersion"], value["kind"]


def _identified(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(value.get(k), str) for k in ("apiVersion", "kind"))


def _in_lines(text: str) -> Iterator[tuple[int, int, str, str]]:
    """The same from the lines of a template, for what is written out at the left margin."""
    at: tuple[int, int, str] | None = None
    kind = ""
    for number, line in enumerate([*text.replace("\r", "").split("\n"), "---"], 1):
        if match := _API_VERSION.match(line):
            at = (number, len(match["lead"]), match["value"])
        elif match := _KIND.match(line):
            kind = match["value"]
        elif _END.match(line):
            if at and kind:
                yield (*at, kind)
            at, kind = None, ""


def _written(line: str, column: int, value: str) -> int:
    """The column at which `value` stands there literally, in quotes or not; -1 for an alias, say."""
    for start in (column, column + 1):
        if line.startswith(value, start) and (start == column or line[column] in "'\""):
            return start
    return -1


def _edited(data: bytes, text: str, lines: list[str], edits: Sequence[Edit]) -> bytes:
    if not edits:
        return data
    for edit in reversed(edits):  # from the end, so that columns stay right
        line = lines[edit.line - 1]
        lines[edit.line - 1] = line[: edit.column] + edit.new + line[edit.column + len(edit.old) :]
    # A byte-order mark is no part of the text, and stays where it was.
    mark = data[: len(data) - len(text.encode())]
    return mark + "\n".join(lines).encode()
