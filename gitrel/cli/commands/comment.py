"""`comment`: the diff of a pull request as one comment there, written once and edited from then on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitrel.cli.flags import ForgeUrl, Remote, WhichForge
from gitrel.cli.options import Verb, argument, option, session_of
from gitrel.config.settings import DEFAULT
from gitrel.errors import UsageError
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.forge.forge import Forge

app = typer.Typer(rich_markup_mode=None)


@app.command(cls=Verb)
def comment(
    context: typer.Context,
    number: Annotated[int, argument("NUMBER", "The number of the pull request or merge request.", min=1)],
    *,
    saved: Annotated[Path | None, option("comment_from")] = DEFAULT.comment_from,
    commit: Annotated[str | None, option("comment_commit")] = DEFAULT.comment_commit,
    remote: Remote = DEFAULT.remote,
    forge: WhichForge = DEFAULT.forge,
    forge_url: ForgeUrl = DEFAULT.forge_url,
) -> int:
    """Write a diff as the one comment of a pull request.

    With --from it is the diff that `diff --save` has kept, written once and edited from then on. Without it
    there is no diff, because the check did not pass: a comment that an earlier commit has left then says so.
    Nothing is written for a commit that is not the newest any more. In a CI job the forge and the project
    are known; elsewhere they are those of --remote.
    """
    from gitrel.cli.commands.diff import read_comparison
    from gitrel.cli.commenting import forge_here
    from gitrel.forge.comments import is_commit

    session = session_of(context)
    if commit is not None and not is_commit(commit):
        raise UsageError(f"--commit {commit!r}: write the full id of the commit, in lower case")
    found = read_comparison(saved) if saved is not None else None
    chosen = forge_here(session, remote, forge.value, forge_url, os.environ)
    if commit and (head := chosen.head_of(number)) and head != commit:
        session.note(clean(f"{chosen.word} {number} has moved on to {head[:12]}: nothing was written"))
        return 0
    if found is None:
        session.note(_mark(chosen, number, commit or ""))
    else:
        from gitrel.cli.markdown import comparison_markdown

        session.note(_write(chosen, number, comparison_markdown(found), commit or ""))
    return 0


def _write(forge: Forge, number: int, markdown: str, commit: str) -> str:
    from gitrel.cli.markdown import MARKER
    from gitrel.forge.comments import current

    body, there = current(MARKER, markdown, commit), forge.find_comment(number, MARKER)
    if there is None:
        forge.add_comment(number, body)
        return f"{forge.word} {number}: wrote the comment"
    if there.body.strip() == body.strip():
        return f"{forge.word} {number}: the comment says so already"
    forge.edit_comment(number, there, body)
    return f"{forge.word} {number}: brought the comment up to date"


def _mark(forge: Forge, number: int, commit: str) -> str:
    from gitrel.cli.markdown import MARKER
    from gitrel.forge.comments import outdated

    there = forge.find_comment(number, MARKER)
    if there is None:
        return f"{forge.word} {number}: there is no comment that could be out of date"
    body = outdated(MARKER, there.body, commit)
    if body.strip() == there.body.strip():
        return f"{forge.word} {number}: the comment says so already"
    forge.edit_comment(number, there, body)
    return f"{forge.word} {number}: marked the comment as out of date"
