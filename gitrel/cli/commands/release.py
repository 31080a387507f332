"""`release …`: making versions, carrying fixes into them, and seeing whether they are as they were."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitrel.cli.acting import working
from gitrel.cli.flags import Actor, DryRun, Headers, Output, Reason, Remote
from gitrel.cli.options import Verb, VerbGroup, argument, option, session_of
from gitrel.cli.output import Format, unified
from gitrel.cli.releases import (
    backport_diffs,
    backport_listing,
    cut_listing,
    qualify_listing,
    version_listing,
)
from gitrel.cli.session import Session
from gitrel.config.settings import DEFAULT
from gitrel.errors import GateClosed, InvalidRepository, UsageError
from gitrel.telemetry.masking import MASKER
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.orchestrator.versions.parts import Backport
    from gitrel.orchestrator.versions.qualify import Candidate, Verdict
    from gitrel.orchestrator.versions.source import Source
    from gitrel.orchestrator.versions.workshop import Workshop

app = typer.Typer(
    cls=VerbGroup, rich_markup_mode=None, no_args_is_help=True, help="Make versions, and keep them whole."
)

Component = Annotated[str, argument("COMPONENT", "The component whose versions these are.")]


@contextmanager
def _workshop(session: Session, actor: str | None, remote: str | None) -> Iterator[Workshop]:
    from gitrel.orchestrator.versions.workshop import workshop_of

    with working(session, actor=actor, remote=remote) as work:
        yield workshop_of(work.world)


@app.command(cls=Verb)
def cut(
    context: typer.Context,
    component: Component,
    version: Annotated[
        str | None, argument("VERSION", "What to call it, such as v3; the next number if left out.")
    ] = None,
    *,
    revision: Annotated[str | None, option("release_revision")] = DEFAULT.release_revision,
    reason: Reason = DEFAULT.reason,
    dry_run: DryRun = DEFAULT.dry_run,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Make what current/ holds a version.

    One commit copies current/ to the next number, or to VERSION, and records its digest, so that a later
    edit is found. Nothing runs it yet: that is what promote is for. Where current/ holds what the newest
    version holds, nothing is cut.
    """
    from gitrel.orchestrator.versions.cut import cut as make

    session = session_of(context)
    with _workshop(session, actor, remote) as shop:
        made = make(shop, component, version, revision=revision, reason=reason, dry_run=dry_run)
    done = made.because or f"{'would be cut' if dry_run else 'cut'} from {made.record.commit[:12]}"
    session.note(clean(f"{made.component} {made.version}: {done}"))
    session.show(output, cut_listing([made], dry_run), headers=headers)
    return 0


@app.command(cls=Verb)
def record(
    context: typer.Context,
    component: Component,
    versions: Annotated[
        list[str] | None, argument("VERSION", "Only these versions; all without a record if left out.")
    ] = None,
    *,
    dry_run: DryRun = DEFAULT.dry_run,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Record versions that were made by hand.

    From then on an edit of them is found. Who made a version and when is read from Git. Without versions,
    all that have no record.
    """
    from gitrel.orchestrator.versions.cut import record as write

    session = session_of(context)
    with _workshop(session, actor, remote) as shop:
        made = write(shop, component, versions or (), dry_run=dry_run)
    if not made:
        session.note(clean(f"{component}: every version has its record"))
    session.show(output, cut_listing(made, dry_run), headers=headers)
    return 0


@app.command(cls=Verb)
def backport(
    context: typer.Context,
    component: Component,
    *,
    commit: Annotated[str | None, option("backport_commit")] = DEFAULT.backport_commit,
    patch: Annotated[str | None, option("backport_patch")] = DEFAULT.backport_patch,
    to: Annotated[str | None, option("backport_to")] = DEFAULT.backport_to,
    reason: Reason = DEFAULT.reason,
    dry_run: DryRun = DEFAULT.dry_run,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Carry a fix into current/ and into every version that is active.

    One commit, or none: where the fix does not apply to one of them, it says where and changes nothing.
    Active is what an environment points at, what runs by the journal, and what is on its way. With --dry-run
    it shows what each version would get.
    """
    from gitrel.orchestrator.versions.backport import backport as carry

    session = session_of(context)
    source = _source(commit, patch)
    chosen = [name.strip() for name in to.split(",") if name.strip()] if to is not None else []
    if to is not None and not chosen:
        raise UsageError("--to names no version: write it as --to current,v2,v1")
    with _workshop(session, actor, remote) as shop:
        result = carry(shop, component, source, to=chosen, reason=reason, dry_run=dry_run)
    session.show(output, backport_listing(result), headers=headers)
    if dry_run and output in (None, Format.TABLE, Format.WIDE):
        unified(session.out, backport_diffs(result))
    _tell(session, result, dry_run)
    return InvalidRepository.exit_code if result.problems else 0


def _source(commit: str | None, patch: str | None) -> Source:
    from gitrel.orchestrator.versions.source import Source

    if (commit is None) == (patch is None):
        raise UsageError("name the fix with --commit REV or with --patch FILE, one of them")
    if commit is not None:
        return Source(revision=commit)
    assert patch is not None
    try:
        data = sys.stdin.buffer.read() if patch == "-" else Path(patch).read_bytes()
    except OSError as error:
        raise UsageError(f"--patch {patch}: cannot be read: {error.strerror}") from None
    return Source(patch=data, name="the patch" if patch == "-" else patch)


def _tell(session: Session, result: Backport, dry_run: bool) -> None:
    for problem in result.problems:
        session.err.line(session.err.paint(clean(str(problem)), "red"))
    for note in result.notes:
        session.err.line(session.err.paint(clean(f"warning: {note}"), "yellow"))
    fixed = [p.becomes or p.version for p in result.parts if p.outcome in ("fixed", "renewed")]
    if result.problems:
        done = "nothing was changed, for the fix does not apply everywhere"
    elif not fixed:
        done = "every one of these versions has the fix already"
    elif dry_run:
        done = f"would be carried into {', '.join(fixed)}"
    else:
        # Where versions are tags, the branch itself may have had the fix, and no commit of it is new.
        moved = any(p.outcome in ("fixed", "renewed") and not p.becomes for p in result.parts)
        done = f"carried into {', '.join(fixed)}" + (f" in {result.commit[:12]}" if moved else "")
    session.note(clean(f"{result.component}: {done}"))


@app.command(cls=Verb)
def qualify(
    context: typer.Context,
    components: Annotated[
        list[str] | None, argument("COMPONENT", "Only these; all that have a check if left out.")
    ] = None,
    *,
    dry_run: DryRun = DEFAULT.dry_run,
    actor: Actor = DEFAULT.actor,
    remote: Remote = DEFAULT.remote,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """Test HEAD, and move the development pointer up to it where it passes.

    Meant for a schedule. What is tested is the newest version at HEAD, by the command or the rehearsal that
    `development` in pipeline.yaml or component.yaml names. Ends with 4 where a check did not pass. Without
    components, all that have a check.
    """
    from gitrel.orchestrator.versions.qualify import qualify as test

    session = session_of(context)
    with _workshop(session, actor, remote) as shop:
        found = test(shop, partial(_checked, shop), components or (), dry_run=dry_run)
    session.show(output, qualify_listing(found), headers=headers)
    failed = [one for one in found if one.outcome == "failed"]
    for one in failed:
        session.err.line(session.err.paint(clean(f"{one.component} {one.version} {one.because}"), "red"))
        for line in one.output.splitlines()[-OUTPUT_LINES_MAX:]:
            session.err.line(clean(MASKER.text(f"  {line}")))
    return GateClosed.exit_code if failed else 0


OUTPUT_LINES_MAX = 20
"""How much of what a failed check has said is shown; JSON has more."""


def _checked(shop: Workshop, candidate: Candidate) -> Verdict:
    """The check that is configured: the command, or a rehearsal of the whole rollout."""
    from gitrel.orchestrator.versions import checks
    from gitrel.orchestrator.versions.qualify import Verdict
    from gitrel.rehearsal import rehearse

    if candidate.development.command:
        return checks.run_command(shop, candidate)
    start = shop.clock.now().replace(microsecond=0)
    plot = rehearse.Plot(candidate.catalog, candidate.component, candidate.version, start=start)
    report = rehearse.rehearse(plot, shop.render)
    word = "passed" if report.passed else "did not pass"
    return Verdict(report.passed, f"{word} a rehearsal: {report.because}")


@app.command("list", cls=Verb)
def list_(
    context: typer.Context,
    component: Annotated[
        str | None, argument("COMPONENT", "Whose versions; those of all if left out.")
    ] = None,
    *,
    remote: Remote = DEFAULT.remote,
    output: Output = DEFAULT.output,
    headers: Headers = DEFAULT.headers,
) -> int:
    """List versions: who cut them and when, where they run, and whether they are as they were.

    A version is intact, edited after its cut, or unrecorded. Without a component, all of them.
    """
    from gitrel.cli.sources import looking_world
    from gitrel.orchestrator.versions.listing import list_versions
    from gitrel.orchestrator.versions.workshop import workshop_of

    session = session_of(context)
    with looking_world(session, remote) as world:
        found = list_versions(workshop_of(world), component)
    for problem in found.problems:
        session.err.line(session.err.paint(clean(str(problem)), "red"))
    session.show(output, version_listing(found), headers=headers)
    return InvalidRepository.exit_code if found.problems else 0
