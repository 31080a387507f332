"""Every field of the files that people write is explained, and every explanation is of a field."""

from __future__ import annotations

from gitrel.repo.schema import KINDS, json_schema
from gitrel.repo.schema_words import WORDS, fields_of, words_for


def test_every_field_is_explained() -> None:
    """A new field without a sentence does not get in."""
    missing = {
        f"{owner}.{name}"
        for kind in KINDS
        for owner, name, _ in fields_of(json_schema(kind))
        if not words_for(owner, name)
    }
    assert missing == set()


def test_no_sentence_is_about_nothing() -> None:
    """A field that is gone takes its sentence along."""
    known = set()
    for kind in KINDS:
        for owner, name, _ in fields_of(json_schema(kind)):
            known |= {name, f"{owner}.{name}"}
    assert WORDS.keys() - known == set()
