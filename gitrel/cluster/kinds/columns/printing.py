"""How a table of objects is described, and the words that all tables share: ages, counts, selectors.

The rules are those of Kubernetes `pkg/printers/internalversion` and apimachinery `pkg/util/duration`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitrel.clock import parse_instant
from gitrel.kube import selectors
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

NONE = "<none>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"

_DAY = 24


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `wide` ones are shown by `kubectl get -o wide` only."""

    name: str
    cell: Callable[[Object, datetime], Any]
    about: str
    type: str = "string"
    wide: bool = False
    format: str = ""

    def definition(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.about,
            "priority": 1 if self.wide else 0,
        }


@dataclass(frozen=True, slots=True)
class Columns:
    """A kind's columns. `conditions` marks rows that are done, as pods that completed are."""

    columns: Sequence[Column]
    conditions: Callable[[Object], Sequence[Mapping[str, str]]] | None = None


def field(*path: str, default: Any = NONE) -> Callable[[Object, datetime], Any]:
    """A cell that is the value at a path; `default` where there is none or it is empty."""

    def cell(obj: Object, now: datetime) -> Any:
        value = get(obj, *path)
        return default if value is None or value == "" else value

    return cell


def number(*path: str) -> Callable[[Object, datetime], Any]:
    return field(*path, default=0)


def boolean(*path: str, default: bool = False) -> Callable[[Object, datetime], str]:
    """A cell that is `true` or `false`."""

    def cell(obj: Object, now: datetime) -> str:
        return "true" if get(obj, *path, default=default) else "false"

    return cell


def human_duration(elapsed: timedelta) -> str:
    """A duration as short as it can be read: `85s`, `4m13s`, `3h20m`, `5d`, `2y34d`."""
    seconds = int(elapsed.total_seconds())
    if seconds < 0:
        return "<invalid>" if seconds < -1 else "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 10:
        return _pair(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 2 * _DAY:
        return f"{hours}h"
    if hours < 8 * _DAY:
        return _pair(hours // _DAY, "d", hours % _DAY, "h")
    days = hours // _DAY
    if days < 2 * 365:
        return f"{days}d"
    return _pair(days // 365, "y", days % 365, "d") if days < 8 * 365 else f"{days // 365}y"


def _pair(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"


def since(instant: str | None, now: datetime) -> str:
    """How long ago; `<unknown>` for no instant at all."""
    return human_duration(now - parse_instant(instant)) if instant else UNKNOWN


def age(obj: Object, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def joined(values: Iterable[Any], empty: str = NONE) -> str:
    return ",".join(str(value) for value in values) or empty


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector as `-l` takes it."""
    rows = sorted(selectors.from_object(selector), key=lambda row: row.key)
    return joined(map(_requirement, rows)) if rows else NONE


def _requirement(row: Any) -> str:
    values = ",".join(sorted(row.values))
    match row.operator:
        case "In":
            return f"{row.key}={values}" if len(row.values) == 1 else f"{row.key} in ({values})"
        case "NotIn":
            return f"{row.key} notin ({values})"
        case "Exists":
            return str(row.key)
        case _:
            return f"!{row.key}"


def labels_text(labels: Mapping[str, str] | None) -> str:
    return joined(f"{key}={value}" for key, value in sorted((labels or {}).items()))


def _template(obj: Object) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = get(obj, "spec", "template", "spec", "containers", default=())
    return found


NAME = Column(
    # What is asked and not stored may have none.
    "Name",
    lambda obj, now: obj["metadata"].get("name", ""),
    "Unique among its kind.",
    format="name",
)
AGE = Column("Age", age, "Time since it was created.")
CREATED = Column(
    "Created At",
    lambda obj, now: obj["metadata"].get("creationTimestamp", ""),
    "When it was created.",
    format="date-time",
)
CONTAINERS = Column(
    "Containers",
    lambda obj, now: joined((c["name"] for c in _template(obj)), ""),
    "The containers of its pods.",
    wide=True,
)
IMAGES = Column(
    "Images",
    lambda obj, now: joined((c.get("image", "") for c in _template(obj)), ""),
    "The images of its pods.",
    wide=True,
)
SELECTOR = Column(
    "Selector",
    lambda obj, now: selector_text(get(obj, "spec", "selector")),
    "Which pods are its own.",
    wide=True,
)
