"""Builds options from the settings table, and the few that every verb understands.

Global options are read at the root and again at each verb, so that they may stand before the verb or after
it; only at the root does the environment variable count, and whatever is typed last wins.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from gitrel import __version__
from gitrel.cli.output import Color
from gitrel.cli.session import Session
from gitrel.clock import parse_duration, parse_instant
from gitrel.config.settings import DEFAULT, SETTINGS


class Ci(StrEnum):
    AUTO = "auto"
    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


def option(name: str, *, default_is: str = "", **more: Any) -> Any:
    """The option of one row of the table; `default_is` says the default where the verb has its own."""
    setting = SETTINGS[name]
    shown = default_is or setting.shown
    more.setdefault("envvar", setting.variable)
    # What typer shows for a string is in parentheses; a setting without a default shows nothing.
    more.setdefault("show_default", shown or setting.default not in (None, False, ""))
    return typer.Option(*setting.flags, help=setting.help, metavar=setting.metavar or None, **more)


def argument(metavar: str, help: str, **more: Any) -> Any:
    """A positional argument; its help says what it is, and what its absence means."""
    return typer.Argument(metavar=metavar, help=help, show_default=False, **more)


def duration(text: str | timedelta) -> timedelta:
    """A positive duration from the command line: `0` and negative ones are wrong usage."""
    if isinstance(text, timedelta):
        return text
    try:
        value = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if not value:
        raise typer.BadParameter("must be longer than nothing, such as 90s or 5m")
    return value


def instant(text: str | datetime) -> datetime:
    if isinstance(text, datetime):
        return text
    try:
        return parse_instant(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not an instant: write it as 2026-01-31T12:00:00Z") from error


def session_of(context: typer.Context) -> Session:
    return cast(Session, context.find_root().obj)


def _remember(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """Keeps a global option in the session, unless it was merely not typed at this place."""
    source = context.get_parameter_source(parameter.name or "")
    if context.parent is None or (source is not None and source.name == "COMMANDLINE"):
        session_of(context).set(parameter.name or "", value)
    return value


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gitrel {__version__}")
        raise typer.Exit


def _kept(name: str, **more: Any) -> Any:
    return option(name, callback=_remember, expose_value=False, **more)


def global_options(
    repo: Annotated[str | None, _kept("repo")] = DEFAULT.repo,
    branch: Annotated[str | None, _kept("branch")] = DEFAULT.branch,
    cache_dir: Annotated[Path | None, _kept("cache_dir")] = DEFAULT.cache_dir,
    token_file: Annotated[Path | None, _kept("token_file")] = DEFAULT.token_file,
    token_user: Annotated[str, _kept("token_user")] = DEFAULT.token_user,
    ssh_key: Annotated[Path | None, _kept("ssh_key")] = DEFAULT.ssh_key,
    known_hosts: Annotated[Path | None, _kept("known_hosts")] = DEFAULT.known_hosts,
    allow_transport: Annotated[list[str], _kept("allow_transport")] = DEFAULT.allow_transport,
    git_timeout: Annotated[timedelta, _kept("git_timeout", parser=duration)] = DEFAULT.git_timeout,
    signing_key: Annotated[Path | None, _kept("signing_key")] = DEFAULT.signing_key,
    allowed_signers: Annotated[Path | None, _kept("allowed_signers")] = DEFAULT.allowed_signers,
    gpg_keys: Annotated[Path | None, _kept("gpg_keys")] = DEFAULT.gpg_keys,
    kubeconfig: Annotated[str | None, _kept("kubeconfig")] = DEFAULT.kubeconfig,
    allow_context: Annotated[list[str], _kept("allow_context")] = DEFAULT.allow_context,
    act_as: Annotated[str | None, _kept("act_as")] = DEFAULT.act_as,
    act_as_group: Annotated[list[str], _kept("act_as_group")] = DEFAULT.act_as_group,
    act_as_uid: Annotated[str | None, _kept("act_as_uid")] = DEFAULT.act_as_uid,
    allow_insecure_tls: Annotated[bool, _kept("allow_insecure_tls")] = DEFAULT.allow_insecure_tls,
    max_clusters: Annotated[int, _kept("max_clusters", min=1)] = DEFAULT.max_clusters,
    adopt: Annotated[list[str], _kept("adopt")] = DEFAULT.adopt,
    color: Annotated[Color, _kept("color")] = DEFAULT.color,
    quiet: Annotated[bool, _kept("quiet")] = DEFAULT.quiet,
    debug: Annotated[bool, _kept("debug")] = DEFAULT.debug,
    log_level: Annotated[LogLevel | None, _kept("log_level")] = DEFAULT.log_level,
    log_format: Annotated[LogFormat, _kept("log_format")] = DEFAULT.log_format,
    ci: Annotated[Ci, _kept("ci")] = DEFAULT.ci,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Only declares: each option's callback keeps its value in the session."""


HINT = "Options that every verb understands, such as --repo, and the exit codes: gitrel --help"


class Verb(TyperCommand):
    """A command that understands the global options too."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        # A verb may give a flag of the same name a meaning of its own, as `init --ci` does.
        own = {flag for param in self.params for flag in param.opts}
        self.params += [param for param in _globals_again() if own.isdisjoint(param.opts)]
        self.epilog = self.epilog or HINT


class VerbGroup(TyperGroup):
    """A group of verbs that understands the global options too."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.params = [*self.params, *_globals_again()]
        self.epilog = self.epilog or HINT


def _globals_again() -> list[Any]:
    """The global options as parameters of a verb: without variable, for the root has read it already.

    Not shown in the verb's help, which would be twice as long; the root's help lists them.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(global_options)
    params: list[Any] = [param for param in typer.main.get_command(app).params if param.name != "version"]
    for param in params:
        param.envvar = None
        param.hidden = True
    return params
