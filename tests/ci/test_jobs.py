"""Verbs as steps of a job: exit codes, annotations, summary, outputs, and GitLab's reports and variables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitrel.cli.ci.codequality import report_of
from gitrel.cli.ci.github import SUMMARY_BYTES_MAX, output_block
from gitrel.errors import Problem
from tests.cli.support import Ran, gitrel
from tests.small import repository


@dataclass(frozen=True)
class GitHub:
    """A runner's files, and a config repository in its workspace."""

    root: Path
    repo: Path

    @property
    def summary(self) -> str:
        return (self.root / "summary").read_text(encoding="utf-8")

    def run(self, *arguments: str, **more: str) -> Ran:
        env = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": str(self.root / "summary"),
            "GITHUB_OUTPUT": str(self.root / "output"),
            "GITHUB_WORKSPACE": str(self.root),
            "RUNNER_TEMP": str(self.root),
        }
        return gitrel(*arguments, "-C", str(self.repo), env=env | more)

    def outputs(self) -> dict[str, str]:
        """As the runner reads them: the last one of a name wins."""
        lines = iter((self.root / "output").read_text(encoding="utf-8").splitlines())
        found = {}
        for line in lines:
            name, _, end = line.partition("<<")
            value = []
            for inner in lines:
                if inner == end:
                    break
                value.append(inner)
            found[name] = "\n".join(value)
        return found


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    folder = tmp_path / "config"
    folder.mkdir()
    return GitHub(tmp_path, repository(folder))


def test_problems_stand_at_their_lines(github: GitHub) -> None:
    """`validate` annotates file and line within the workspace, summarises, and leaves its code."""
    (github.repo / "environments/quiet.yaml").write_text(
        "kind: Environment\napiVersion: x\n", encoding="utf-8"
    )
    ran = github.run("validate")
    assert ran.code == 3
    assert "::error file=config/environments/quiet.yaml,line=2," in ran.err
    assert "::" not in ran.out
    assert github.outputs() == {"exit-code": "3"}
    assert github.summary.startswith("### gitrel validate: ")
    assert "<code>environments/quiet.yaml:2" in github.summary


def test_a_sound_repository_says_so(github: GitHub) -> None:
    """No annotation, a summary of one line, and code 0."""
    ran = github.run("validate")
    assert (ran.code, github.outputs()) == (0, {"exit-code": "0"})
    assert "::error" not in ran.err
    assert "the repository is sound" in github.summary


def test_a_diff_is_kept_for_the_next_job(github: GitHub) -> None:
    """`changed`, the saved file, and the same Markdown in the summary as a comment would have."""
    file = github.repo / "apps/web/v1/web-deployment.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("web:v1", "web:v1.1"), encoding="utf-8")
    ran = github.run("diff", "--base", "HEAD")
    outputs = github.outputs()
    assert (ran.code, outputs["changed"], outputs["exit-code"]) == (1, "true", "1")
    shown = gitrel("diff", "--from", outputs["diff-file"], "-o", "markdown")
    assert shown.out.strip() == github.summary.strip()
    assert github.run("diff", "--base", "HEAD", "--revision", "HEAD").code == 0
    assert github.outputs()["changed"] == "false"


def test_wrong_usage_is_an_annotation_too(github: GitHub) -> None:
    """Whatever ends a step badly stands in the list of annotations, with the code as an output."""
    ran = github.run("diff", "--base", "nowhere")
    assert ran.code == 2
    assert "::error::'nowhere' names no commit" in ran.err
    assert github.outputs()["exit-code"] == "2"


def test_a_pass_that_runs_out_of_time_can_be_taken_up_by_another_job(github: GitHub) -> None:
    """`reconcile --wait --timeout` leaves with 6 and says when to come back; the journal is all it needs."""
    ran = github.run("reconcile", "--wait", "--timeout", "10ms")
    outputs = github.outputs()
    assert (ran.code, outputs["exit-code"], outputs["rollout-status"]) == (6, "6", "running")
    assert outputs["changed"] == "true"
    assert outputs["wake-at"].endswith("Z")
    assert re.search(r"^::error::.*settling", ran.err, re.MULTILINE)
    assert "### gitrel: running" in github.summary
    again = github.run("reconcile")
    assert again.code == 0
    assert github.outputs()["rollout-status"] == "running"


def test_an_unforeseen_failure_is_told_too(github: GitHub) -> None:
    """Even a failure that nobody foresaw is an annotation and a code, and never a traceback."""
    assert github.run("reconcile").code == 0
    clusters = github.repo / ".gitrel/clusters"
    for path in sorted(clusters.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    clusters.rmdir()
    clusters.write_text("in the way", encoding="utf-8")
    ran = github.run("reconcile")
    assert ran.code not in (0, 1, 2, 3, 4, 6)
    assert "::error" in ran.err
    assert "Traceback" not in ran.err


def test_a_flag_wins_over_what_the_environment_says(github: GitHub) -> None:
    """--ci none tells nobody anything; --ci github does so anywhere."""
    assert github.run("validate", "--ci", "none").code == 0
    assert not (github.root / "output").exists()
    assert github.run("validate", "--ci", "github", GITHUB_ACTIONS="").code == 0
    assert github.outputs() == {"exit-code": "0"}


def test_the_summary_stays_below_what_github_takes(github: GitHub) -> None:
    """One byte too many and GitHub drops all of it: what does not fit is left out, and that is said once."""
    full = "x" * (SUMMARY_BYTES_MAX - 3000)
    (github.root / "summary").write_text(full, encoding="utf-8")
    for name in [f"p{n}" for n in range(60)]:
        (github.repo / f"apps/web/v1/{name}.yaml").write_text("kind: [", encoding="utf-8")
    for _ in range(3):
        assert github.run("validate").code == 3
    assert len(github.summary.encode()) <= SUMMARY_BYTES_MAX
    assert github.summary.startswith(full)
    assert github.summary.count("the summary is full") >= 1


def test_files_that_cannot_be_written_change_nothing(github: GitHub) -> None:
    """A missing folder is a note on stderr; the exit code is the verb's own."""
    ran = github.run("validate", GITHUB_STEP_SUMMARY="/nowhere/at/all", GITHUB_OUTPUT="/nowhere/at/all")
    assert ran.code == 0
    assert "/nowhere/at/all cannot be written" in ran.err


def test_no_value_can_end_an_output() -> None:
    """The end of a value is random, so a value of several lines cannot add an output of its own."""
    first, second = (output_block("a", "x\nEOF\nb<<EOF\ny\nEOF") for _ in range(2))
    end = first.split("<<", 1)[1].splitlines()[0]
    assert first.splitlines()[-1] == end
    assert end not in second


def test_repository_text_cannot_command_the_runner(github: GitHub) -> None:
    """A manifest with a line like `::add-mask::` shows it in the diff, broken."""
    (github.repo / "apps/web/v1/x-configmap.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: |\n    one\n    ::add-mask::two\n",
        encoding="utf-8",
    )
    assert github.run("diff", "--base", "HEAD").code == 1
    plain = gitrel("diff", "--base", "HEAD", "-C", str(github.repo))
    (github.repo / ".git/x").touch()
    # As context of another change it would stand at the beginning of its line, after white space only.
    assert "::add-mask::two" in plain.out
    from tests.cli.conftest import commit

    commit(github.repo)
    file = github.repo / "apps/web/v1/x-configmap.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("one", "three"), encoding="utf-8")
    shown = github.run("diff", "--base", "HEAD").out
    assert "::add-mask::" not in shown
    assert ":\u200b:add-mask::two" in shown


def test_gitlab_gets_a_report_and_variables(tmp_path: Path) -> None:
    """Code quality at the lines, the saved diff, and a dotenv file that later commands add to."""
    folder = tmp_path / "config"
    folder.mkdir()
    repo = repository(folder)
    env = {"GITLAB_CI": "true", "CI_PROJECT_DIR": str(folder)}
    file = repo / "apps/web/v1/web-deployment.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("web:v1", "web:v1.1"), encoding="utf-8")
    assert gitrel("diff", "--base", "HEAD", "-C", str(repo), env=env).code == 1
    (repo / "environments/quiet.yaml").write_text("kind: Environment\napiVersion: x\n", encoding="utf-8")
    assert gitrel("validate", "-C", str(repo), env=env).code == 3
    report = json.loads((folder / "gl-code-quality-report.json").read_text(encoding="utf-8"))
    assert {"description", "check_name", "fingerprint", "severity", "location"} == set(report[0])
    assert ("environments/quiet.yaml", 2) in {
        (one["location"]["path"], one["location"]["lines"]["begin"]) for one in report
    }
    values = dict(line.split("=", 1) for line in (folder / "gitrel.env").read_text().splitlines())
    assert values["GITREL_CHANGED"] == "true"
    assert values["GITREL_EXIT_CODE"] == "3"
    assert Path(values["GITREL_DIFF_FILE"]).is_file()


def test_fingerprints_survive_lines_that_move() -> None:
    """A problem keeps its fingerprint when it moves; two alike in one file have different ones."""
    one, other = Problem("a.yaml", 3, 1, "wrong"), Problem("a.yaml", 9, 1, "wrong")
    before = [entry["fingerprint"] for entry in report_of([one, other])]
    after = [entry["fingerprint"] for entry in report_of([Problem("a.yaml", 4, 1, "wrong"), other])]
    assert before == after
    assert len(set(before)) == 2


def test_a_report_can_be_asked_for_anywhere(tmp_path: Path) -> None:
    """--report writes the file outside of GitLab too, and says where it cannot."""
    folder = tmp_path / "config"
    folder.mkdir()
    repo = repository(folder)
    target = tmp_path / "report.json"
    assert gitrel("validate", "-C", str(repo), "--report", str(target)).code == 0
    assert json.loads(target.read_text(encoding="utf-8")) == []
    ran = gitrel("validate", "-C", str(repo), "--report", str(tmp_path / "no" / "where.json"))
    assert ran.code == 2
