"""What is on disk and in no commit is found, without running anything that the repository brings along."""

from __future__ import annotations

from pathlib import Path

from gitrel.repo.git.uncommitted import uncommitted
from tests.cli.conftest import git
from tests.small import repository


def test_changed_new_deleted_and_linked_paths(tmp_path: Path) -> None:
    """Every way to differ counts; a clean repository has none; what is elsewhere does not matter."""
    folder = repository(tmp_path / "small")
    assert uncommitted(folder) == ()
    (folder / "README.md").write_text("hello", encoding="utf-8")
    (folder / "apps/web/v2/web-configmap.yaml").unlink()
    (folder / "apps/web/v3").mkdir()
    (folder / "apps/web/v3/new file.yaml").write_text("a: 1", encoding="utf-8")
    (folder / "apps/web/quiet").unlink()
    (folder / "apps/web/quiet").symlink_to("v2")
    git(folder, "rm", "-q", "--cached", "environments/busy.yaml")
    assert uncommitted(folder) == (
        "apps/web/quiet",
        "apps/web/v2/web-configmap.yaml",
        "apps/web/v3/new file.yaml",
        "environments/busy.yaml",
    )


def test_where_there_is_no_work_tree_nothing_is_said(tmp_path: Path) -> None:
    """A bare repository, or none at all, is answered like a clean one."""
    git(tmp_path, "init", "-q", "--bare", "bare")
    assert uncommitted(tmp_path / "bare") == ()
    (tmp_path / "none").mkdir()
    assert uncommitted(tmp_path / "none") == ()


def test_no_filter_runs(tmp_path: Path) -> None:
    """A filter driver that the repository's configuration names is not started to look at a file."""
    folder = repository(tmp_path / "small")
    ran = tmp_path / "ran"
    for key in ("clean", "process"):
        git(folder, "config", f"filter.evil.{key}", f"touch {ran}")
    git(folder, "config", "filter.evil.required", "true")
    (folder / ".gitattributes").write_text("* filter=evil\n", encoding="utf-8")
    changed = folder / "apps/web/component.yaml"  # of the same size, so that Git has to compare contents
    changed.write_text(changed.read_text(encoding="utf-8").replace("web", "wed"), encoding="utf-8")
    assert uncommitted(folder) == ("apps/web/component.yaml",)
    assert not ran.exists()
