"""The job that gitrel runs in, if it runs in one. This one is none, and says nothing to nobody.

Telling a CI system never decides anything: what cannot be written is a note on stderr, and the exit code
stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitrel.errors import GitrelError, Problem

if TYPE_CHECKING:
    from gitrel.cli.comparison import Comparison
    from gitrel.cli.session import Session
    from gitrel.orchestrator.world import PassReport


class Job:
    """What verbs tell, whatever the system is. Each verb tells each thing once."""

    def guard(self, line: str) -> str:
        """A line for people, changed where the CI system would take it for a command."""
        return line

    def tell_problems(self, problems: Sequence[Problem], counted: str, report: Path | None) -> None:
        """`validate` has looked at everything; `counted` says at what. `report` is a file to write."""
        if report is not None:
            from gitrel.cli.ci.codequality import write_report

            write_report(report, problems)

    def tell_diff(self, found: Comparison, saved: Path | None) -> None:
        """`diff` has compared; `saved` is where it keeps the result."""

    def tell_pass(self, report: PassReport, changed: bool) -> None:
        """The last pass of a verb that acts, also when it failed or ran out of time after it."""

    def tell_failure(self, error: GitrelError) -> None:
        """The verb ends with this failure."""

    def ended(self, code: int) -> None:
        """The process is about to end with this exit code."""


def job_of(choice: str, environ: Mapping[str, str], session: Session) -> Job:
    """The job that was named, or (`auto`) the one that the environment says this is."""
    if choice == "auto":
        in_github = environ.get("GITHUB_ACTIONS") == "true"
        in_gitlab = environ.get("GITLAB_CI") == "true"
        choice = "github" if in_github else "gitlab" if in_gitlab else "none"
    if choice == "github":
        from gitrel.cli.ci.github import GitHubJob

        return GitHubJob(session, environ)
    if choice == "gitlab":
        from gitrel.cli.ci.gitlab import GitLabJob

        return GitLabJob(session, environ)
    return Job()
