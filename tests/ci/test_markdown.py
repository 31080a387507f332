"""The Markdown of a diff: short enough, honest about what is cut, and safe whatever stands in the content."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cli.comparison import Comparison, RehearsalRow, RehearsedChange, document, read_saved
from gitrel.cli.markdown import COMMENT_CHARS_MAX, MARKER, comparison_markdown, fenced
from gitrel.cli.output import to_json
from gitrel.delivery.changes import Group
from gitrel.delivery.classify import SORTS

GROUP = Group(
    component="web",
    kind="Deployment",
    api_group="apps",
    name="web",
    namespaces=("shop",),
    environments=("east", "west"),
    word="configured",
    sorts=("image",),
    lines=("@@ -1 +1 @@", "-image: web:1", "+image: web:2"),
)
FOUND = Comparison("main", "the files on disk", (GROUP,))
NASTY = (
    "</code></details><script>alert(1)</script>",
    "![x](https://evil.example/x.png) [a](javascript:b)",
    "@someone please look at #1 and GH-2",
    "| a | b |\n| --- | --- |",
    "``` \n</details>\n# heading",
    "```",
    "````",
    "<!-- gitrel diff -->",
    "\x1b]8;;http://evil\x07 \u202e \x00",
    "https://evil.example www.evil.example",
)


def lines_outside_fences(markdown: str) -> list[str]:
    """What is read as Markdown or HTML, by CommonMark's rule of the closing fence."""
    outside: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        found = re.match(r" {0,3}(`{3,})(.*)$", line)
        if fence:
            if found and len(found[1]) >= len(fence) and not found[2].strip():
                fence = ""
        elif found:
            fence = found[1]
        else:
            outside.append(line)
    assert not fence, "a fence was never closed"
    return outside


def check_safe(markdown: str) -> None:
    """Only our own tags, balanced; nothing that GitHub turns into a link, an image or a mention."""
    assert markdown.startswith(MARKER)
    text = "\n".join(lines_outside_fences(markdown.removeprefix(MARKER)))
    tags = re.findall(r"<[^>]*>?", text)
    assert set(tags) <= {"<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>"}
    for name in ("details", "summary", "code"):
        assert tags.count(f"<{name}>") == tags.count(f"</{name}>")
    assert not re.search(r"\]\(|\]\[", text)
    rendered = html.unescape(re.sub(r"<code>.*?</code>", "", text))
    assert not re.search(r"@\w|(?<!\w)#\d|GH-\d|://|www\.", rendered)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", markdown)


def test_counts_first_then_a_table_then_folded_details() -> None:
    """What a reviewer looks for is at the top, and the hunk is below a summary."""
    text = comparison_markdown(FOUND)
    heading = text.index("### gitrel: 2 objects change in 2 environments")
    assert heading < text.index("| <code>web</code> | 0 | 2 | 0 |") < text.index("<details>")
    assert "```diff\n@@ -1 +1 @@\n-image: web:1\n+image: web:2\n```" in text
    assert "Cut" not in text
    check_safe(text)


def test_nothing_changes() -> None:
    """No difference is one line, so that a comment from before does not stay and lie."""
    assert "nothing changes in any environment" in comparison_markdown(replace(FOUND, groups=()))


@pytest.mark.parametrize("nasty", NASTY)
def test_content_is_never_read(nasty: str) -> None:
    """Whatever stands in names, notes and lines ends no fence, opens no tag, and mentions nobody."""
    group = replace(
        GROUP,
        component=nasty,
        name=nasty,
        environments=(nasty, "b"),
        lines=tuple(f"{mark}{nasty}" for mark in " +-@"),
        surroundings_differ=True,
    )
    row = RehearsalRow(nasty, nasty, nasty, nasty, nasty, nasty, nasty)
    rehearsed = RehearsedChange(nasty, nasty, nasty, nasty, nasty, nasty, 1, 3, (row,))
    check_safe(comparison_markdown(Comparison(nasty, nasty, (group,), (nasty,), (rehearsed,))))


_TEXT = st.sampled_from(("```", " ````", "`````\t")) | st.text(
    st.sampled_from("`~<>&|@#![]()\\*_:/ \n\tab\u202e\x1b"), max_size=12
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(_TEXT, st.lists(_TEXT, max_size=4)), max_size=4), st.lists(_TEXT, max_size=3))
def test_any_content_is_safe(groups: list[tuple[str, list[str]]], notes: list[str]) -> None:
    """The same for text made to hurt."""
    made = tuple(replace(GROUP, name=name, lines=tuple(f" {line}" for line in ls)) for name, ls in groups)
    check_safe(comparison_markdown(Comparison("a", "b", made, tuple(notes))))


@settings(deadline=None, max_examples=100)
@given(st.lists(_TEXT, max_size=5))
def test_a_fence_is_longer_than_anything_in_it(lines: list[str]) -> None:
    """So that it ends where it should."""
    block = fenced(lines).split("\n")
    assert not any(re.fullmatch(rf" {{0,3}}{block[0]}`*\s*", line) for line in block[1:-1])


@pytest.mark.parametrize(
    ("groups", "lines"), [(3000, 5), (40, 400), (1, 100_000), (5000, 0)], ids=["many", "some", "one", "names"]
)
def test_it_is_short_enough_and_says_what_is_cut(groups: int, lines: int) -> None:
    """Below the limit always; what is left out is counted, and the gravest changes are what is kept."""
    made = [replace(GROUP, name=f"web-{n}", lines=("+x" * 20,) * lines) for n in range(groups)]
    made[-1] = replace(made[-1], name="last", sorts=("deletes",), word="deleted")
    notes = tuple(f"note {n} " + "x" * 500 for n in range(500))
    text = comparison_markdown(replace(FOUND, groups=tuple(made), notes=notes))
    assert len(text) <= COMMENT_CHARS_MAX
    assert "**Cut, for the room there is:**" in text
    assert "`gitrel diff --base main` shows all of it." in text
    assert "shop/last" in text
    check_safe(text)
    counted = re.search(r"of (\d+) changes", text)
    assert counted
    assert int(counted[1]) == groups


def test_a_summary_may_be_longer() -> None:
    """The room is the caller's to give."""
    made = tuple(replace(GROUP, name=f"web-{n}") for n in range(500))
    whole = comparison_markdown(replace(FOUND, groups=made), chars_max=1_000_000)
    assert "Cut" not in whole
    assert len(whole) > COMMENT_CHARS_MAX


def test_saving_keeps_everything() -> None:
    """What is read back is what was saved, sorts in their order and rehearsals included."""
    rehearsed = RehearsedChange(
        "web",
        "passed",
        "all well",
        "a",
        "b",
        "3d",
        2,
        3,
        (RehearsalRow("east", "w", "v2", "passed", "a", "b", ""),),
    )
    group = replace(GROUP, sorts=tuple(SORTS), surroundings_differ=True, lines=("+a\tb", "-é"))
    found = Comparison("main", "disk", (group, GROUP), ("a note",), (rehearsed,))
    assert read_saved(to_json(document(found)).encode()) == found
