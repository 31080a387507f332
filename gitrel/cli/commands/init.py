"""`init`: a new repository that a newcomer can read, and take to a first promotion in minutes."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gitrel.cli.options import Verb, argument, option, session_of
from gitrel.clock import SystemClock
from gitrel.config.settings import DEFAULT
from gitrel.telemetry.text import clean

app = typer.Typer(rich_markup_mode=None)


class Workflows(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


@app.command(cls=Verb)
def init(
    context: typer.Context,
    directory: Annotated[
        Path, argument("DIR", "The folder to lay it out in; it may not exist yet.")
    ] = Path(),
    *,
    ci: Annotated[Workflows, option("init_ci")] = DEFAULT.init_ci,
) -> int:
    """Lay out a new repository.

    One component in one stage and two regions on gitrel's own clusters, a pipeline with timers short enough
    to watch, the workflows of a CI system, and a first commit. What is there already is never overwritten;
    where DIR is a Git repository, committing is left to you.
    """
    from gitrel.cli.layingout import lay_out

    session = session_of(context)
    commit = lay_out(directory, ci.value, SystemClock().now())
    out = session.out
    out.line(
        clean(f"A new repository in {directory.absolute()}" + (f", commit {commit[:12]}." if commit else "."))
    )
    out.line("Next:")
    out.line()
    for command, why in _next(directory, committed=bool(commit)):
        out.line(clean(f"  {command:<34} # {why}"))
    return 0


def _next(directory: Path, *, committed: bool) -> list[tuple[str, str]]:
    steps = []
    if directory.absolute() != Path.cwd():
        steps.append((f"cd {shlex.quote(str(directory))}", "everything is explained in README.md"))
    if not committed:
        steps.append(("git add . && git commit", "gitrel acts on what is committed"))
    return [
        *steps,
        ("gitrel validate", "every problem at once, or none"),
        ("gitrel reconcile --wait", "install v1, on clusters of gitrel's own"),
        ("gitrel release cut web", "current/ holds a change: make it v2"),
        ("gitrel promote web v2 --wait", "staging, then one region, then the other"),
        ("gitrel status", "which version runs where"),
    ]
