"""Nothing from Git or a cluster reaches a terminal raw."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cli.output import to_json, to_yaml
from gitrel.telemetry.text import UNSAFE, clean

NASTY = "\x1b[31mred\x07 \x9b31m \u202egnp.exe\u2066 \u2028 \ufeff"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – ünïcode 日本", "plain – ünïcode 日本"),
        ("\x1b]8;;http://x\x07link", r"\x1b]8;;http://x\x07link"),
        ("a\rb\nc\td", r"a\rb\nc\td"),
        ("user\u202etxt", r"user\u202etxt"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("fam\u200dily", "fam\u200dily"),
    ],
    ids=["plain", "hyperlink", "line breaks", "bidi", "tag characters", "joiner stays"],
)
def test_unsafe_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    """Escape sequences and direction overrides become visible text; ordinary text stays as it is."""
    assert clean(text) == shown


@given(st.text(st.characters(codec=None)))
@settings(deadline=None, max_examples=200)
def test_no_control_character_survives(text: str) -> None:
    """Whatever goes in, no control, separator or surrogate character comes out."""
    assert not [c for c in clean(text) if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs")]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
@settings(deadline=None, max_examples=200)
def test_json_and_yaml_read_back_what_was_written(value: object) -> None:
    """Escaping for the terminal changes no value: a parser gets back exactly what was printed."""
    assert json.loads(to_json(value)) == value
    assert yaml.safe_load(to_yaml(value)) == value


@pytest.mark.parametrize("write", [to_json, to_yaml])
def test_documents_hold_no_raw_controls(write: Callable[[object], str]) -> None:
    """JSON and YAML escape what a terminal would act on, also where their own rules would not."""
    written = write({NASTY: NASTY})
    assert not [c for c in UNSAFE.findall(written) if c != "\n"]


@pytest.mark.parametrize(
    "word", ["1e3", "0o17", "0x1F", "y", "N", "no", "on", "1_000", "012", "12:30:45", "~", "=", ""]
)
def test_words_that_other_readers_take_for_numbers_are_quoted(word: str) -> None:
    """A string that Kubernetes' YAML reader would turn into a number or a boolean is quoted."""
    assert to_yaml({"value": word}).strip() in (f"value: '{word}'", f'value: "{word}"')


def test_lines_stay_lines_in_yaml() -> None:
    """A configuration file inside a ConfigMap is shown as a block, not as one line of escapes."""
    assert to_yaml({"data": {"a.conf": "one\ntwo\n"}}) == "data:\n  a.conf: |\n    one\n    two\n"
