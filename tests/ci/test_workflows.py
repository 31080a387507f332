"""The workflows that are shipped: linted where the linters are; the comment's script with a fake `gh`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gitrel import __version__
from gitrel.cli.layingout import contents
from gitrel.cli.markdown import MARKER
from gitrel.repo.edit import PutFile
from tests.small import START

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy/github/comment.sh"


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
    for path in sorted((workflows / ".github/workflows").iterdir()):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert document["permissions"] == {}, path.name
        for job in document["jobs"].values():
            assert job["timeout-minutes"] <= 60
            for step in job["steps"]:
                uses = step.get("uses", "./")
                assert uses == "./" or len(uses.partition("@")[2]) == 40, uses
                assert "${{" not in step.get("run", ""), f"{path.name}: text could become code"


def test_the_comment_in_a_new_repository_is_the_same_script() -> None:
    """One script, kept in two places because a new repository does not have the other."""
    (template,) = (c for c in contents("github", START) if c.path.endswith("workflows/comment.yml"))
    assert isinstance(template, PutFile)
    steps = yaml.safe_load(template.data)["jobs"]["comment"]["steps"]
    told = SCRIPT.read_text(encoding="utf-8").partition("set -euo pipefail\n")[2]
    assert steps[-1]["run"].partition("\n")[2] == told
    assert MARKER in told


def test_the_gitlab_template_is_what_a_new_repository_gets() -> None:
    """The file to include and the file that is laid out are one; it is YAML, with GitLab's own tags."""
    (laid,) = (c for c in contents("gitlab", START) if c.path == ".gitlab-ci.yml")
    assert isinstance(laid, PutFile)
    assert (ROOT / "deploy/gitlab/gitrel.gitlab-ci.yml").read_bytes() == laid.data
    assert f"gitrel=={__version__}".encode() in laid.data
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_constructor("!reference", lambda load, node: load.construct_sequence(node))  # type: ignore[attr-defined]
    jobs = yaml.load(laid.data, loader)
    assert {"gitrel:validate", "gitrel:diff", "gitrel:reconcile", "gitrel:promote"} <= set(jobs)


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


FAKE_GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$LOG"
case "$*" in
  *"--paginate"*) printf '%s' "$EXISTING" ;;
  *) for word; do case "$word" in body=@*) cat "${word#body=@}" >> "$BODY" ;; esac; done ;;
esac
"""


@pytest.mark.parametrize(
    ("existing", "call"),
    [
        ("", "--method POST repos/o/r/issues/7/comments -F body=@comment.md --silent"),
        ("41\n42\n", "--method PATCH repos/o/r/issues/comments/41 -F body=@comment.md --silent"),
    ],
    ids=["the first time", "afterwards"],
)
def test_one_comment_is_written_and_then_edited(tmp_path: Path, existing: str, call: str) -> None:
    """The first run posts; later ones edit the first comment of the bot that begins with the marker."""
    gh = tmp_path / "gh"
    gh.write_text(FAKE_GH, encoding="utf-8")
    gh.chmod(0o755)
    (tmp_path / "comment.md").write_text("the text", encoding="utf-8")
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LOG": str(tmp_path / "log"),
        "BODY": str(tmp_path / "body"),
        "EXISTING": existing,
        "REPOSITORY": "o/r",
        "NUMBER": "7",
        "GH_TOKEN": "x",
    }
    subprocess.run(["bash", str(SCRIPT)], cwd=tmp_path, env=env, check=True)
    asked, acted = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert "github-actions[bot]" in asked
    assert acted == f"api {call}"
    assert (tmp_path / "body").read_text(encoding="utf-8") == "the text"
