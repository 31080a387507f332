"""The one comment that a pull request gets: how it begins, of which commit it is, and that it is out of date.

Pure. Beside the visible text there are HTML comments, which nobody sees, by which the next job finds its way.
"""

from __future__ import annotations

import re

_COMMIT = re.compile(r"<!-- gitrel commit ([0-9a-f]{40,64}) -->\n")
_WARNING = re.compile(r"<!-- gitrel outdated -->\n.*?<!-- gitrel outdated end -->\n\n?", re.DOTALL)
_SHA = re.compile(r"[0-9a-f]{40,64}\Z")


def is_commit(text: str) -> bool:
    """Whether it is a full commit id, and so nothing else."""
    return _SHA.match(text) is not None


def current(marker: str, markdown: str, commit: str) -> str:
    """The comment for what `commit` (empty: unknown) changes; `markdown` begins with the marker."""
    text = markdown.removeprefix(marker).lstrip("\n")
    told = f"<!-- gitrel commit {commit} -->\n" if commit else ""
    return f"{marker}\n{told}{text}"


def outdated(marker: str, body: str, commit: str) -> str:
    """The comment that is there, left out of date by a later commit (empty: unknown) that did not pass."""
    text = _WARNING.sub("", body.removeprefix(marker).lstrip("\n"))
    found = _COMMIT.match(text)
    rest = text[found.end() :] if found else text
    of = f"an earlier commit, `{found[1][:12]}`" if found else "an earlier commit"
    newest = f"The newest one, `{commit[:12]}`," if commit else "The newest one"
    warning = (
        "<!-- gitrel outdated -->\n"
        f"> **This is of {of}.** {newest} did not pass validation, so what it changes is not known: "
        "see its job.\n"
        "<!-- gitrel outdated end -->\n\n"
    )
    return f"{marker}\n{found[0] if found else ''}{warning}{rest}"
