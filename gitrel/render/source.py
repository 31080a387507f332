"""One file of a release, read: its documents, and the way back from any value to a line that people edit.

A plain file's lines are its own. A template's rendered lines are traced to template lines, and a problem
names both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gitrel.errors import Problem
from gitrel.render.template import Lines
from gitrel.repo.yamlfile import read_documents

Path = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written. `rendered` is its line in the rendered text; 0 for plain files."""

    file: str
    line: int
    column: int = 0
    rendered: int = 0

    def problem(self, what: str, todo: str = "") -> Problem:
        note = f" (rendered line {self.rendered})" if self.rendered else ""
        return Problem(self.file, self.line, self.column, what + note, todo)

    def warning(self, what: str, todo: str = "") -> Problem:
        return replace(self.problem(what, todo), severity="warning")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document. `at` tells where the value at a path stands, or its nearest written ancestor.

    `seal` is not empty where the value holds secrets: a digest of what it was made from.
    """

    value: Any
    at: Callable[[Path], Place]
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """The documents of one file. With an error among `problems` they must not be used."""

    path: str
    file: str
    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]
    templated: bool


@dataclass(frozen=True, slots=True)
class Output:
    """What a renderer gives. `reads` names its inputs in the words of `reads`; None where it failed before
    all of them were known. `secrets` are the texts that were decrypted for it."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]
    reads: frozenset[str] | None
    secrets: frozenset[str] = frozenset()


def sealed_as(source: Source, seal: str, harmless: Callable[[Problem], Problem]) -> Source:
    """The source, marked as made with secrets; `harmless` takes them out of its problems."""
    documents = tuple(replace(document, seal=seal) for document in source.documents)
    return replace(source, documents=documents, problems=tuple(map(harmless, source.problems)))


def read_plain(path: str, file: str, data: bytes) -> Source:
    """A file that is YAML as it stands. `path` is relative to the version, `file` to the repository."""
    documents, problems = read_documents(data, file)

    def located(marks: Any) -> Callable[[Path], Place]:
        return lambda at: Place(file, *marks.at(at))

    found = tuple(Document(doc.value, located(doc.marks)) for doc in documents)
    return Source(path, file, found, problems, templated=False)


TO_JSON = "write values as {{ … | tojson }}"


def read_rendered(
    path: str, files: Mapping[str, str], text: str, lines: Lines, hint: str = TO_JSON
) -> Source:
    """A rendered template. `files` maps names within the version to files of the repository.

    `hint` says how the template should have written values, where the result is not YAML.
    """

    def traced(line: int, column: int) -> Place:
        if not lines or not line:
            return Place(files[path], 0, 0, line)
        name, template_line = lines[min(line, len(lines)) - 1]
        return Place(files[name], template_line, 0, line)

    def located(marks: Any) -> Callable[[Path], Place]:
        return lambda at: traced(*marks.at(at))

    documents, problems = read_documents(text.encode(), files[path])
    found = tuple(Document(doc.value, located(doc.marks)) for doc in documents)
    told = tuple(_retold(problem, traced(problem.line, problem.column), hint) for problem in problems)
    return Source(path, files[path], found, told, templated=True)


def _retold(problem: Problem, place: Place, hint: str) -> Problem:
    """The problem of the rendered text, told at the template's line."""
    todo = problem.todo
    if problem.severity == "error":
        todo = f"{todo}; {hint}" if todo else hint
    return replace(place.problem(problem.what, todo), severity=problem.severity)
