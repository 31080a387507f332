"""One run of the command line: the global options, the two output streams, and where the repository is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitrel.cli.ci.job import Job, job_of
from gitrel.cli.output import Color, Format, Listing, Writer, show, wants_color
from gitrel.clock import parse_duration
from gitrel.config.settings import DEFAULT, SETTINGS
from gitrel.errors import UsageError
from gitrel.repo.layout import PIPELINE_FILE
from gitrel.repo.tree import ROOTS

if TYPE_CHECKING:
    from gitrel.repo.git.mirror import RemoteSource
    from gitrel.telemetry.logs import Format as LogFormat
    from gitrel.telemetry.logs import Level


class Session:
    """Holds what was asked for; nothing is opened before a verb needs it."""

    def __init__(self) -> None:
        self.repo: str | None = DEFAULT.repo
        self.branch: str | None = DEFAULT.branch
        self.cache_dir: Path | None = DEFAULT.cache_dir
        self.token_file: Path | None = DEFAULT.token_file
        self.token_user: str = DEFAULT.token_user
        self.ssh_key: Path | None = DEFAULT.ssh_key
        self.known_hosts: Path | None = DEFAULT.known_hosts
        self.allow_transport: Sequence[str] = DEFAULT.allow_transport
        self.git_timeout: timedelta = parse_duration(DEFAULT.git_timeout)
        self.signing_key: Path | None = DEFAULT.signing_key
        self.allowed_signers: Path | None = DEFAULT.allowed_signers
        self.gpg_keys: Path | None = DEFAULT.gpg_keys
        self.kubeconfig: str | None = DEFAULT.kubeconfig
        self.allow_context: Sequence[str] = DEFAULT.allow_context
        self.act_as: str | None = DEFAULT.act_as
        self.act_as_group: Sequence[str] = DEFAULT.act_as_group
        self.act_as_uid: str | None = DEFAULT.act_as_uid
        self.allow_insecure_tls: bool = DEFAULT.allow_insecure_tls
        self.max_clusters: int = DEFAULT.max_clusters
        self.adopt: Sequence[str] = DEFAULT.adopt
        self.color = Color(DEFAULT.color)
        self.quiet: bool = DEFAULT.quiet
        self.debug: bool = DEFAULT.debug
        self.log_level: Level | None = DEFAULT.log_level
        self.log_format: LogFormat = DEFAULT.log_format
        self.ci: str = DEFAULT.ci

    def set(self, name: str, value: Any) -> None:
        assert name in SETTINGS, name
        setattr(self, name, value)

    @cached_property
    def out(self) -> Writer:
        return Writer(sys.stdout, wants_color(self.color, sys.stdout), self._guard)

    @cached_property
    def err(self) -> Writer:
        return Writer(sys.stderr, wants_color(self.color, sys.stderr), self._guard)

    @cached_property
    def job(self) -> Job:
        """The CI job that this run is part of; one that says nothing where it is part of none."""
        return job_of(self.ci, os.environ, self)

    @property
    def _guard(self) -> Callable[[str], str]:
        return self.job.guard

    def note(self, text: str) -> None:
        """A message for people on stderr, unless they asked for quiet."""
        if not self.quiet:
            self.err.line(text)

    def show(self, format_: Format | None, listing: Listing, *, headers: bool = True) -> None:
        show(self.out, format_ or Format.TABLE, listing, headers=headers)
        if not listing.items and format_ in (None, Format.TABLE, Format.WIDE):
            self.note("there is nothing to list")

    def repository(self) -> Path:
        """The root of the config repository on disk. Raises UsageError for a URL, and for what is none."""
        place = self.place()
        if isinstance(place, Path):
            return place
        raise UsageError(f"--repo {place}: this verb works on files: clone the repository, and go into it")

    def place(self) -> Path | RemoteSource:
        """Where the config repository is: a folder, or a remote with all that is needed to reach it.

        Raises UsageError with what was looked for and where.
        """
        from gitrel.cli.sources import remote_source
        from gitrel.repo.git.access import is_url

        if self.repo is None:
            return find_repository(Path.cwd())
        if is_url(self.repo):
            return remote_source(self, self.repo)
        root = Path(self.repo).expanduser().absolute()
        if not root.is_dir():
            what = "this is not a folder" if root.exists() else "there is no such folder"
            raise UsageError(f"--repo {self.repo}: {what}")
        if not any(os.path.lexists(root / name) for name in ROOTS):
            folders = " or ".join(f"{name}/" for name in ROOTS)
            raise UsageError(f"--repo {self.repo}: not a config repository, for it has no {folders}")
        return root

    def configure_logs(self, default: Level = "warning") -> None:
        """Sets the log up; called by verbs that act, because only they write log lines."""
        from gitrel.telemetry.logs import configure

        configure(self.log_level or default, self.log_format)


def find_repository(start: Path) -> Path:
    """The nearest folder from `start` upward that holds `environments/pipeline.yaml`, or else both roots."""
    for folder in (start, *start.parents):
        if (folder / PIPELINE_FILE).is_file() or all((folder / name).is_dir() for name in ROOTS):
            return folder
    raise UsageError(
        f"{start}: neither this folder nor any above it is a config repository (no {PIPELINE_FILE}): "
        "go into one, or name it with --repo DIR"
    )
