"""Finding by patterns: as Go's `regexp` does it, and never slower than linear."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.kube.regex import BadPattern, compiled
from gitrel.kube.regexfind import find_all, search
from tests.cluster.cel.evaluating import evaluate
from tests.effort import at_most

CASES = [
    ("a|ab", "xabc", "a"),
    ("a+?", "caaa", "a"),
    ("a+", "caaa", "aaa"),
    ("(?i)HELLO", "say Hello", "Hello"),
    (r"\bcat\b", "concat cat", "cat"),
    (r"[[:digit:]]{2,3}", "a1b1234", "123"),
    (r"^b", "ab", None),
    (r"(?m)^b$", "a\nb\nc", "b"),
    (r"a.c", "a\nc abc", "abc"),
    (r"(?s)a.c", "a\nc abc", "a\nc"),
    (r"\Qa.b\E+", "aab a.bbb", "a.bbb"),
    (r"(?P<year>\d{4})-(?:\d\d)", "on 2026-01-02", "2026-01"),
    (r"x*", "abc", ""),
    (r"[^a-c\]]+", "abc]xyz", "xyz"),
    (r"\x41\x{1F600}", "A\U0001f600", "A\U0001f600"),
    (r"a{0}b", "ab", "b"),
    (r"a{,2}", "a{,2}", "a{,2}"),
]


@pytest.mark.parametrize(("pattern", "text", "wanted"), CASES, ids=lambda value: repr(value)[:20])
def test_the_leftmost_match(pattern: str, text: str, wanted: str | None) -> None:
    """Proves the syntax, and which of several matches is meant."""
    found = search(pattern, text)
    assert (text[found[0] : found[1]] if found else None) == wanted


@pytest.mark.parametrize(
    "pattern", ["(", ")", "[", "*", "a**b{3,2}", "\\", "(?z)", "[z-a]", "\\8", "a{1001}", "[[:no:]]"]
)
def test_what_is_no_pattern(pattern: str) -> None:
    """Proves that nonsense is refused, not misread."""
    with pytest.raises(BadPattern):
        search(pattern, "a")


def test_all_of_them() -> None:
    """Proves Go's rule for matches of nothing, and the limit."""
    assert find_all("a*", "baac") == ["", "aa", ""]
    assert find_all("[ab]", "abcabc", 3) == ["a", "b", "a"]
    text = "'abc 123'.find('[0-9]+') == '123' && 'x'.find('y') == '' && 'a1b2'.findAll('[0-9]') == ['1','2']"
    assert evaluate(text, {})


PIECES = st.lists(
    st.sampled_from(["a", "b", "(a|b)", "a*", "b+?", "(ab)?", "[ab]", ".", "a{1,2}", "^", "$"]), max_size=6
)


@given(PIECES, st.text("abc", max_size=12))
@settings(deadline=None, max_examples=200)
def test_as_python_finds_it(pieces: list[str], text: str) -> None:
    """Proves the same matches as a backtracking engine, and the same verdict as the fast one."""
    pattern = "".join(pieces)
    # Go's `$` is the end of the text; Python's is also before a last line feed, of which there are none.
    match = re.search(pattern, text)
    assert search(pattern, text) == (match.span() if match else None)
    assert compiled(pattern)(text) == (match is not None)


def test_no_pattern_takes_long() -> None:
    """Proves linear time where backtracking would take years."""
    with at_most(cpu_seconds=2):
        assert search("(a+)+$", "a" * 2000 + "b") is None
