"""A job of GitLab: a code quality report, the saved diff, and variables for later jobs in a dotenv file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitrel.cli.ci.codequality import REPORT_FILE
from gitrel.cli.ci.job import Job
from gitrel.cli.ci.saving import save_diff
from gitrel.clock import format_instant
from gitrel.errors import Problem

if TYPE_CHECKING:
    from gitrel.cli.comparison import Comparison
    from gitrel.cli.session import Session
    from gitrel.orchestrator.world import PassReport

DOTENV_FILE = "gitrel.env"
_LINE = re.compile(r"(GITREL_[A-Z_]+)=(.*)", re.ASCII)


class GitLabJob(Job):
    """Leaves its files in the project's folder, where GitLab looks for artifacts."""

    def __init__(self, session: Session, environ: Mapping[str, str]) -> None:
        self._session = session
        self._folder = Path(environ.get("CI_PROJECT_DIR") or ".")
        self._values: dict[str, str] = {}

    def tell_problems(self, problems: Sequence[Problem], counted: str, report: Path | None) -> None:
        super().tell_problems(problems, counted, report or self._folder / REPORT_FILE)

    def tell_diff(self, found: Comparison, saved: Path | None) -> None:
        file = saved or save_diff(self._folder, found, self._session)
        self._values["GITREL_CHANGED"] = "true" if found.groups else "false"
        self._values["GITREL_DIFF_FILE"] = str(file or "")

    def tell_pass(self, report: PassReport, changed: bool) -> None:
        from gitrel.cli.ci.summary import rollout_status

        self._values["GITREL_CHANGED"] = "true" if changed else "false"
        self._values["GITREL_ROLLOUT_STATUS"] = rollout_status(report)
        self._values["GITREL_WAKE_AT"] = format_instant(report.wake_at) if report.wake_at else ""

    def ended(self, code: int) -> None:
        """Writes the variables, over those that an earlier command of the job left."""
        path = self._folder / DOTENV_FILE
        values = {**_left_before(path), **self._values, "GITREL_EXIT_CODE": str(code)}
        # A value of several lines would be another variable to whoever reads the file.
        text = "".join(f"{name}={' '.join(value.split())}\n" for name, value in values.items())
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            self._session.note(f"{path}: cannot be written: {error.strerror}")


def _left_before(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    return {found[1]: found[2] for line in lines if (found := _LINE.fullmatch(line))}
