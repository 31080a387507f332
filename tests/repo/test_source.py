"""Reading a work tree: nothing outside the root is opened, nothing special is opened, limits hold."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitrel.errors import UsageError
from gitrel.repo.check import check_repository
from gitrel.repo.source import Limits, read_worktree
from gitrel.repo.tree import File, Link, Other
from tests.repo.bad_inputs.case import BASE

CANARY = "canary-7f3a: nobody may read this"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The sound repository of the table, on disk, next to a secret that lies outside of it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.yaml").write_text(CANARY)
    root = tmp_path / "repo"
    for path, entry in BASE.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(entry, Link):
            place.symlink_to(entry.target)
        else:
            assert isinstance(entry, str)
            place.write_text(entry)
    return root


_WATCHED: list[list[str]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _WATCHED and event in ("open", "os.listdir", "os.scandir"):
        _WATCHED[-1].append(str(arguments[0]))


sys.addaudithook(_audit)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Every name that Python opens or lists while the test runs, from the interpreter's own audit."""
    _WATCHED.append([])
    yield _WATCHED[-1]
    _WATCHED.pop()


def test_disk_and_value_agree(root: Path) -> None:
    """What is on disk comes back entry for entry, and is sound."""
    tree = read_worktree(root)
    expected = {
        path: entry if isinstance(entry, Link) else File(str(entry).encode()) for path, entry in BASE.items()
    }
    assert dict(tree.entries) == expected
    assert check_repository(tree)[1] == ()


def test_only_two_folders_are_read(root: Path, opened: list[str]) -> None:
    """Neither `.git` nor anything else at the top is opened, however it is called."""
    for name in (".git", ".gitrel", "secrets", "docs"):
        (root / name).mkdir()
        (root / name / "x.yaml").write_text(CANARY)
    (root / "apps" / ".git").mkdir()
    (root / "apps" / ".git" / "config").write_text(CANARY)
    tree = read_worktree(root)
    assert {path.partition("/")[0] for path in tree.entries} == {"apps", "environments"}
    assert not [name for name in opened if name in ("x.yaml", "config", ".git", "secrets")]


def test_links_out_of_the_root_are_never_opened(root: Path, opened: list[str]) -> None:
    """Links to a file, to a folder, absolute or relative, in place of a file, a folder or a whole root: each
    stays a Link, nothing outside is opened, and no message quotes what lies there."""
    outside = root.parent / "outside"
    (root / "apps/frontend/v2/file.yaml").symlink_to(outside / "secret.yaml")
    (root / "apps/frontend/v2/folder").symlink_to("../../../../outside")
    (root / "apps/frontend/component.yaml").unlink()
    (root / "apps/frontend/component.yaml").symlink_to("../../../outside/secret.yaml")
    (root / "apps/linked").symlink_to(outside)
    (root / "environments/canary.yaml").unlink()
    (root / "environments/canary.yaml").symlink_to(outside / "secret.yaml")
    opened.clear()
    tree = read_worktree(root)
    read = list(opened)
    assert tree.entries["apps/linked"] == Link(str(outside))
    assert isinstance(tree.entries["apps/frontend/component.yaml"], Link)
    assert not [name for name in read if "secret" in name or "outside" in name]
    assert not [
        entry for entry in tree.entries.values() if isinstance(entry, File) and b"canary-7f3a" in entry.data
    ]
    _, problems = check_repository(tree)
    assert "canary-7f3a" not in "\n".join(map(str, problems))
    assert len([problem for problem in problems if problem.severity == "error"]) == 5


def test_a_root_folder_that_is_a_link(root: Path, opened: list[str]) -> None:
    """`apps` itself as a link to the outside is a Link and nothing more."""
    (root / "apps").rename(root.parent / "elsewhere")
    (root / "apps").symlink_to("../elsewhere")
    opened.clear()
    tree = read_worktree(root)
    assert tree.entries["apps"] == Link("../elsewhere")
    assert "elsewhere" not in " ".join(opened)


def test_a_folder_swapped_for_a_link_is_not_followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a folder become a link between listing and opening, opening fails instead of following it."""
    real_open = os.open

    def swap(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if path == "v2" and named.get("dir_fd") is not None:
            folder = root / "apps/frontend/v2"
            folder.rename(root.parent / "moved")
            folder.symlink_to(root.parent / "outside")
        return real_open(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", swap)
    tree = read_worktree(root)
    assert tree.entries["apps/frontend/v2"] == Other("unreadable file")
    assert [str(p) for p in tree.problems] == [
        "apps/frontend/v2: cannot be read: Not a directory: check who may read it"
    ]


def test_special_files_are_not_opened(root: Path, opened: list[str]) -> None:
    """A FIFO would hang for ever, a socket fails, a hard link may be anything: all are refused unopened."""
    version = root / "apps/frontend/v2"
    os.mkfifo(version / "pipe.yaml")
    os.link(root.parent / "outside" / "secret.yaml", version / "hard.yaml")
    previous = Path.cwd()
    os.chdir(version)  # a socket's path may have 108 bytes only
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.yaml")
    os.chdir(previous)
    opened.clear()
    tree = read_worktree(root)
    kinds = {path.rpartition("/")[2]: e.kind for path, e in tree.entries.items() if isinstance(e, Other)}
    assert kinds == {"pipe.yaml": "FIFO", "hard.yaml": "hard link", "socket.yaml": "socket"}
    assert not {"pipe.yaml", "hard.yaml", "socket.yaml"} & set(opened)
    catalog, _ = check_repository(tree)
    assert set(catalog.broken) == {"frontend"}


def test_limits_are_named(root: Path) -> None:
    """Each limit stops the reading and says which one it was; the others' problems are still told."""
    limits = {
        "files": (Limits(files=5), "more than 5 files"),
        "total": (Limits(total_bytes=100), "more than 100 bytes in all files"),
        "depth": (Limits(depth=2), "deeper than 2 folders"),
    }
    for limit, says in limits.values():
        tree = read_worktree(root, limits=limit)
        assert says in "\n".join(problem.what for problem in tree.problems)
        assert len(tree.entries) <= 6 or limit.depth == 2


def test_an_oversized_file_is_not_read(root: Path, opened: list[str]) -> None:
    """A file beyond the limit costs nothing: its size is looked at, its content is not."""
    with (root / "apps/frontend/v2/big.yaml").open("wb") as file:
        file.truncate(10 * 1024**3)  # sparse
    opened.clear()
    tree = read_worktree(root)
    assert tree.entries["apps/frontend/v2/big.yaml"] == Other("oversized file")
    assert "big.yaml" not in opened


def test_names_that_are_not_utf8(root: Path) -> None:
    """A name in another encoding is named by its bytes, and the rest is read."""
    name = os.fsencode(root / "apps/frontend/v2") + b"/caf\xe9.yaml"
    with open(name, "wb") as file:
        file.write(b"a: 1\n")
    tree = read_worktree(root)
    (problem,) = tree.problems
    assert str(problem) == (
        "apps/frontend/v2/caf\\xe9.yaml: the name is not UTF-8: byte 0xe9 at offset 20: rename it"
    )
    assert "apps/worker/v1/worker-deployment.yaml" in tree.entries


def test_the_index_tells_links_from_files(root: Path) -> None:
    """Where Git has a link and the disk a file, as with `core.symlinks=false`, the file is marked."""
    (root / "apps/worker/canary").unlink()
    (root / "apps/worker/canary").write_text("v1")
    tree = read_worktree(root, links=["apps/worker/canary", "apps/worker/eastus"])
    assert tree.entries["apps/worker/canary"] == File(b"v1", link_by_mode=True)
    assert tree.entries["apps/worker/eastus"] == Link("v1")


def test_the_root_must_be_a_folder(tmp_path: Path) -> None:
    """A root that is not there, or is a file, is the user's mistake and says so."""
    (tmp_path / "file").write_text("x")
    for name in ("nothing", "file"):
        with pytest.raises(UsageError, match="config repository"):
            read_worktree(tmp_path / name)


def test_the_example_repository_is_sound() -> None:
    """The example that ships with gitrel has no problem at all, not even a warning."""
    catalog, problems = check_repository(read_worktree(Path(__file__).resolve().parents[2]))
    assert problems == ()
    assert set(catalog.components) == {"frontend", "queue", "worker"}
