"""The strict YAML reader: what scalars mean, where things stand, and limits that hold."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.errors import InvalidRepository, Problem
from gitrel.repo.text import read_text
from gitrel.repo.yamlfile import Document, load, read_documents
from gitrel.repo.yamlscalars import read_scalar

SCALARS: dict[str, tuple[Any, bool]] = {
    # written: (read as, with a note)
    "": (None, False),
    "~": (None, False),
    "null": (None, False),
    "true": (True, False),
    "FALSE": (False, False),
    "yes": (True, True),
    "No": (False, True),
    "on": (True, True),
    "y": (True, True),
    "n": (False, True),
    "yEs": ("yEs", False),
    "0": (0, False),
    "-12": (-12, False),
    "+12": (12, True),
    "9223372036854775807": (2**63 - 1, False),
    "010": (8, True),
    "0o10": (8, True),
    "-010": (-8, True),
    "08": (8, True),
    "0x1F": (31, True),
    "0b11": (3, True),
    "1_000": (1000, True),
    "1.5": (1.5, False),
    ".5": (0.5, False),
    "1.10": (1.1, True),
    "1.0": (1, True),
    "1.": (1, True),
    "1e3": (1000, True),
    "1e-3": (0.001, True),
    "1e30": (1e30, True),
    "1.2.3": ("1.2.3", False),
    "1:30": ("1:30", False),
    "2026-01-31": ("2026-01-31", False),
    "2026-13-45": ("2026-13-45", False),
    "1Gi": ("1Gi", False),
    "100m": ("100m", False),
    "-": ("-", False),
    ".": (".", False),
    "v2": ("v2", False),
    "<<": ("<<", False),
    "=": ("=", False),
    "٣": ("٣", False),
}


@pytest.mark.parametrize(("text", "expected"), SCALARS.items(), ids=repr)
def test_scalar(text: str, expected: tuple[Any, bool]) -> None:
    """Each form of the documented table has the decided value and type, and a note where it is ambiguous."""
    value, note = read_scalar(text)
    assert (value, type(value), bool(note)) == (expected[0], type(expected[0]), expected[1])


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", ".nan", "1e999", "9" * 40, "9223372036854775808", "0x" + "f" * 30]
)
def test_scalar_that_no_json_carries(text: str) -> None:
    """Numbers that would lose digits or have no JSON form are refused instead of being changed."""
    with pytest.raises(ValueError, match=r"JSON|64 bits"):
        read_scalar(text)


def test_marks_point_at_keys_items_and_values() -> None:
    """Every path has the line and column a person would look at; a missing one has its nearest ancestor."""
    text = b"a:\n  b:\n    - x\n    - y: 1\n      z:\n        2\n"
    (document,) = load(text, "f.yaml")
    assert document.value == {"a": {"b": ["x", {"y": 1, "z": 2}]}}
    marks = document.marks
    assert marks.at(("a",)) == (1, 1)
    assert marks.at(("a", "b")) == (2, 3)
    assert marks.at(("a", "b", 0)) == (3, 7)
    assert marks.at(("a", "b", 1, "z")) == (5, 7)
    assert marks.value_at(("a", "b", 1, "z")) == (6, 9)
    assert marks.at(("a", "b", 1, "nothing", "here")) == (4, 7)
    assert marks.at(("a", "b", 7)) == (2, 3)
    assert marks.at() == (1, 1)


def test_documents_know_their_line_and_index() -> None:
    """Empty documents are skipped but counted, so that an index means the same to an editor."""
    documents = load(b"---\n---\n# nothing\n---\na: 1\n---\nb: 2\n...\n", "f.yaml")
    assert [(d.value, d.index, d.line) for d in documents] == [({"a": 1}, 2, 5), ({"b": 2}, 3, 7)]


def test_anchors_and_merge_keys() -> None:
    """Aliases and `<<` give what kubectl gives: own keys win, then earlier maps of a list."""
    text = b"base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\nmany: {<<: [{x: 9}, *b], z: 0}\n"
    (document,) = load(text, "f.yaml")
    assert document.value["one"] == {"x": 1, "y": 3}
    assert document.value["many"] == {"x": 9, "y": 2, "z": 0}
    assert document.marks.at(("one", "x")) == (1, 11)
    assert document.marks.at(("one", "y")) == (2, 15)


def test_quoted_scalars_are_text() -> None:
    """Quotes and block scalars always mean text, without a warning."""
    documents, problems = read_documents(b"a: 'yes'\nb: \"010\"\nc: |\n  1.10\nd: !!str 1\n", "f.yaml")
    assert documents[0].value == {"a": "yes", "b": "010", "c": "1.10\n", "d": "1"}
    assert problems == ()


def test_file_modes_are_octal_without_a_warning() -> None:
    """`defaultMode: 0644` is how everybody writes it, and is 420 as in kubectl."""
    documents, problems = read_documents(b"defaultMode: 0644\nmode: 0400\n", "f.yaml")
    assert documents[0].value == {"defaultMode": 420, "mode": 256}
    assert problems == ()


def test_load_raises_every_error_and_lets_warnings_pass() -> None:
    """The raising form carries all errors of a file, and none of its warnings."""
    assert load(b"a: yes\n", "f.yaml")[0].value == {"a": True}
    with pytest.raises(InvalidRepository) as raised:
        load(b"a: yes\na: 1\nb: !x 1\n", "f.yaml")
    assert [str(p) for p in raised.value.problems] == [
        "f.yaml:2:1: duplicate key 'a', first on line 1: keep one of the two",
        "f.yaml:3:4: the tag !x is not allowed: remove it",
    ]


def test_control_characters_after_a_mark_have_their_true_offset() -> None:
    """The byte offset counts the byte-order mark, as an editor's or `xxd`'s does."""
    _, (problem,) = read_text(b"\xef\xbb\xbfa: \xc3\xa9\x07", "f")
    assert "byte offset 8" in problem.what
    _, (problem,) = read_text(b"\xef\xbb\xbfa: \xff", "f")
    assert "offset 6" in problem.what


def test_problems_of_one_document_are_bounded() -> None:
    """Fifty thousand duplicates are told a hundred times, not fifty thousand times."""
    _, problems = read_documents(b"k: 1\n" * 50_000, "f.yaml")
    assert len(problems) == 101
    assert "more than 100 problems" in problems[-1].what


@pytest.mark.parametrize(
    "text",
    [
        "[" + "[]," * 1_000_000 + "]",
        "a: &a [" + "x," * 1000 + "]\nb: [" + "*a," * 20_000 + "]",
        "a: &a " + "x" * 900_000 + "\nb: [" + "*a," * 1000 + "]",
        "".join(f"a{n}: &a{n} [{f'*a{n - 1}' if n else 'x'}]\n" for n in range(5000)),
        "? " * 10_000,
        "{a: " * 100_000,
    ],
    ids=["empty-lists", "wide-alias", "long-alias", "deep-aliases", "explicit-keys", "flow-maps"],
)
def test_hostile_files_stay_small(text: str) -> None:
    """Whatever a file wants to become, it is refused before it takes fifty times its own size."""
    data = text.encode()
    tracemalloc.start()
    try:
        _, problems = read_documents(data, "f.yaml")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert any(problem.severity == "error" for problem in problems)
    assert peak < max(50 * len(data), 20_000_000)


YAML_LIKE = st.text(st.sampled_from("ab01-+.: \n\t[]{},&*!|>'\"%@`#?<~yesno_\r\ufeff\x85é"), max_size=80)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=100), YAML_LIKE.map(str.encode)))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """Random bytes and near-YAML never raise; every problem has a place inside the file."""
    documents, problems = read_documents(data, "f.yaml")
    assert all(isinstance(document, Document) for document in documents)
    lines = data.count(b"\n") + data.count(b"\r") + 2 * data.count("\x85".encode()) + 2
    for problem in problems:
        assert isinstance(problem, Problem)
        assert 0 <= problem.line <= lines
        assert str(problem).isprintable()


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=12),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text("abcxyz", min_size=2, max_size=5), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_json_reads_as_itself(value: Any) -> None:
    """JSON is YAML: what `json.dumps` writes comes back equal (but for pairs of surrogate escapes)."""
    text = json.dumps({"v": value}, ensure_ascii=False)
    documents, problems = read_documents(text.encode(), "f.yaml")
    assert [p for p in problems if p.severity == "error"] == []
    assert documents[0].value == {"v": value}
