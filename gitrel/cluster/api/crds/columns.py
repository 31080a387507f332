"""Additional printer columns: simple JSONPath expressions, and tables made of what they find.

The paths of `client-go/util/jsonpath` that a column may use: fields, quoted fields, indexes, slices, `[*]`,
`..` and filters of one comparison. What is not found is an empty cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from gitrel.clock import parse_instant
from gitrel.cluster.kinds.columns.printing import NAME, Column, Columns, human_duration
from gitrel.kube.identity import Object

Step = Callable[[Any], Iterator[Any]]
PATH_MAX = 1024

_STEP = re.compile(
    r"\.\.(?P<deep>[\w-]+)"
    r"|\.(?P<field>(?:[\w-]|\\.)+)"
    r"|\.?\[(?P<index>-?\d+)\]"
    r"|\.?\[(?P<all>\*)\]|\.(?P<star>\*)"
    r"|\.?\[(?P<slice>-?\d*:-?\d*(?::\d+)?)\]"
    r"|\.?\[['\"](?P<quoted>[^'\"]+)['\"]\]"
    r"|\.?\[\?\(\s*@(?P<path>(?:\.[\w-]+)+)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*"
    r"(?P<value>\"[^\"]*\"|'[^']*'|-?\d+(?:\.\d+)?|true|false)\s*)?\)\]",
    re.ASCII,
)


def path_problem(text: str) -> str:
    """Why the text is no JSONPath that a column may have; empty where it is one."""
    try:
        parsed(text)
    except ValueError as wrong:
        return str(wrong)
    return ""


def parsed(text: str) -> Sequence[Step]:
    """`.spec.ports[0].name` → steps. Raises ValueError."""
    path = text.strip()
    if path.startswith("{") and path.endswith("}"):
        path = path[1:-1]
    if not path.startswith(".") or len(path) > PATH_MAX:
        raise ValueError("is an invalid path: must be a JSON path that begins with a dot")
    steps, at = [], 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise ValueError(f"is an invalid path: unexpected {path[at:]!r}")
        steps.append(_step(match))
        at = match.end()
    return steps


def _step(match: re.Match[str]) -> Step:
    name = match["field"] or match["quoted"]
    if name:
        return _field(re.sub(r"\\(.)", r"\1", name))
    if match["deep"]:
        return _deep(match["deep"])
    if match["index"]:
        return _index(int(match["index"]))
    if match["slice"]:
        bounds = [int(part) if part else None for part in match["slice"].split(":")]
        return lambda value: iter(value[slice(*bounds)] if isinstance(value, list) else ())
    if match["path"]:
        return _filter(match)
    return lambda value: iter(
        value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    )


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, Mapping) and name in value:
            yield value[name]

    return step


def _index(place: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= place < len(value):
            yield value[place]

    return step


def _deep(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        waiting = [value]
        while waiting:
            here = waiting.pop(0)
            if isinstance(here, Mapping):
                if name in here:
                    yield here[name]
                waiting.extend(here.values())
            elif isinstance(here, list):
                waiting.extend(here)

    return step


_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _filter(match: re.Match[str]) -> Step:
    names, op, text = match["path"].strip(".").split("."), match["op"], match["value"]
    wanted = orjson.loads(text if not text.startswith("'") else f'"{text[1:-1]}"') if text else None

    def holds(item: Any) -> bool:
        for name in names:
            if not isinstance(item, Mapping) or name not in item:
                return False
            item = item[name]
        try:
            return not op or _COMPARED[op](item, wanted)
        except TypeError:
            return False

    return lambda value: (item for item in value if holds(item)) if isinstance(value, list) else iter(())


def found(steps: Sequence[Step], value: Any) -> list[Any]:
    values = [value]
    for step in steps:
        values = [below for here in values for below in step(here)]
    return values


# --- tables -----------------------------------------------------------------------------------------------

_AGE: Mapping[str, Any] = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def columns_of(rows: Sequence[Mapping[str, Any]] | None) -> Columns:
    """The name and what the definition adds; without any, the age (`tableconvertor.go`)."""
    return Columns((NAME, *(_column(row) for row in rows or (_AGE,))))


def _column(row: Mapping[str, Any]) -> Column:
    steps, type_ = parsed(row["jsonPath"]), row["type"]
    return Column(
        row["name"],
        lambda obj, now: _cell(found(steps, obj), type_, now),
        row.get("description") or _said_of(row),
        type=type_,
        wide=(row.get("priority") or 0) > 0,
        format=row.get("format") or "",
    )


def _said_of(row: Mapping[str, Any]) -> str:
    return f"Custom resource definition column (in JSONPath format): {row['jsonPath']}"


def _cell(values: Sequence[Any], type_: str, now: datetime) -> Any:
    """One value by its type; several, or anything of another type than a string's, as in Kubernetes."""
    if not values:
        return None
    if type_ == "string":
        # Several matches stand side by side, as JSONPath prints them.
        return " ".join(_text(value) for value in values)
    value = values[0]
    match type_:
        case "integer" if isinstance(value, (int, float)) and not isinstance(value, bool):
            return int(value)
        case "number" if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        case "boolean" if isinstance(value, bool):
            return value
        case "date":
            return _age(value, now)
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _age(value: Any, now: datetime) -> str:
    try:
        return human_duration(now - parse_instant(value))
    except (ValueError, TypeError, AttributeError):
        return "<invalid>"


def cells(columns: Columns, obj: Object, now: datetime) -> list[Any]:
    return [column.cell(obj, now) for column in columns.columns]
