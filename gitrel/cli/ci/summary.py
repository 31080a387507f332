"""Summaries of a validation and of a pass as Markdown, for the page that a CI job leaves behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gitrel.cli.markdown import code, plain
from gitrel.clock import format_instant
from gitrel.errors import Problem
from gitrel.orchestrator.world import PassReport
from gitrel.rollout.facts import count_of
from gitrel.rollout.state import Rollout
from gitrel.telemetry.masking import MASKER

ROWS_MAX = 200
_WORST_FIRST = ("failed", "rolled-back", "aborted", "running", "paused", "passed", "idle")


def problems_summary(problems: Sequence[Problem], counted: str) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    counts = f"{count_of(errors, 'error')}, {count_of(len(problems) - errors, 'warning')}"
    verdict = counts if problems else "the repository is sound"
    lines = [f"### gitrel validate: {verdict}", "", f"{plain(counted)}.", ""]
    if problems:
        lines += ["| | place | what is wrong | what to do |", "| --- | --- | --- | --- |"]
        lines += [_problem(problem) for problem in problems[:ROWS_MAX]]
        lines += _more(len(problems))
    return "\n".join(lines) + "\n"


def _problem(problem: Problem) -> str:
    place = ":".join([problem.file, *(str(n) for n in (problem.line, problem.column) if n)])
    return f"| {problem.severity} | {code(place)} | {_told(problem.what)} | {_told(problem.todo)} |"


def pass_summary(report: PassReport) -> str:
    """Where every rollout stands, what went wrong, and when the next pass is due."""
    lines = [f"### gitrel: {rollout_status(report)}", ""]
    lines += [f"Commit {code(report.commit[:12])} at {format_instant(report.at.replace(microsecond=0))}.", ""]
    lines += [f"- {_told(trouble)}" for trouble in list(_troubles(report))[:ROWS_MAX]]
    if report.wake_at:
        lines += ["", f"The next pass is due at {format_instant(report.wake_at)}."]
    lines += ["", "| component | status | environment | version | phase | because |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    rows = [row for rollout in report.rollouts.values() for row in _rollout(rollout)]
    lines += [*rows[:ROWS_MAX], *_more(len(rows))]
    return "\n".join(lines) + "\n"


def _troubles(report: PassReport) -> Iterator[str]:
    yield from map(str, report.problems)
    yield from (f"{name}: cluster unreachable: {why}" for name, why in sorted(report.unreachable.items()))
    yield from (f"{it.component} in {it.environment}: {it.error}" for it in report.errors)


def _rollout(rollout: Rollout) -> Iterator[str]:
    for name, progress in rollout.environments.items():
        cells = (
            code(rollout.component),
            rollout.status,
            code(name),
            code(progress.target.version),
            progress.phase.value,
            _told(progress.because),
        )
        yield "| " + " | ".join(cells) + " |"


def _more(total: int) -> list[str]:
    return ["", f"… and {total - ROWS_MAX} more."] if total > ROWS_MAX else []


def _told(text: str) -> str:
    return plain(MASKER.text(text))


def rollout_status(report: PassReport) -> str:
    """The status that most needs somebody's attention among all rollouts; `idle` where there is none."""
    found = {rollout.status for rollout in report.rollouts.values()}
    return next((status for status in _WORST_FIRST if status in found), "idle")
