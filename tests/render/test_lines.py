"""Rendered lines are traced back to the template line that a person would edit."""

from __future__ import annotations

import base64
import hashlib
import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitrel.render.jinja import TemplateSet
from gitrel.repo.yamlfile import read_documents


def traced(files: dict[str, str], context: dict[str, object] | None = None) -> list[str]:
    """`rendered line ← file:line` for each line."""
    text, lines = TemplateSet(files).render("a", context or {}, 10**6)
    return [f"{row} ← {file}:{line}" for row, (file, line) in zip(text.split("\n"), lines, strict=True)]


def test_lines_after_blocks_and_comments() -> None:
    """What control lines take out does not shift the lines after them."""
    source = "{# about #}\na: 1\n{% if true %}\nb: {{ 1 + 1 }}\n{% endif %}\n{{ 'c: 3' }}\nd: 4"
    assert traced({"a": source}) == ["a: 1 ← a:2", "b: 2 ← a:4", "c: 3 ← a:6", "d: 4 ← a:7"]


def test_lines_of_a_loop() -> None:
    """Each round of a loop points at the same template line."""
    source = "{% for i in range(2) %}\n- x\n- {{ i }}\n{% endfor %}\nend"
    assert traced({"a": source}) == ["- x ← a:2", "- 0 ← a:3", "- x ← a:2", "- 1 ← a:3", "end ← a:5"]


def test_lines_of_a_value_with_several_lines() -> None:
    """All lines of one value belong to the line of its expression."""
    source = "top\n{{ 'x\ny' }}\nend"
    assert traced({"a": source}) == ["top ← a:1", "x ← a:2", "y ← a:2", "end ← a:4"]


def test_lines_of_includes_and_macros() -> None:
    """A line of an include belongs to the included file, a macro's to where it is written."""
    files = {
        "a": "{% macro m(x) %}\nm: {{ x }}\n{% endmacro %}\n{{ m(1) }}{% include 'b' %}\nend",
        "b": "b: 1\nb: 2\n",
    }
    assert traced(files) == ["m: 1 ← a:2", "b: 1 ← b:1", "b: 2 ← b:2", "end ← a:5"]


def test_marks_that_get_in_the_way_are_given_up() -> None:
    """Where captured text is measured the text stays right, and the lines are unknown rather than wrong."""
    text, lines = TemplateSet({"a": "{% set t %}abc{% endset %}{{ t | length }}"}).render("a", {}, 100)
    assert (text, lines) == ("3", ())


PIECES = st.sampled_from(
    [
        "text",
        "key: value",
        "{{ 1 }}",
        "  - {{ 'x' }} and {{ 2 }}",
        "{% if true %}",
        "{# c #}",
        "{%- if true %}",
        "",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=12))
def test_a_line_that_is_plain_text_is_always_found(pieces: list[str]) -> None:
    """Whatever stands around it, a line of plain text is traced to itself."""
    rows = [
        f"{piece} line{i}" if piece in ("text", "key: value") else piece for i, piece in enumerate(pieces)
    ]
    source = "\n".join([*rows, *("{% endif %}" for row in rows if "if true" in row)])
    text, lines = TemplateSet({"a": source}).render("a", {}, 10**6)
    for row, (file, line) in zip(text.split("\n"), lines, strict=True):
        if " line" in row and row in rows:
            assert (file, rows[line - 1]) == ("a", row)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(PLAIN)
def test_tojson_survives_yaml(value: object) -> None:
    """Whatever a parameter holds, `tojson` carries it through YAML unchanged."""
    text, _ = TemplateSet({"a": "v: {{ v | tojson }}"}).render("a", {"v": value}, 10**6)
    (document,), problems = read_documents(text.encode(), "a")
    assert [str(p) for p in problems if p.severity == "error"] == []
    assert document.value == {"v": value}


@settings(max_examples=100, deadline=None)
@example({"a": "0E0", "b": "1e3", "c": "no", "d": "010", "e": "", "f": "~", "g": "1\n2", "h": "\x85"})
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), PLAIN, min_size=1, max_size=3))
def test_toyaml_survives_yaml(value: dict[str, object]) -> None:
    """`toyaml | indent` fits under a key and reads back as the same value."""
    text, _ = TemplateSet({"a": "v:\n  {{ v | toyaml | indent(2) }}\n"}).render("a", {"v": value}, 10**6)
    (document,), _ = read_documents(text.encode(), "a")
    assert document.value == {"v": value}


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_text_filters(value: str) -> None:
    """`quote` reads back as the text; `b64encode` and `sha256` are what their names say."""
    source = "{{ v | quote }}\x00{{ v | b64encode }}\x00{{ v | sha256 }}"
    text, _ = TemplateSet({"a": source}).render("a", {"v": value}, 10**6)
    quoted, encoded, digest = text.split("\x00")
    assert json.loads(quoted) == value
    assert base64.b64decode(encoded).decode() == value
    assert digest == hashlib.sha256(value.encode()).hexdigest()


def test_a_parameter_may_be_called_like_a_method() -> None:
    """`parameters.items` is the parameter; without one, it is the method."""
    assert traced({"a": "{{ p.items }}"}, {"p": {"items": 3}}) == ["3 ← a:1"]
    assert traced({"a": "{% for k, v in p.items() %}{{ k }}{{ v }}{% endfor %}"}, {"p": {"a": 1}}) == [
        "a1 ← a:1"
    ]


def test_loops_can_remember() -> None:
    """Jinja's namespace object goes by the name `scope`, because `namespace` is Kubernetes' word."""
    source = "{% set s = scope(n=0) %}{% for i in [1, 2] %}{% set s.n = s.n + i %}{% endfor %}{{ s.n }}"
    assert traced({"a": source}, {"namespace": "shop"}) == ["3 ← a:1"]
