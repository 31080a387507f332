"""Verbs that only look leave a repository as it is: no file, no ref, no cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import gitrel
from tests.repo_git.sandbox import PEOPLE, git
from tests.sources.support import config

VERBS = (
    ("validate",),
    ("render", "web"),
    ("explain", "web", "asia"),
    ("diff",),
    ("diff", "web", "asia"),
    ("diff", "--base", "HEAD"),
    ("drift",),
    ("flags",),
    ("status",),
    ("rollout", "status"),
    ("rollout", "list"),
    ("rollout", "why", "web", "asia"),
    ("rollout", "history"),
    ("rollout", "verify"),
    ("release", "list"),
    ("rehearse", "web", "v2"),
    ("convert", "--dry-run"),
    ("release", "cut", "web", "--dry-run"),
)


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below, Git's own included, by its path. The index is only a cache of the others, and an
    object that no ref leads to, as a dry run makes them, is nothing."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and path.name != "index"
        and ".git/objects/" not in str(path)
    }


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = config(tmp_path_factory.mktemp("fresh") / "config")
    (folder / "apps/web/current").mkdir()
    text = (folder / "apps/web/v3/web-configmap.yaml").read_text().replace("v3", "next")
    (folder / "apps/web/current/web-configmap.yaml").write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Go on")
    return folder


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_looking_changes_nothing(fresh: Path, verb: tuple[str, ...], tmp_path: Path) -> None:
    """In a repository in which nothing was ever installed, and nothing is after it."""
    before = everything(fresh)
    ran = gitrel(*verb, "-C", str(fresh), env={**PEOPLE, "XDG_CACHE_HOME": str(tmp_path)})
    assert ran.code in (0, 1), ran.err
    assert everything(fresh) == before
    assert not (fresh / ".gitrel").exists()
