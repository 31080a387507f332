"""A job of GitHub Actions: annotations in its log, a page of Markdown, outputs for the steps that follow."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitrel.cli.ci.annotations import Annotations, harmless
from gitrel.cli.ci.job import Job
from gitrel.cli.ci.saving import save_diff
from gitrel.clock import format_instant
from gitrel.errors import GitrelError, InvalidRepository, Problem
from gitrel.telemetry.masking import MASKER
from gitrel.telemetry.text import clean

if TYPE_CHECKING:
    from gitrel.cli.comparison import Comparison
    from gitrel.cli.session import Session
    from gitrel.orchestrator.world import PassReport

SUMMARY_BYTES_MAX = 1024 * 1024
"""GitHub drops the whole summary of a step that is larger."""
_FULL = "\n… the summary is full; the log has the rest.\n"


class GitHubJob(Job):
    """Writes to the log and to the files that GitHub names; where it names none, nothing is written there."""

    def __init__(self, session: Session, environ: Mapping[str, str]) -> None:
        self._session = session
        self._environ = environ
        self._annotations: Annotations | None = None

    def guard(self, line: str) -> str:
        return harmless(line)

    # ── What verbs tell ─────────────────────────────────────────────────────────────────────────────────

    def tell_problems(self, problems: Sequence[Problem], counted: str, report: Path | None) -> None:
        from gitrel.cli.ci.summary import problems_summary

        super().tell_problems(problems, counted, report)
        self._annotate(problems)
        self._summarise(problems_summary(problems, counted))

    def tell_diff(self, found: Comparison, saved: Path | None) -> None:
        from gitrel.cli.markdown import comparison_markdown

        temporary = self._environ.get("RUNNER_TEMP")
        file = saved or (save_diff(Path(temporary), found, self._session) if temporary else None)
        # Four bytes are the longest that UTF-8 takes for a character.
        self._summarise(comparison_markdown(found, chars_max=max(self._summary_room() // 4, 2000)))
        self._outputs(
            {"changed": _truth(bool(found.groups)), "diff-file": str(file.absolute()) if file else ""}
        )

    def tell_pass(self, report: PassReport, changed: bool) -> None:
        from gitrel.cli.ci.summary import pass_summary, rollout_status

        self._annotate(report.problems)
        for name, why in sorted(report.unreachable.items()):
            self._say("error", f"{name}: cluster unreachable: {why}")
        for outcome in report.errors:
            self._say("error", f"{outcome.component} in {outcome.environment}: {outcome.error}")
        self._summarise(pass_summary(report))
        wake_at = format_instant(report.wake_at) if report.wake_at else ""
        status = rollout_status(report)
        self._outputs({"changed": _truth(changed), "rollout-status": status, "wake-at": wake_at})

    def tell_failure(self, error: GitrelError) -> None:
        if isinstance(error, InvalidRepository):
            self._annotate(error.problems)
        else:
            self._say("error", str(error))

    def ended(self, code: int) -> None:
        if self._annotations is not None:
            self._lines(self._annotations.rest())
        self._outputs({"exit-code": str(code)})

    # ── Where it goes ───────────────────────────────────────────────────────────────────────────────────

    @property
    def _to_annotate(self) -> Annotations:
        if self._annotations is None:
            self._annotations = Annotations(self._prefix())
        return self._annotations

    def _prefix(self) -> str:
        """The repository's folder in the workspace, as `config/`; empty where it is the workspace itself."""
        workspace = self._environ.get("GITHUB_WORKSPACE")
        try:
            inside = self._session.repository().resolve().relative_to(Path(workspace or "").resolve())
        except (GitrelError, ValueError):
            return ""
        return f"{inside.as_posix()}/" if workspace and inside.parts else ""

    def _annotate(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self._lines(self._to_annotate.problem(problem))

    def _say(self, level: str, text: str) -> None:
        self._lines(self._to_annotate.message("error" if level == "error" else "warning", text))

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._session.err.raw(clean(MASKER.text(line)) + "\n")

    def _summary_room(self) -> int:
        """Bytes that are left for the summary of this step."""
        try:
            used = Path(self._environ["GITHUB_STEP_SUMMARY"]).stat().st_size
        except (KeyError, OSError):
            used = 0
        return max(SUMMARY_BYTES_MAX - used - len(_FULL.encode()), 0)

    def _summarise(self, text: str) -> None:
        data = f"{text}\n".encode("utf-8", "replace")
        self._append("GITHUB_STEP_SUMMARY", data if len(data) <= self._summary_room() else _FULL.encode())

    def _outputs(self, values: Mapping[str, str]) -> None:
        self._append("GITHUB_OUTPUT", "".join(map(output_block, values, values.values())).encode())

    def _append(self, variable: str, data: bytes) -> None:
        path = self._environ.get(variable)
        if not path:
            return
        try:
            with Path(path).open("ab") as file:
                if variable == "GITHUB_STEP_SUMMARY" and file.tell() + len(data) > SUMMARY_BYTES_MAX:
                    return  # said before, and one byte more would cost all of it
                file.write(data)
        except OSError as error:
            self._session.note(f"{variable}: {path} cannot be written: {error.strerror}")


def output_block(name: str, value: str) -> str:
    """One output in the form of several lines, whose end no value can guess."""
    end = f"gitrel_{secrets.token_hex(16)}"
    return f"{name}<<{end}{os.linesep}{value}{os.linesep}{end}{os.linesep}"


def _truth(value: bool) -> str:
    return "true" if value else "false"
