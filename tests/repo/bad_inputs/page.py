"""Writes docs/reference/bad-input.md from the tables of the tests: `python -m tests.repo.bad_inputs.page`."""
# ruff: noqa: E501 - a row of a table stands on one line

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.render.test_messages import PLAIN, TEMPLATES
from tests.repo.bad_inputs import catalog, layout, parameters, symlinks, yaml

PAGE = Path(__file__).resolve().parents[3] / "docs/reference/bad-input.md"
NOT_FOR_PEOPLE = "regular-file-where-git-has-a-link"
"""Told only where somebody hands over what Git's index says; the command line goes by content."""
INTRO = """\
<!-- Written by `python -m tests.repo.bad_inputs.page`; edit the tables of the tests, not this page. -->

# Bad input

What gitrel says to each kind of mistake in a config repository. The tests hold it to every line of this page, word for
word.

- Every problem of a run is told at once, each as `file:line:column: what is wrong: what to do`; `-o json` gives the same
  as objects. The exit code is 3.
- Nothing is written: no journal entry, no commit, no cluster. What runs goes on running.
- An error in a component's folder stops that component and no other. An error in `environments/` stops everything.
- A `warning:` stops nothing, unless `validate --strict`.
- No content of a file outside of the repository and no value of a Secret is ever repeated.

Where there was a choice:

| what | what gitrel does |
| --- | --- |
| no Git repository, or none with a commit | exit 2 for verbs that act; `validate`, `render` and `rehearse` read the files on disk and need no Git |
| neither `apps/` nor `environments/` | exit 2: this is no config repository. With one of the two: exit 3, naming the other |
| changes that are not committed | `validate`, `render`, `diff` and `rehearse` read the files on disk, or a commit with `--revision`; what is released is always a commit, and verbs that act name what is not in it |
| a commit that arrives during a pass | the pass goes on with the commit that it began with; the next one sees the new commit |
| a component's folder is deleted while it runs | nothing is removed from any cluster; every pass and `status` name it |
| two components write one object into one cluster | both are told, with both places, and neither is acted upon |
| a released version is edited | an error that names the file; `gitrel release backport` is the way |
| a regular file where a link belongs | told by its content, whatever Git's `core.symlinks` says |
| a pointer is moved while gitrel is killed | the link is replaced by a rename: old or new, never missing |
| a template that asks for time, chance, files or the network | there is nothing in it to ask: such names and filters do not exist |
| a template that takes too much time or memory | its process is killed, and the file is named; everything else goes on |
| several objects in a file | a warning; `---` alone and empty documents are passed over |
| a name that begins with `-` | it cannot name anything; on the command line it comes after `--` |
"""


def page() -> str:
    sections = [
        ("Layout", ((case.id, case.says) for case in layout.CASES)),
        ("Pointers", ((case.id, case.says) for case in symlinks.CASES if case.id != NOT_FOR_PEOPLE)),
        ("YAML", ((case.id, case.says) for case in yaml.CASES)),
        ("Parameters and fields", ((case.id, case.says) for case in parameters.CASES)),
        ("Between files", ((case.id, case.says) for case in catalog.CASES)),
        ("Templates", ((name.replace(" ", "-"), (says,)) for name, (_, says) in TEMPLATES.items())),
        ("Manifests", ((name.replace(" ", "-"), (says,)) for name, (_, says) in PLAIN.items())),
    ]
    return INTRO + "".join(f"\n## {title}\n\n{_table(rows)}" for title, rows in sections)


def _table(rows: Iterable[tuple[str, Iterable[str]]]) -> str:
    told = ((name.replace("-", " "), "<br>".join(map(_code, says))) for name, says in rows)
    lines = (f"| {name} | {says or 'nothing: it is fine'} |" for name, says in told)
    return "\n".join(("| input | what gitrel says |", "| --- | --- |", *lines)) + "\n"


def _code(line: str) -> str:
    ticks = "``" if "`" in line else "`"
    return f"{ticks}{line}{ticks}".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
