"""Bytes → one validated document with the line of each key; every error at the place where it was made.

What comes out depends on the kind and the bytes alone, so it is remembered: a daemon that reads the same
repository again, or a hundred files with one content, pay for parsing and validation once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gitrel.errors import Problem
from gitrel.repo import schema, sealed
from gitrel.repo.suggest import did_you_mean, escaped, visible
from gitrel.repo.yamlfile import Document, PathStep, read_documents

KEYS_MAX = 20_000
"""Keys of one document, aliases expanded: more than anybody reads in a review."""
_REMEMBERED_BYTES_MAX = 64 * 1024

Path = tuple[PathStep, ...]
Place = tuple[int, int]
Places = Mapping[Path, Place]
_Model = TypeVar("_Model", bound=schema.Strict)


@dataclass(frozen=True, slots=True)
class Parsed(Generic[_Model]):
    """A document as its model, None if it cannot be used, and line and column of each key and list item."""

    model: _Model | None
    places: Places
    problems: tuple[Problem, ...]


def read(model: type[_Model], data: bytes, file: str) -> Parsed[_Model]:
    """The one document of `file`, whose kind `model` stands for. Never raises for what people write."""
    parse = _remembered if len(data) <= _REMEMBERED_BYTES_MAX else _parse
    parsed = parse(model, data)
    problems = tuple(replace(problem, file=file) for problem in parsed.problems)
    return Parsed(cast("_Model | None", parsed.model), parsed.places, problems)


def _parse(model: type[schema.Strict], data: bytes) -> Parsed[schema.Strict]:
    documents, problems = read_documents(data, "")
    if any(problem.severity == "error" for problem in problems):
        return Parsed(None, {}, problems)
    if not documents:
        return _empty(model, problems)
    if len(documents) > 1:
        todo = "write it into a file of its own"
        return Parsed(None, {}, (*problems, Problem("", documents[1].line, 1, "a second document", todo)))
    document = documents[0]
    if not isinstance(document.value, dict):
        what = f"the file holds {_kind_of(document.value)}, not a map"
        return Parsed(None, {}, (*problems, Problem("", document.line, 1, what, "write 'key: value' lines")))
    return _validate(model, document, problems)


_remembered = lru_cache(maxsize=16_384)(_parse)


def _empty(model: type[schema.Strict], problems: tuple[Problem, ...]) -> Parsed[schema.Strict]:
    if model is schema.ParametersDocument:
        empty = Problem("", 1, 1, "the file sets nothing", "delete it, or write parameters", "warning")
        return Parsed(schema.ParametersDocument(), {}, (*problems, empty))
    kind = model.__name__.removesuffix("Document")
    todo = f"begin with 'apiVersion: {schema.API_VERSION}' and 'kind: {kind}'"
    return Parsed(None, {}, (*problems, Problem("", 1, 1, "the file is empty", todo)))


def _validate(
    model: type[schema.Strict], document: Document, problems: tuple[Problem, ...]
) -> Parsed[schema.Strict]:
    places: dict[Path, Place] = {}
    for path in _paths(document.value):
        if len(places) >= KEYS_MAX:
            limit = Problem("", document.line, 1, f"more than {KEYS_MAX:,} keys", "write fewer")
            return Parsed(None, {}, (*problems, limit))
        places[path] = document.marks.at(path)
    try:
        return Parsed(model.model_validate(document.value), places, problems)
    except ValidationError as error:
        found = tuple(_problem(model, details, places) for details in error.errors(include_url=False))
        return Parsed(None, places, (*problems, *found))


def _paths(value: Any) -> Iterator[Path]:
    """Every path in `value` but its root. An explicit stack: depth is the writer's choice."""
    waiting: list[tuple[Path, Any]] = [((), value)]
    while waiting:
        path, value = waiting.pop()
        if path:
            yield path
        if isinstance(value, dict):
            waiting.extend(((*path, key), child) for key, child in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), child) for index, child in enumerate(value))


_TYPES = {
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "finite_number": ("a finite number", ""),
    "too_short": ("not empty", ""),
    "string_too_short": ("not empty", ""),
}


def _problem(model: type[schema.Strict], details: ErrorDetails, places: Places) -> Problem:
    path: Path = tuple(step for step in details["loc"] if step != "[key]")
    line, column = _nearest(places, path)
    what, todo = _sentence(model, details, path)
    return Problem("", line, column, what, todo)


def _nearest(places: Places, path: Path) -> Place:
    while path:
        if path in places:
            return places[path]
        path = path[:-1]
    return 1, 1


def _sentence(model: type[schema.Strict], details: ErrorDetails, path: Path) -> tuple[str, str]:
    kind, field = details["type"], _dotted(path)
    if isinstance(details["input"], str) and sealed.is_sealed(details["input"]):
        return f"{field} is encrypted, and gitrel must read it", sealed.ADVICE
    context: Mapping[str, Any] = details.get("ctx") or {}
    if kind == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        near = did_you_mean(str(path[-1]), known)
        todo = "rename it" if near else f"known here: {', '.join(sorted(known))}"
        return f"unknown field {visible(str(path[-1]))}{near}", todo
    if kind == "missing":
        return f"{field} is missing", _missing(model, path)
    if kind in _TYPES:
        return f"{field} must be {_TYPES[kind]}, not {_kind_of(details['input'])}", _conversion(kind, details)
    if kind == "literal_error":
        given = visible(details["input"]) if isinstance(details["input"], str) else _kind_of(details["input"])
        return f"{field} is {given}", f"it must be {context.get('expected', '')}"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{field} must be {words} {context[bound]:g}" if bound else f"{field} must be {words}", ""
    if kind == "string_pattern_mismatch":
        return f"{field} is {visible(str(details['input']))}", 'write it as "1.36"'
    if kind == "value_error":
        reason = str(context["error"])
        return f"{field}{' ' if reason.startswith('must') else ': '}{reason}", ""
    return f"{field}: {details['msg']}", ""


def _conversion(kind: str, details: ErrorDetails) -> str:
    """What to type instead, where the intent is plain."""
    given = details["input"]
    if kind == "string_type" and isinstance(given, int | float | bool):
        return "put it in quotes"
    if kind in ("int_type", "float_type") and isinstance(given, str):
        return "write the number without quotes or unit"
    return ""


def _missing(model: type[schema.Strict], path: Path) -> str:
    if path == ("apiVersion",):
        return f"write 'apiVersion: {schema.API_VERSION}'"
    if path == ("kind",):
        return f"write 'kind: {model.__name__.removesuffix('Document')}'"
    return "write it"


def _fields_at(model: type[BaseModel], path: Path) -> list[str]:
    """The names that may stand below `path`."""
    current: type[BaseModel] | None = model
    for step in path:
        if isinstance(step, int) or current is None:
            continue
        fields = {field.alias: field.annotation for field in current.model_fields.values()}
        current = _model_in(fields.get(step))
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _dotted(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{escaped(step)}"
    return text.removeprefix(".") or "the document"


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a map"
