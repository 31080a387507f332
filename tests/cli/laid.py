"""A tree of bad input as a person meets it: files in a folder, and the same as a repository's one commit.

All commits are made by one `git fast-import`; each case then borrows the objects, which takes no process.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitrel.repo.tree import FILE_BYTES_MAX, Entry, File, Link, Other, RawTree

CONFIG = (
    "[core]\n\trepositoryformatversion = 0\n\tbare = false\n[user]\n\tname = Ada\n\temail = ada@example.com\n"
)
SUBMODULE = "1" * 40


@dataclass(frozen=True)
class Store:
    """The object store of all cases, and the commit of each."""

    folder: Path
    commits: Mapping[str, str]


def store(folder: Path, trees: Mapping[str, RawTree]) -> Store:
    """Commits each tree, on a branch of its own."""
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    names = {name: f"refs/heads/case-{place}" for place, name in enumerate(trees)}
    stream = b"".join(_commit(names[name], tree) for name, tree in trees.items())
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=stream, check=True)
    command = ["git", "for-each-ref", "--format=%(refname) %(objectname)"]
    refs = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    ids = dict(line.split() for line in refs.splitlines())
    return Store(folder, {name: ids[ref] for name, ref in names.items()})


def _commit(ref: str, tree: RawTree) -> bytes:
    head = f"commit {ref}\ncommitter Ada <ada@example.com> 1767225600 +0000\ndata 5\nBegin\n".encode()
    return head + b"".join(_modify(path, entry) for path, entry in tree.entries.items()) + b"\n"


def _modify(path: str, entry: Entry) -> bytes:
    quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    match entry:
        case File(data, executable, link_by_mode):
            mode = "120000" if link_by_mode else "100755" if executable else "100644"
        case Link(target):
            mode, data = "120000", target.encode()
        case Other("submodule"):
            return f'M 160000 {SUBMODULE} "{quoted}"\n'.encode()
        case Other():
            mode, data = "100644", b"x" * (FILE_BYTES_MAX + 1)
    return f'M {mode} inline "{quoted}"\ndata {len(data)}\n'.encode() + data + b"\n"


def lay(folder: Path, tree: RawTree, objects: Store, name: str) -> Path:
    """The case as a repository in `folder`: its files, and its commit on the branch main."""
    for path, entry in tree.entries.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        _write(folder, folder / path, entry)
    inside = folder / ".git"
    for path, text in {
        "HEAD": "ref: refs/heads/main\n",
        "config": CONFIG,
        "refs/heads/main": objects.commits[name] + "\n",
        "objects/info/alternates": f"{objects.folder / 'objects'}\n",
    }.items():
        (inside / path).parent.mkdir(parents=True, exist_ok=True)
        (inside / path).write_text(text, encoding="utf-8")
    return folder


def _write(folder: Path, path: Path, entry: Entry) -> None:
    match entry:
        case File(data, executable):
            path.write_bytes(data)
            path.chmod(0o755 if executable else 0o644)
        case Link(target):
            path.symlink_to(target)
        case Other("FIFO"):
            os.mkfifo(path)
        case Other("hard link"):
            (folder / "elsewhere").write_text("a: 1\n", encoding="utf-8")
            os.link(folder / "elsewhere", path)
        case Other("oversized file"):
            with path.open("wb") as file:
                file.truncate(FILE_BYTES_MAX + 1)
        case Other():  # a submodule that nobody has checked out
            path.mkdir()


def everything(folder: Path) -> Iterable[tuple[str, bytes]]:
    """Every path below `folder` with what it holds: what must be the same after nothing was done."""
    for path in sorted(folder.rglob("*")):
        held = b""
        if path.is_symlink():
            held = str(path.readlink()).encode()
        elif path.is_file():
            held = path.read_bytes()[:4096]
        yield str(path.relative_to(folder)), held
