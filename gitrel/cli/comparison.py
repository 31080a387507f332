"""The result of a comparison as one value, and as the JSON document that can be saved and shown again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from gitrel.cli.output import API_VERSION, Item
from gitrel.delivery.changes import Counts, Group, Word, counts
from gitrel.delivery.classify import SORTS, Sort
from gitrel.errors import UsageError

T = TypeVar("T")
SAVED_BYTES_MAX = 64 * 1024 * 1024
_WORDS = get_args(Word)


@dataclass(frozen=True, slots=True)
class RehearsalRow:
    """When one environment would get the change: instants as RFC 3339, empty for what does not happen."""

    environment: str
    wave: str
    version: str
    phase: str
    started: str
    passed: str
    because: str


@dataclass(frozen=True, slots=True)
class RehearsedChange:
    """What a rehearsal of the change found for one component."""

    component: str
    status: str
    because: str
    started: str
    ended: str
    took: str
    versions_at_peak: int
    versions_allowed: int
    rows: tuple[RehearsalRow, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`base` and `head` say in words what was compared. `notes` are facts that no hunk shows."""

    base: str
    head: str
    groups: tuple[Group, ...]
    notes: tuple[str, ...] = ()
    rehearsals: tuple[RehearsedChange, ...] = ()

    @property
    def counts(self) -> Counts:
        return counts(self.groups)

    def gravest_first(self) -> list[Group]:
        return sorted(self.groups, key=lambda group: group.gravity)


def head_json(found: Comparison) -> dict[str, Any]:
    """The fields of the document beside `items`: counts first, for those who read no further."""
    total = found.counts
    return {
        "summary": {
            **total.words,
            "sorts": dict(total.sorts),
            "environments": list(total.environments),
            "components": list(total.components),
        },
        "base": found.base,
        "head": found.head,
        "notes": list(found.notes),
        "rehearsals": [_rehearsed_json(one) for one in found.rehearsals],
    }


def items_json(found: Comparison) -> list[Item]:
    return [_group_json(group) for group in found.groups]


def document(found: Comparison) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "Diff", **head_json(found), "items": items_json(found)}


def _group_json(group: Group) -> Item:
    return {
        "component": group.component,
        "kind": group.kind,
        "group": group.api_group,
        "name": group.name,
        "namespaces": list(group.namespaces),
        "environments": list(group.environments),
        "change": group.word,
        "sorts": list(group.sorts),
        "surroundingsDiffer": group.surroundings_differ,
        "diff": "".join(f"{line}\n" for line in group.lines),
    }


def _rehearsed_json(one: RehearsedChange) -> dict[str, Any]:
    return {
        "component": one.component,
        "status": one.status,
        "because": one.because,
        "started": one.started,
        "ended": one.ended,
        "took": one.took,
        "versionsAtPeak": one.versions_at_peak,
        "versionsAllowed": one.versions_allowed,
        "environments": [{name: getattr(row, name) for name in RehearsalRow.__slots__} for row in one.rows],
    }


def read_saved(data: bytes) -> Comparison:
    """What `--save` wrote. Raises UsageError for anything else: the file may come from a stranger's job."""
    try:
        whole = _Reader(json.loads(data), "the file")
        if (whole.text("apiVersion"), whole.text("kind")) != (API_VERSION, "Diff"):
            raise ValueError(f"the file is no Diff of {API_VERSION}")
        return Comparison(
            base=whole.text("base"),
            head=whole.text("head"),
            groups=tuple(map(_group, whole.parts("items"))),
            notes=whole.texts("notes"),
            rehearsals=tuple(map(_rehearsed, whole.parts("rehearsals"))),
        )
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not a diff that gitrel saved: {error}") from None


class _Reader:
    """Takes fields out of one JSON object, each of exactly the type that is wanted."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise ValueError(f"{where} is no object")
        self._value, self._where = value, where

    def _get(self, name: str, kind: type[T]) -> T:
        value = self._value.get(name)
        if type(value) is not kind:
            raise ValueError(f"{self._where}: {name!r} is missing or of another type")
        return value

    def text(self, name: str) -> str:
        return self._get(name, str)

    def number(self, name: str) -> int:
        return self._get(name, int)

    def truth(self, name: str) -> bool:
        return self._get(name, bool)

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._get(name, list)
        if not all(type(value) is str for value in values):
            raise ValueError(f"{self._where}: {name!r} holds more than texts")
        return tuple(values)

    def parts(self, name: str) -> Iterator[_Reader]:
        for index, value in enumerate(self._get(name, list)):
            yield _Reader(value, f"{name}[{index}]")

    def one_of(self, name: str, known: Callable[[str], T | None]) -> T:
        value = known(self.text(name))
        if value is None:
            raise ValueError(f"{self._where}: {name!r} is none of the known words")
        return value


def _group(saved: _Reader) -> Group:
    words: Mapping[str, Word] = {word: word for word in _WORDS}
    sorts: Mapping[str, Sort] = {sort: sort for sort in SORTS}
    named = saved.texts("sorts")
    if not all(name in sorts for name in named):
        raise ValueError("a change is of an unknown sort")
    return Group(
        component=saved.text("component"),
        kind=saved.text("kind"),
        api_group=saved.text("group"),
        name=saved.text("name"),
        namespaces=saved.texts("namespaces"),
        environments=saved.texts("environments"),
        word=saved.one_of("change", words.get),
        sorts=tuple(sorts[name] for name in named),
        lines=tuple(saved.text("diff").split("\n")[:-1]),
        surroundings_differ=saved.truth("surroundingsDiffer"),
    )


def _rehearsed(saved: _Reader) -> RehearsedChange:
    texts = {
        name: saved.text(name) for name in ("component", "status", "because", "started", "ended", "took")
    }
    rows = tuple(
        RehearsalRow(**{name: row.text(name) for name in RehearsalRow.__slots__})
        for row in saved.parts("environments")
    )
    peak, allowed = saved.number("versionsAtPeak"), saved.number("versionsAllowed")
    return RehearsedChange(**texts, versions_at_peak=peak, versions_allowed=allowed, rows=rows)
