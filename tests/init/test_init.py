"""`init`: what is laid out is sound, nothing is overwritten, and the path to a promotion works as written."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gitrel.app import read_catalog, renderer
from gitrel.cli.layingout import contents
from gitrel.rehearsal.rehearse import Plot, rehearse
from gitrel.repo.edit import PutFile
from tests.cli.conftest import git
from tests.cli.support import gitrel
from tests.small import START

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who commits, on a machine that may not know."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada Example")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")


@pytest.mark.parametrize("ci", ["github", "gitlab", "none"])
def test_what_is_laid_out_is_sound(tmp_path: Path, ci: str) -> None:
    """One commit by the caller, a clean work tree, no problem and no warning, workflows where asked for."""
    folder = tmp_path / "demo"
    ran = gitrel("init", str(folder), "--ci", ci)
    assert ran.code == 0
    assert f"cd {folder}" in ran.out
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "log", "--format=%an %s") == "Ada Example Lay out the repository"
    assert gitrel("validate", "--strict", "-C", str(folder)).code == 0
    assert (folder / ".github/workflows/validate.yml").is_file() is (ci == "github")
    assert (folder / ".gitlab-ci.yml").is_file() is (ci == "gitlab")
    assert (folder / "apps/web/north").readlink() == Path("v1")
    assert not [path for path in folder.rglob("*") if path.is_file() and b"@VERSION@" in path.read_bytes()]


def test_the_variable_of_the_flag_is_its_own(tmp_path: Path) -> None:
    """GITREL_INIT_CI says what to lay out; GITREL_CI, which job this is, says nothing about it."""
    env = {"GITREL_INIT_CI": "none", "GITREL_CI": "none"}
    assert gitrel("init", str(tmp_path / "a"), env=env).code == 0
    assert not (tmp_path / "a/.github").exists()
    assert gitrel("init", str(tmp_path / "b"), env={"GITREL_CI": "none"}).code == 0
    assert (tmp_path / "b/.github").exists()


@pytest.mark.parametrize(
    "there",
    ["apps/mine/component.yaml", "environments/pipeline.yaml", "README.md", ".gitignore", ".github"],
)
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    """One file in the way and nothing at all is written."""
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("mine", encoding="utf-8")
    ran = gitrel("init", str(tmp_path))
    assert ran.code == 2
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / there]
    assert (tmp_path / there).read_text(encoding="utf-8") == "mine"


def test_without_git_nothing_is_laid_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a repository would stand in the way of the next try."""
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = gitrel("init", str(tmp_path / "demo"))
    assert ran.code == 2
    assert "git is not installed" in ran.err
    assert not (tmp_path / "demo").exists()


def test_a_link_leads_nothing_outside(tmp_path: Path) -> None:
    """A `.github` that is a link to elsewhere is refused, and elsewhere stays as it was."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / ".github").symlink_to(elsewhere)
    assert gitrel("init", str(folder)).code == 2
    assert list(elsewhere.iterdir()) == []


def test_somebodys_repository_is_theirs_to_commit_to(tmp_path: Path) -> None:
    """In a repository with a history the files are laid out beside the others, and committing is left."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "LICENSE").write_text("mine", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "Begin")
    ran = gitrel("init", str(tmp_path))
    assert ran.code == 0
    assert "git add . && git commit" in ran.out
    assert git(tmp_path, "log", "--format=%s") == "Begin"
    assert gitrel("validate", "-C", str(tmp_path)).code == 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where the folder should be: one sentence, wrong usage."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert gitrel("init", str(tmp_path / "file")).code == 2
    assert gitrel("init", str(tmp_path / "file" / "below")).code == 2


def test_a_first_promotion_takes_two_minutes(tmp_path: Path) -> None:
    """The printed commands, with time played instead of waited for: v2 everywhere within two minutes."""
    folder = tmp_path / "demo"
    assert gitrel("init", str(folder)).code == 0
    assert gitrel("release", "cut", "web", "-C", str(folder)).code == 0
    catalog, problems = read_catalog(folder)
    assert not problems
    with renderer() as render:
        played = rehearse(Plot(catalog, "web", "v2", START), render)
    assert played.passed
    assert (played.ended - played.started).total_seconds() < 120
    assert played.reached == ("staging", "north", "south")


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/first-steps.md"])
def test_the_commands_that_are_printed_exist(tmp_path: Path, page: str) -> None:
    """Every `gitrel …` of the pages for newcomers is a verb with these options: each answers --help."""
    laid = {one.path: one.data for one in contents("none", START) if isinstance(one, PutFile)}
    text = laid.get(page, (ROOT / page).read_bytes()).decode()
    commands = re.findall(r"^\$ gitrel ((?:[a-z]+ ?)+)", text, re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        words = command.split()
        known = 2 if words[0] in ("release", "rollout") else 1
        assert gitrel(*words[:known], "--help").code == 0, command


def test_the_package_holds_the_templates(tmp_path: Path) -> None:
    """An installed gitrel lays out too: every template is part of the wheel."""
    pytest.importorskip("hatchling")
    script = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = set(zipfile.ZipFile(tmp_path / built.stdout.split()[-1]).namelist())
    here = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "gitrel/templates").rglob("*") if path.is_file()
    }
    assert here
    assert here <= names
