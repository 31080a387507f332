"""Carrying a change from one text into another: what is kept, what is refused, and where."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.errors import UsageError
from gitrel.repo.merge import Clash, lines_of, merge
from gitrel.repo.patch import Hunk, apply_hunks, parse_patch

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n", b"e: 1\n"]), max_size=12)
TEXT = st.builds(lambda lines, end: b"".join(lines) + end, LINES, st.sampled_from([b"", b"x"]))


def lines(text: str) -> bytes:
    return "".join(f"{word}\n" for word in text.split()).encode()


@pytest.mark.parametrize(
    ("name", "base", "ours", "theirs", "merged"),
    [
        ("only theirs", "a b c", "a b c", "a X c", "a X c"),
        ("only ours", "a b c", "a X c", "a b c", "a X c"),
        ("both alike", "a b c", "a X c", "a X c", "a X c"),
        ("apart", "a b c d e", "A b c d e", "a b c d E", "A b c d E"),
        ("theirs adds at the end", "a b", "X a b", "a b c", "X a b c"),
        ("theirs removes", "a b c d", "X b c d", "a b d", "X b d"),
        ("ours is longer", "a b c", "n1 n2 n3 a b c", "a b c Z", "n1 n2 n3 a b c Z"),
    ],
)
def test_what_can_be_merged(name: str, base: str, ours: str, theirs: str, merged: str) -> None:
    """Changes in different places are both kept; the same change twice is one."""
    assert merge(lines(base), lines(ours), lines(theirs)) == lines(merged), name


def test_a_clash_names_the_line_and_all_three_sides() -> None:
    """One line changed in two ways: nothing is guessed, and the place is that of `ours`."""
    found = merge(lines("a b c"), lines("new a OURS c"), lines("a THEIRS c"))
    assert found == (Clash(3, (b"OURS\n",), (b"b\n",), (b"THEIRS\n",)),)


@settings(deadline=None, max_examples=200)
@given(TEXT, TEXT)
def test_one_sided_changes_always_merge(base: bytes, other: bytes) -> None:
    """Whoever alone changed the text wins, on either side; and lines are cut without loss."""
    assert merge(base, base, other) == other
    assert merge(base, other, base) == other
    assert merge(base, other, other) == other
    assert b"".join(lines_of(other)) == other


@settings(deadline=None, max_examples=200)
@given(TEXT, TEXT, TEXT)
def test_sides_are_equal(base: bytes, ours: bytes, theirs: bytes) -> None:
    """It makes no difference which side is called ours, to the text and to whether there is one."""
    one, other = merge(base, ours, theirs), merge(base, theirs, ours)
    assert isinstance(one, bytes) == isinstance(other, bytes)
    if isinstance(one, bytes):
        assert one == other


def git_diff(folder: Path, before: bytes, after: bytes) -> bytes:
    (folder / "before").write_bytes(before)
    (folder / "after").write_bytes(after)
    command = ["git", "diff", "--no-index", "--no-color", "before", "after"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout


@settings(deadline=None, max_examples=25)
@given(before=TEXT, after=TEXT)
def test_what_git_writes_applies_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes
) -> None:
    """A diff by Git itself gives the new text from the old one, and the old one from the new."""
    if before in (b"", after) or after == b"":
        return
    (patch,) = parse_patch(git_diff(tmp_path_factory.mktemp("diff"), before, after), "p")
    assert apply_hunks(before, patch.hunks) == after
    assert apply_hunks(after, patch.hunks, backwards=True) == before


def test_a_hunk_finds_its_lines_where_they_are_now() -> None:
    """The file has grown above the change: the lines decide, not the number."""
    (patch,) = parse_patch(b"--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+X\n c\n", "p")
    assert apply_hunks(lines("n n n n n a b c"), patch.hunks) == lines("n n n n n a X c")
    refused = apply_hunks(lines("a B c"), patch.hunks)
    assert isinstance(refused, Hunk)
    assert refused.line == 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("nothing", "", "holds no change"),
        ("prose", "please apply\n", "holds no change"),
        ("cut off", "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n", "p:5: the patch ends within a hunk"),
        ("mangled", "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n*b\n c\n", "p:5: not a line of a hunk"),
        ("binary", "diff --git a/f b/f\nBinary files a/f and b/f differ\n", "a binary file"),
        ("link", "diff --git a/f b/f\nnew file mode 120000\n", "a symbolic link"),
        ("outside", "--- a/../../etc/passwd\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "not a path"),
        ("absolute", "--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "not a path"),
    ],
)
def test_what_is_no_patch_is_refused_with_its_line(name: str, text: str, said: str) -> None:
    """Half a patch, another kind of change, a path that leads out: refused before anything is applied."""
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        parse_patch(text.encode(), "p")


def test_names_as_git_and_diff_write_them() -> None:
    """Quoted UTF-8, a date behind a tab, renames, new and removed files."""
    text = (
        b'--- "a/gr\\303\\274n.yaml"\n+++ "b/gr\\303\\274n.yaml"\n@@ -1 +1 @@\n-a\n+b\n'
        b"--- old.yaml\t2026-01-01 00:00:00\n+++ new.yaml\t2026-01-01 00:00:00\n@@ -1 +1 @@\n-a\n+b\n"
        b"diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n"
        b"diff --git a/made b/made\nnew file mode 100644\n--- /dev/null\n+++ b/made\n@@ -0,0 +1 @@\n+a\n"
        b"diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n"
        b"@@ -1 +0,0 @@\n-a\n-- \n2.39\n"
    )
    found = [(patch.old, patch.new, len(patch.hunks)) for patch in parse_patch(text, "p")]
    assert found == [
        ("grün.yaml", "grün.yaml", 1),
        ("old.yaml", "new.yaml", 1),
        ("x", "y", 0),
        ("", "made", 1),
        ("gone", "", 1),
    ]
