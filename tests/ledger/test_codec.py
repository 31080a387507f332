"""Entries as bytes: exact, canonical, and strict about what they read."""

from __future__ import annotations

import string
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.errors import InvalidRepository
from gitrel.ledger import codec
from gitrel.ledger.codec import JournalDamaged
from gitrel.ledger.ledger import Entry
from gitrel.rollout import wire
from gitrel.rollout.seen import Seen
from gitrel.rollout.spec import RolloutSpec
from gitrel.rollout.state import Rollout
from tests.ledger.samples import SPEC, entry

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INSTANTS = st.integers(0, 2**32 * 10**6).map(
    lambda n: datetime(1971, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)
)
NUMBERS = st.integers(-(2**53), 2**53)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    datetime: INSTANTS,
    timedelta: st.timedeltas(timedelta(), timedelta(days=3650)),
    int: NUMBERS,
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type, read from the dataclasses themselves, so that a new field is covered at once."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in SCALARS:
        return SCALARS[kind]
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(any_of, arguments))
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(TEXT, any_of(arguments[1]), max_size=2)
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: any_of(hints[field.name]) for field in fields(kind)})


JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


FORMS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    Rollout: (wire.rollout_to_json, wire.rollout_from_json),
    RolloutSpec: (wire.spec_to_json, wire.spec_from_json),
    Seen: (wire.seen_to_json, wire.seen_from_json),
}


@settings(max_examples=150, deadline=None)
@given(st.one_of(*map(any_of, (Rollout, RolloutSpec, Seen))))
def test_every_value_of_the_rollout_survives(value: Any) -> None:
    """To JSON, through bytes, and back: equal, whatever it holds."""
    to_json, from_json = FORMS[type(value)]
    assert from_json(orjson.loads(orjson.dumps(to_json(value)))) == value


@settings(max_examples=100, deadline=None)
@given(
    at=INSTANTS, texts=st.lists(TEXT, min_size=4, max_size=4), after=any_of(Rollout),
    inputs=st.dictionaries(TEXT, JSON, max_size=3),
    actions=st.lists(st.dictionaries(TEXT, JSON, max_size=2), max_size=2),
)  # fmt: skip
def test_an_entry_survives_and_has_one_form(
    at: datetime, texts: list[str], after: Rollout, inputs: dict[str, Any], actions: list[dict[str, Any]]
) -> None:
    """What is read is what was written, and writing it again gives the same bytes and the same id."""
    kind, actor, commit, because = texts
    made = entry(
        at=at, kind=kind, actor=actor, commit=commit, because=because, after=after, inputs=inputs,
        actions=tuple(actions),
    )  # fmt: skip
    placed, data = codec.chained(made, 7, "before")
    read = codec.decode(data, placed.spec_json, "here")
    assert read == placed
    assert (read.id, read.previous, read.sequence) == (codec.identity(data), "before", 7)
    assert codec.encode(read) == data


def test_every_word_of_an_entry_changes_its_id() -> None:
    """No field is outside of the hash."""
    base = entry()
    other_spec = wire.spec_to_json(replace(SPEC, soak_factor=9))
    changed: list[Entry] = [
        replace(base, at=base.at + timedelta(microseconds=1)),
        replace(base, spec=wire.digest(other_spec), spec_json=other_spec),
        replace(base, inputs={}),
        replace(base, actions=()),
        replace(base, after=replace(base.after, reason="x")),
        replace(base, component="x"),
        replace(base, kind="x"),
        replace(base, actor="x"),
        replace(base, commit="x"),
        replace(base, because="x"),
    ]
    ids = {codec.chained(one, 1, "")[0].id for one in [base, *changed]}
    ids |= {codec.chained(base, 2, "")[0].id, codec.chained(base, 1, "x")[0].id}
    assert len(ids) == len(changed) + 3


def mutated(**changes: Any) -> bytes:
    document = orjson.loads(codec.chained(entry(), 1, "")[1])
    return orjson.dumps({key: value for key, value in {**document, **changes}.items() if value is not None})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JSON"),
        (b"[]", "says no format"),
        (b'{"format": true}', "says no format"),
        (mutated(extra=1), "extra: unknown or missing field"),
        (mutated(actor=None), "actor: unknown or missing field"),
        (mutated(actor=3), "actor: int found"),
        (mutated(sequence="1"), "sequence: str found"),
        (mutated(sequence=True), "sequence: bool found"),
        (mutated(at="yesterday"), "yesterday"),
        (mutated(at="2026-01-01T00:00:00"), "no time zone"),
        (mutated(actions={}), "actions: dict found"),
        (mutated(after={"component": "x", "later": 1}), "rollout.later: unknown field"),
        (mutated(spec="sha256:00"), "the schedule beside it"),
    ],
)
def test_what_gitrel_did_not_write_is_refused(data: bytes, words: str) -> None:
    """With the place, the field, and what was found there."""
    with pytest.raises(JournalDamaged, match=words) as caught:
        codec.decode(data, entry().spec_json, "refs/x:entries/1.json")
    assert "refs/x:entries/1.json" in str(caught.value)


def test_a_later_format_asks_for_an_upgrade() -> None:
    """It is not damaged, only newer."""
    with pytest.raises(InvalidRepository, match="upgrade this one") as caught:
        codec.load(mutated(format=2), "here")
    assert not isinstance(caught.value, JournalDamaged)


def test_a_command_needs_no_schedule() -> None:
    """Where none bears on it, both the digest and the text are empty."""
    placed, data = codec.chained(entry(spec="", spec_json={}), 1, "")
    assert codec.decode(data, {}, "here") == placed


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(string.ascii_letters, max_size=3), JSON, max_size=4))
def test_bytes_do_not_depend_on_the_order_of_keys(document: dict[str, Any]) -> None:
    """Canonical: the same content has the same bytes."""
    assert codec.dump(document) == codec.dump(dict(reversed(document.items())))
