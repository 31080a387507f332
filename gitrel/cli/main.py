"""The root of the command line: the table of verbs, lazy loading, exit codes, and the last word on errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from gitrel.cli.options import global_options
from gitrel.cli.output import PipeClosed, prepare_streams
from gitrel.cli.session import Session
from gitrel.cli.usage import plain
from gitrel.clock import format_instant
from gitrel.errors import GateClosed, GitrelError, InvalidRepository, UsageError
from gitrel.telemetry.text import clean

EXIT_CODES = (
    (0, "done, or no difference"),
    (1, "differences found (diff)"),
    (2, "wrong usage"),
    (3, "the repository or the configuration is invalid"),
    (4, "a gate is closed, or the schedule refuses"),
    (5, "the rollout failed or was rolled back"),
    (6, "timed out"),
    (7, "a cluster or the Git remote cannot be reached"),
    (8, "waiting is of no use: somebody has to do something first"),
    (70, "a fault in gitrel"),
    (130, "interrupted"),
    (141, "the reader of the output went away"),
)
INTERRUPTED, READER_GONE, FAULT = 130, 141, 70


@dataclass(frozen=True, slots=True)
class Entry:
    """One verb. `module` holds the Typer app that has it, or that it is (`is_group`); loaded on first use."""

    name: str
    module: str
    section: str
    help: str
    is_group: bool = False


OFFLINE, VERSIONS, ACT = "The repository, offline", "Versions", "Act"
WATCH, TRY, SERVE = "Look", "Virtual time", "Services"
VERBS = (
    Entry("init", "init", OFFLINE, "Lay out a new repository."),
    Entry("validate", "repository", OFFLINE, "Check every file, and render everything."),
    Entry("render", "repository", OFFLINE, "Print the manifests of a component."),
    Entry("explain", "parameters", OFFLINE, "Show where each parameter comes from."),
    Entry("diff", "diff", OFFLINE, "Show what applying now would change."),
    Entry("comment", "comment", OFFLINE, "Write a diff as the one comment of a pull request."),
    Entry("drift", "siblings", OFFLINE, "Show where environments differ from their siblings."),
    Entry("flags", "siblings", OFFLINE, "Show feature flags, and the commit that turned each on."),
    Entry("convert", "convert", OFFLINE, "Rewrite apiVersions that Kubernetes has removed."),
    Entry("rbac", "rbac", OFFLINE, "Print the exact rights that gitrel needs."),
    Entry("schema", "schema", OFFLINE, "Print the JSON Schema of the files people write."),
    Entry("release", "release", VERSIONS, "Make versions, and keep them whole.", is_group=True),
    Entry("reconcile", "act", ACT, "One pass: read, decide, act, record."),
    Entry("promote", "act", ACT, "Start the rollout of a version."),
    Entry("rollback", "act", ACT, "Go back to an earlier version."),
    Entry("status", "status", WATCH, "Show which version runs where, and until when."),
    Entry("rollout", "rollout", WATCH, "Look at a rollout, hold it, end it.", is_group=True),
    Entry("rehearse", "virtual", TRY, "Play a rollout on virtual clusters and a virtual clock."),
    Entry("demo", "demo", TRY, "Watch one good and one bad release go around the world."),
    Entry("daemon", "services", SERVE, "Reconcile for ever."),
    Entry("cluster", "cluster", SERVE, "The bundled Kubernetes, alone and over HTTPS.", is_group=True),
)


class LazyCommands(MutableMapping[str, Any]):
    """Name → command; the module behind a name is imported when its command is asked for."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = {entry.name: entry for entry in entries}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        entry = self.entries[name]
        if name not in self._loaded:
            app = import_module(f"gitrel.cli.commands.{entry.module}").app
            group = typer.main.get_group(app)
            self._loaded[name] = group if entry.is_group else group.commands[name]
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError("verbs stand in the table")

    def __delitem__(self, name: str) -> None:
        raise TypeError("verbs stand in the table")

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


class Root(TyperGroup):
    """The `gitrel` command: lists its verbs from the table, without importing any of them."""

    def __init__(self, **attributes: Any) -> None:
        attributes["commands"] = None
        super().__init__(**attributes)
        self.commands = LazyCommands(VERBS)

    def list_commands(self, ctx: Any) -> list[str]:
        return [entry.name for entry in VERBS]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for section in dict.fromkeys(entry.section for entry in VERBS):
            with formatter.section(section):
                formatter.write_dl([(entry.name, entry.help) for entry in VERBS if entry.section == section])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES])
        formatter.write_paragraph()
        formatter.write_text(
            "Every flag has an environment variable, named in the help of its verb; a flag wins over it."
        )


def build() -> Any:
    """The root command with its global options."""
    app = typer.Typer(
        cls=Root,
        help="Releases software to many Kubernetes clusters, region by region, from files in Git.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(global_options)
    return typer.main.get_command(app)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and gives its exit code. Never raises, whatever a verb does."""
    prepare_streams()
    session = Session()
    try:
        code = _guarded(arguments, session)
        session.job.ended(code)
    except (PipeClosed, BrokenPipeError):
        code = READER_GONE
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        _abandon_streams()
    return code


def _guarded(arguments: Sequence[str], session: Session) -> int:
    """The verb's own code, or that of whatever stopped it, told in one message."""
    try:
        result = build()(args=list(arguments), prog_name="gitrel", standalone_mode=False, obj=session)
        session.out.flush()
        return result if isinstance(result, int) else 0
    except typer.TyperException as error:
        error.message = plain(error.message)
        session.job.tell_failure(UsageError(error.message))
        _show(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except GitrelError as error:
        _tell(session, error)
        session.job.tell_failure(error)
        return error.exit_code
    except (PipeClosed, BrokenPipeError):
        raise
    except Exception as error:
        # The outermost door: what no layer below has made a GitrelError of is either the machine's refusal
        # or a fault in gitrel, and is told in one message instead of a traceback.
        told = _of_the_machine(error)
        if told is None:
            return _fault(session, error)
        _tell(session, told)
        session.job.tell_failure(told)
        return told.exit_code


def _of_the_machine(error: Exception) -> GitrelError | None:
    """What the machine refuses is no fault in gitrel: a full disk, a folder that this user may not write."""
    if getattr(error, "sqlite_errorname", "") in ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR_WRITE"):
        return GitrelError(f"the file of a bundled cluster cannot be written: {error}")
    if not isinstance(error, OSError) or error.errno not in (ENOSPC, EDQUOT, EROFS, EACCES, EPERM):
        return None
    if error.filename is None:
        return GitrelError(f"the output cannot be written: {error.strerror}")
    if error.errno in (ENOSPC, EDQUOT):
        return GitrelError(f"{error.filename}: {error.strerror}")
    return UsageError(
        f"{error.filename}: {error.strerror}: give this user the right to it, or name another place"
    )


@contextmanager
def _as_far_as_it_can_be_written() -> Iterator[None]:
    """Where stderr takes nothing more, the exit code still says what happened."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, GitrelError):
        return


@_as_far_as_it_can_be_written()
def _show(error: typer.TyperException) -> None:
    show = getattr(error, "show", None)
    if show is not None:
        show()
    else:
        typer.echo(f"gitrel: {clean(error.message)}", err=True)


@_as_far_as_it_can_be_written()
def _tell(session: Session, error: GitrelError) -> None:
    """A failure as people read it: every problem on a line of its own, or one sentence."""
    from gitrel.telemetry.masking import MASKER

    if isinstance(error, InvalidRepository):
        for problem in error.problems:
            session.err.line(clean(MASKER.text(str(problem))))
        return
    message = clean(MASKER.text(str(error)), keep="\n")
    if isinstance(error, GateClosed) and error.due is not None and format_instant(error.due) not in message:
        message += f" (not before {format_instant(error.due)})"
    session.err.line(session.err.paint("gitrel:", "red") + f" {message}")


def _fault(session: Session, error: Exception) -> int:
    """An exception that nobody expected: one line, and the traceback only for those who ask."""
    from gitrel.telemetry.masking import MASKER

    if session.debug:
        import traceback

        with _as_far_as_it_can_be_written():
            session.err.raw(clean(MASKER.text("".join(traceback.format_exception(error))), keep="\n"))
    what = clean(MASKER.text(f"{type(error).__name__}: {error}"))
    hint = "" if session.debug else " (this is a fault in gitrel; --debug shows where)"
    with _as_far_as_it_can_be_written():
        session.err.line(session.err.paint("gitrel:", "red") + f" {what}{hint}")
    session.job.tell_failure(GitrelError(what))
    return FAULT


def _abandon_streams() -> None:
    """Points both streams at nothing, so that the interpreter's last flush has nowhere to fail."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(devnull, stream.fileno())
        except (OSError, ValueError):
            continue
