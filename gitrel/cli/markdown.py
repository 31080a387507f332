"""A comparison as Markdown for a pull request or a job summary: counts first, details folded, never too long.

What stands in it comes from a repository that strangers may have written to. Names go into `<code>` with HTML
escaped; hunks go into a fence longer than any run of backticks in them; control characters are shown as what
they are. So nothing in the content can end the fence, open a tag, mention a person or draw an image.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gitrel.cli.comparison import Comparison, RehearsedChange
from gitrel.delivery.changes import WORDS, Group
from gitrel.delivery.classify import SORTS
from gitrel.rollout.facts import count_of
from gitrel.telemetry.text import clean

MARKER = "<!-- gitrel diff -->"
"""The first line, by which a job finds the comment that it wrote before."""
COMMENT_CHARS_MAX = 65_000
"""GitHub refuses a comment of more than 65,536 characters."""
HUNK_CHARS_MAX = 16_000
"""One change does not take the room of all the others."""
NAMES_SHOWN = 12
ROWS_MAX = 60
NOTES_MAX = 40
_NOTE_ROOM = 700
"""Kept free for the sentence that says what was cut."""


def comparison_markdown(found: Comparison, *, chars_max: int = COMMENT_CHARS_MAX) -> str:
    """At most `chars_max` characters; what does not fit is named and counted at the end."""
    page = _Page(chars_max - _NOTE_ROOM)
    page.add(_heading(found))
    if found.groups:
        page.add(_component_table(found))
    page.add(_notes(found.notes))
    for rehearsed in found.rehearsals:
        page.add(_rehearsal(rehearsed))
    cut = _add_groups(page, found.gravest_first())
    return page.text + _cut_note(cut, len(found.groups), found)


@dataclass
class _Page:
    """Text that grows until its room is used up."""

    room: int
    text: str = ""

    def add(self, block: str) -> bool:
        """Whether there was room for the block; where there was none, nothing is added."""
        if len(self.text) + len(block) > self.room:
            return False
        self.text += block
        return True


@dataclass
class _Cut:
    shortened: int = 0
    without_hunk: int = 0
    left_out: int = 0


def _add_groups(page: _Page, groups: Sequence[Group]) -> _Cut:
    """The gravest changes first, each as long as there is room for it: whole, by name only, or not at all."""
    cut = _Cut()
    for group in groups:
        lines, more = _fitting(group.lines)
        if page.add(_details(group, lines, more)):
            cut.shortened += bool(more)
        elif page.add(f"- {_title(group)} (its diff is cut)\n"):
            cut.without_hunk += 1
        else:
            cut.left_out += 1
    return cut


def _fitting(lines: Sequence[str]) -> tuple[Sequence[str], int]:
    """The first lines that fit into one hunk's room, and how many more there are."""
    room = HUNK_CHARS_MAX
    for index, line in enumerate(lines):
        room -= len(clean(line, keep="\t")) + 1
        if room < 0:
            return lines[:index], len(lines) - index
    return lines, 0


def _heading(found: Comparison) -> str:
    compared = f"{code(found.head)} compared with {code(found.base)}"
    if not found.groups:
        return f"{MARKER}\n### gitrel: nothing changes in any environment\n\n{compared}.\n\n"
    total = found.counts
    words = ", ".join(f"**{total.words[word]}** {word}" for word in WORDS)
    places = f"**{len(total.environments)}** " + _plural("environment", len(total.environments))
    sorts = [
        f"| {sort} | {total.sorts[sort]} | {meaning} |"
        for sort, meaning in SORTS.items()
        if sort in total.sorts
    ]
    rows = "\n".join(["| sort | changes | |", "| --- | ---: | --- |", *sorts])
    return (
        f"{MARKER}\n### gitrel: {sum(total.words.values())} objects change in "
        f"{len(total.environments)} {_plural('environment', len(total.environments))}\n\n"
        f"{words} in {places}. {compared}.\n\n{rows}\n\n"
    )


def _component_table(found: Comparison) -> str:
    rows: dict[str, list[Group]] = {}
    for group in found.groups:
        rows.setdefault(group.component, []).append(group)
    lines = ["| component | " + " | ".join(WORDS) + " | environments |", "| --- | ---: | ---: | ---: | --- |"]
    for component, groups in list(rows.items())[:ROWS_MAX]:
        sums = [sum(len(g.environments) for g in groups if g.word == word) for word in WORDS]
        places = dict.fromkeys(name for group in groups for name in group.environments)
        lines.append(f"| {code(component)} | " + " | ".join(map(str, sums)) + f" | {_names(places)} |")
    if len(rows) > ROWS_MAX:
        lines.append(f"| and {count_of(len(rows) - ROWS_MAX, 'more component')} | | | | |")
    return "\n".join(lines) + "\n\n"


def _notes(notes: Sequence[str]) -> str:
    shown = [f"- {plain(note)}" for note in notes[:NOTES_MAX]]
    if len(notes) > NOTES_MAX:
        shown.append(f"- and {len(notes) - NOTES_MAX} more")
    return "\n".join(shown) + "\n\n" if shown else ""


def _rehearsal(one: RehearsedChange) -> str:
    peak = f"{one.versions_at_peak} of {one.versions_allowed} allowed versions live at the peak"
    lines = [
        "<details>",
        f"<summary>rehearsal of {code(one.component)}: {plain(one.status)} after {plain(one.took)}, "
        f"{peak}</summary>\n",
        f"{plain(one.because)}\n",
        "| environment | wave | version | starts | passes | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in one.rows[:ROWS_MAX]:
        cells = (row.environment, row.wave, row.version, row.started, row.passed, row.because)
        lines.append("| " + " | ".join(plain(cell) or "–" for cell in cells) + " |")
    if len(one.rows) > ROWS_MAX:
        lines.append(f"| and {len(one.rows) - ROWS_MAX} more | | | | | |")
    return "\n".join(lines) + "\n\n</details>\n\n"


def _details(group: Group, lines: Sequence[str], more: int) -> str:
    parts = [
        "<details>",
        f"<summary>{_title(group)}</summary>\n",
        f"In {_names(group.environments, None)}.\n",
    ]
    if group.surroundings_differ:
        parts.append(f"The lines around the change are those of {code(group.environments[0])}.\n")
    parts.append(fenced(lines, "diff"))
    if more:
        parts.append(f"\n… and {more} more {_plural('line', more)}.")
    return "\n".join(parts) + "\n\n</details>\n\n"


def _title(group: Group) -> str:
    count = len(group.environments)
    sorts = f" ({', '.join(group.sorts)})" if group.sorts else ""
    return (
        f"{code(group.component)} {code(group.object_name)} {group.word}{sorts} "
        f"in {count} {_plural('environment', count)}"
    )


def _cut_note(cut: _Cut, total: int, found: Comparison) -> str:
    parts = []
    if cut.shortened:
        parts.append(f"{cut.shortened} {_plural('diff', cut.shortened)} shortened")
    if cut.without_hunk:
        parts.append(f"{cut.without_hunk} shown by name only")
    if cut.left_out:
        parts.append(f"{cut.left_out} left out")
    if not parts:
        return ""
    where = f" `gitrel diff --base {base}` shows all of it." if (base := _revision(found.base)) else ""
    return f"\n**Cut, for the room there is:** of {total} changes {', '.join(parts)}.{where}\n"


def _revision(base: str) -> str:
    """The base as one may type it; nothing where it is more than a plain revision."""
    return base if re.fullmatch(r"[\w./~^-]{1,100}", base, re.ASCII) else ""


def _names(names: Iterable[str], most: int | None = NAMES_SHOWN) -> str:
    names = list(names)
    shown = names if most is None else names[:most]
    more = len(names) - len(shown)
    return ", ".join(map(code, shown)) + (f" and {more} more" if more else "")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def code(text: str) -> str:
    """A name as `<code>`: in Markdown and in a table cell alike, and read as nothing else."""
    return f"<code>{_escaped(text)}</code>"


def plain(text: str) -> str:
    """A sentence that may hold anything, of which nothing is read as Markdown or HTML.

    Mentions, issues and addresses are looked for in what an entity stands for too, but not across a
    zero-width space.
    """
    return re.sub(r"(&#64;|&#35;|&#58;|www(?=\.)|GH(?=-))", r"\1&#8203;", _escaped(text))


_MEANING = re.compile(r"[\\`*_{}\[\]()#|~@<>&]|:(?=//)")


def _escaped(text: str) -> str:
    """Every character with a meaning as a numeric entity: no link, no emphasis, no tag, no cell border."""
    return _MEANING.sub(lambda match: f"&#{ord(match[0])};", clean(text))


def fenced(lines: Iterable[str], language: str = "") -> str:
    """A code block that its content cannot end."""
    text = "\n".join(clean(line, keep="\t") for line in lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
