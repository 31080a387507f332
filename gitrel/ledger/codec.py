"""Journal entries as canonical bytes, and back: what is hashed is what is stored.

An entry's id is the SHA-256 of its bytes, which hold the id of the entry before it: no entry can be changed,
left out or put in between without every later id changing. The schedule is not in them but its digest is;
each schedule's text is kept once, under that digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from gitrel.clock import format_instant, parse_instant
from gitrel.errors import InvalidRepository, Problem, UsageError
from gitrel.ledger.ledger import Entry
from gitrel.rollout import wire
from gitrel.rollout.state import Rollout

FORMAT = 1
"""Written into every file of the journal. A higher number was written by a later gitrel."""

_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
_TEXTS = ("component", "kind", "actor", "commit", "because", "spec", "previous")
_FIELDS = {*_TEXTS, "format", "sequence", "at", "inputs", "actions", "after"}


class JournalDamaged(InvalidRepository):
    """The chain of entries is broken, or was not written by this program: nothing in it can be trusted."""

    def __init__(self, place: str, what: str) -> None:
        todo = "compare it with another clone, or with the remote's"
        super().__init__([Problem(place, 0, 0, f"the journal is damaged: {what}", todo)])


def encode(entry: Entry) -> bytes:
    """The entry without `id` and `spec_json`. Raises ValueError where the digest is not the schedule's."""
    if entry.spec != spec_digest(entry.spec_json):
        raise ValueError(f"{entry.component}: {entry.spec!r} is not the digest of the schedule beside it")
    return dump(
        {
            **{name: getattr(entry, name) for name in _TEXTS},
            "format": FORMAT,
            "sequence": entry.sequence,
            "at": format_instant(entry.at),
            "inputs": entry.inputs,
            "actions": entry.actions,
            "after": wire.rollout_to_json(entry.after),
        }
    )


def decode(data: bytes, spec_json: Mapping[str, Any], place: str) -> Entry:
    """Raises JournalDamaged, naming `place`, for anything that `encode` does not write."""
    document = load(data, place)
    if document.keys() != _FIELDS:
        odd = sorted(document.keys() ^ _FIELDS)
        raise JournalDamaged(place, f"{odd[0]}: unknown or missing field")
    if spec_digest(spec_json) != document["spec"]:
        raise JournalDamaged(place, "the schedule beside it is not the one that was in force")
    try:
        return Entry(
            **{name: _text(document, name) for name in _TEXTS},
            at=parse_instant(_text(document, "at")),
            spec_json=spec_json,
            inputs=_typed(document, "inputs", dict),
            actions=tuple(_typed(document, "actions", list)),
            after=wire.rollout_from_json(document["after"]),
            sequence=_typed(document, "sequence", int),
            id=identity(data),
        )
    except ValueError as error:
        raise JournalDamaged(place, str(error)) from None


def chained(entry: Entry, sequence: int, previous: str) -> tuple[Entry, bytes]:
    """The entry in its place in the chain, and its bytes."""
    placed = replace(entry, sequence=sequence, previous=previous)
    data = encode(placed)
    return replace(placed, id=identity(data)), data


def identity(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def spec_digest(spec_json: Mapping[str, Any]) -> str:
    """A command that no schedule bears on has an empty one, with an empty digest."""
    return wire.digest(spec_json) if spec_json else ""


def encode_record(rollout: Rollout, entry_id: str) -> bytes:
    """The newest record of a component, with the entry that it comes from."""
    return dump({"format": FORMAT, "entry": entry_id, "rollout": wire.rollout_to_json(rollout)})


def decode_record(data: bytes, place: str) -> Rollout:
    document = load(data, place)
    try:
        return wire.rollout_from_json(document.get("rollout"))
    except ValueError as error:
        raise JournalDamaged(place, str(error)) from None


def dump(document: Mapping[str, Any]) -> bytes:
    """Canonical: sorted keys, two spaces, a last newline. Raises UsageError for what JSON cannot hold."""
    try:
        return orjson.dumps(document, default=_plain, option=_OPTIONS)
    except TypeError as error:
        raise UsageError(
            f"this cannot be recorded: {error}: use plain UTF-8 text and 64-bit numbers"
        ) from None


def load(data: bytes, place: str) -> dict[str, Any]:
    """A JSON object of a format that this program knows."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise JournalDamaged(place, f"no JSON: {error}") from None
    if not isinstance(document, dict) or type(document.get("format")) is not int:
        raise JournalDamaged(place, "it says no format")
    if document["format"] > FORMAT:
        what = f"format {document['format']} was written by a later gitrel"
        raise InvalidRepository([Problem(place, 0, 0, what, "upgrade this one")])
    return document


def _text(document: Mapping[str, Any], name: str) -> str:
    text: str = _typed(document, name, str)
    return text


def _typed(document: Mapping[str, Any], name: str, kind: type) -> Any:
    if type(document[name]) is not kind:
        raise ValueError(f"{name}: {type(document[name]).__name__} found where {kind.__name__} belongs")
    return document[name]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
