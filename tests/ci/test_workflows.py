"""The workflows that are shipped: linted where the linters are; the shell in them is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitrel import __version__
from gitrel.cli.layingout import contents
from gitrel.repo.edit import PutFile
from tests.small import START

ROOT = Path(__file__).resolve().parents[2]


class GitLabLoader(yaml.SafeLoader):
    """YAML with GitLab's tag for a part of another job, which stays the list that names it."""

    def reference(self, node: yaml.SequenceNode) -> list[Any]:
        return list(self.construct_sequence(node))


GitLabLoader.add_constructor("!reference", GitLabLoader.reference)


@pytest.fixture(params=["this repository", "a new repository"])
def workflows(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with `.github/`, as a Git repository, which the linters look for."""
    if request.param == "this repository":
        shutil.copytree(ROOT / ".github", tmp_path / ".github")
        shutil.copy(ROOT / "action.yml", tmp_path)
    else:
        for change in contents("github", START):
            if isinstance(change, PutFile):
                (tmp_path / change.path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / change.path).write_bytes(change.data)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def lint(folder: Path, program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed, so the workflows are not linted by it")
    done = subprocess.run([found, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_nothing(workflows: Path) -> None:
    """Syntax, expressions, and shell where shellcheck is there too."""
    lint(workflows, "actionlint")


def test_zizmor_finds_nothing(workflows: Path) -> None:
    """No injection, no unpinned action, no permission that is not needed."""
    lint(workflows, "zizmor", "--no-progress", "--offline", ".")


def test_every_action_is_pinned_and_every_permission_given_by_name(workflows: Path) -> None:
    """What the linters check, in its simplest form, so that it is checked where they are not."""
    pinned = 0
    for path in sorted((workflows / ".github/workflows").iterdir()):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert document["permissions"] == {}, path.name
        for job in document["jobs"].values():
            assert job["timeout-minutes"] <= 60
            for step in job["steps"]:
                uses = step.get("uses", "./")
                assert uses == "./" or len(uses.partition("@")[2]) == 40, uses
                pinned += uses != "./"
                assert "${{" not in step.get("run", ""), f"{path.name}: text could become code"
    assert pinned > 0


@pytest.mark.parametrize("conclusion", ["success", "failure"])
def test_the_comment_is_written_or_marked(workflows: Path, tmp_path: Path, conclusion: str) -> None:
    """The step's own shell, with a program that tells its words: --from only where there is a diff."""
    jobs = yaml.safe_load((workflows / ".github/workflows/comment.yml").read_text())["jobs"]
    step = jobs["comment"]["steps"][-1]
    assert "'success' && 'untrusted/gitrel-diff.json'" in step["env"]["DIFF"]
    program = tmp_path / "gitrel"
    program.write_text("#!/usr/bin/env bash\nprintf '%s|' \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    diff = "untrusted/gitrel-diff.json" if conclusion == "success" else ""
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PROGRAM": str(program), "DIFF": diff}
    env |= {"HEAD_SHA": "a" * 40, "NUMBER": "7"}
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(bash, env=env, capture_output=True, text=True, check=True)
    told = "--from|untrusted/gitrel-diff.json|" if diff else ""
    assert done.stdout == f"comment|{told}--commit|{'a' * 40}|7|"


def test_the_gitlab_template_is_what_a_new_repository_gets() -> None:
    """The file to include and the file that is laid out are one; it is YAML, with GitLab's own tags."""
    (laid,) = (c for c in contents("gitlab", START) if c.path == ".gitlab-ci.yml")
    assert isinstance(laid, PutFile)
    assert (ROOT / "deploy/gitlab/gitrel.gitlab-ci.yml").read_bytes() == laid.data
    assert f"gitrel=={__version__}".encode() in laid.data
    jobs = yaml.load(laid.data, GitLabLoader)
    assert {"gitrel:validate", "gitrel:diff", "gitrel:reconcile", "gitrel:promote"} <= set(jobs)
    assert jobs["gitrel:comment"]["rules"][0]["when"] == "always"


@pytest.mark.parametrize("there", [True, False])
def test_gitlabs_note_is_written_or_marked(tmp_path: Path, there: bool) -> None:
    """The job's own lines: with the diff where the job before has left one, of the newest commit."""
    jobs = yaml.load((ROOT / "deploy/gitlab/gitrel.gitlab-ci.yml").read_text(encoding="utf-8"), GitLabLoader)
    program = tmp_path / "gitrel"
    program.write_text("#!/usr/bin/env bash\nprintf '%s|' \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    if there:
        (tmp_path / "gitrel-diff.json").write_text("{}")
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CI_COMMIT_SHA": "b", "CI_MERGE_REQUEST_IID": "7"}
    env |= {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "a"}
    script = "\n".join(jobs["gitrel:comment"]["script"])
    done = subprocess.run(
        ["sh", "-ec", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"comment|{'--from|gitrel-diff.json|' if there else ''}--commit|a|7|"


@pytest.mark.parametrize(
    ("code", "step"), [(0, 0), (1, 0), (6, 0), (2, 2), (3, 3), (4, 4), (5, 5), (7, 7), (70, 70)]
)
def test_the_action_hands_words_over_as_they_were_quoted(tmp_path: Path, code: int, step: int) -> None:
    """No shell reads the command; differences and a time that is up are no failure, all else is."""
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (script,) = (one["run"] for one in steps if one.get("id") == "run")
    folder = tmp_path / "gitrel-venv/bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    program = folder / "gitrel"
    program.write_text(
        f'#!/usr/bin/env bash\nprintf \'%s|\' "$@"; echo "${{GITHUB_STEP_SUMMARY-unset}}"; exit {code}\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    env = {
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(tmp_path),
        "COMMAND": """promote web --reason 'a $(touch x); `b`' "c d" """,
        "SUMMARY": "false",
        "GITHUB_STEP_SUMMARY": "/s",
    }
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(bash, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == step
    assert done.stdout == "promote|web|--reason|a $(touch x); `b`|c d|unset\n"
    assert not (tmp_path / "x").exists()
