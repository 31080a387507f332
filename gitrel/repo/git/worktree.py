"""A work tree must not lie: when its branch moves under it, the moved links follow, and only those.

A commit that is made from objects leaves a checked-out branch ahead of its files: `git status` would show
the release undone. So each link that was clean (in the index and on disk what the old commit says) is put
in place by a rename, old or new but never missing, and entered in the index. What somebody has changed is
theirs: it is left alone, and named. A note in the Git directory outlives a crash in between.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitrel.errors import GitrelError
from gitrel.repo.edit import PutLink
from gitrel.repo.git.process import Git
from gitrel.repo.git.revisions import checked_path

if TYPE_CHECKING:
    from gitrel.repo.git.repository import GitRepository

NOTE = "gitrel-links.json"
TEMPORARY = ".gitrel-link-"
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class LinkMove:
    """`path` was a link with the target `old` (empty: not there) and is one with `new`, stored as `blob`."""

    path: str
    old: str
    new: str
    blob: str


@dataclass(frozen=True, slots=True)
class WorkTree:
    """One work tree: its root, the Git directory of its own, and the branch that is checked out."""

    root: Path
    git_dir: Path
    ref: str
    repository: GitRepository

    def promise(self, moves: Sequence[LinkMove]) -> None:
        """Notes what is to follow before the branch moves, so that `keep` can finish it after a crash."""
        plain = [{"path": m.path, "old": m.old, "new": m.new, "blob": m.blob} for m in moves]
        temporary = self.git_dir / f"{NOTE}.tmp"
        temporary.write_text(json.dumps({"ref": self.ref, "moves": plain}), encoding="utf-8")
        temporary.replace(self.git_dir / NOTE)

    def keep(self) -> tuple[str, ...]:
        """Does what was promised, if the branch has moved; gives a warning for each link left alone."""
        moves = self._promised()
        if not moves:
            return ()
        tip = self.repository.commit_at(self.ref)
        held = {move.path: self.repository.entry(tip, move.path) for move in moves} if tip else {}
        due = [m for m in moves if (entry := held.get(m.path)) and entry.id == m.blob]
        warnings = self._follow(due) if due else ()
        (self.git_dir / NOTE).unlink(missing_ok=True)
        return warnings

    def _promised(self) -> list[LinkMove]:
        try:
            note: Any = json.loads((self.git_dir / NOTE).read_text(encoding="utf-8"))
            return [LinkMove(**move) for move in note["moves"]] if note["ref"] == self.ref else []
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return []

    def _follow(self, moves: Sequence[LinkMove]) -> tuple[str, ...]:
        repository, warnings = self.repository, []
        git = Git(self.root, timeout_seconds=repository.git.timeout_seconds)
        indexed = _indexed(git, [move.path for move in moves])
        entered = []
        repository.durable("work-tree:before")
        for move in moves:
            mode, blob = indexed.get(move.path, ("", ""))
            was = repository.blobs([blob])[0].decode(errors="replace") if mode == "120000" else ""
            clean = (was in (move.old, move.new) and mode == "120000") if move.old else mode in ("", "120000")
            if clean and self._put(move):
                entered.append(move)
            else:
                warnings.append(
                    f"{self.root / move.path} has changes of its own and was left alone: "
                    f"{self.ref.removeprefix('refs/heads/')} says -> {move.new}"
                )
        repository.durable("work-tree:after")
        warnings += self._enter(git, entered)
        repository.durable("index:after")
        return tuple(warnings)

    def _put(self, move: LinkMove) -> bool:
        """Whether the link on disk is the new one now. False where it is neither old nor new."""
        *folders, name = checked_path(move.path)
        try:
            with _opened(self.root, folders) as folder:
                found = _link_at(folder, name)
                if found == move.new:
                    return True
                if found != (move.old or None):
                    return False
                _remove_leftovers(folder)
                temporary = f"{TEMPORARY}{os.getpid()}"
                os.symlink(move.new, temporary, dir_fd=folder)
                os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
        except OSError:
            return False
        return True

    def _enter(self, git: Git, moves: Sequence[LinkMove]) -> list[str]:
        """Enters the links in the index; one that is locked by a running command is left as it is."""
        lines = "".join(f"120000 {move.blob}\t{move.path}\0" for move in moves).encode()
        try:
            if moves:
                git.run("update-index", "-z", "--index-info", stdin=lines)
        except GitrelError as error:
            paths = " ".join(move.path for move in moves)
            return [f"{self.root}: the index could not follow ({error}); afterwards: git add {paths}"]
        return []


def work_trees(repository: GitRepository) -> Iterator[WorkTree]:
    """The main work tree and every linked one whose folder is there."""
    common = repository.common_dir
    if common.name == ".git":
        yield from _work_tree(common.parent, common, repository)
    for git_dir in sorted(common.glob("worktrees/*")):
        with contextlib.suppress(OSError):
            gitfile = Path((git_dir / "gitdir").read_text(encoding="utf-8").strip())
            yield from _work_tree((git_dir / gitfile).parent, git_dir, repository)


def _work_tree(root: Path, git_dir: Path, repository: GitRepository) -> Iterator[WorkTree]:
    with contextlib.suppress(OSError):
        head = (git_dir / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
        if root.is_dir() and head.startswith("ref: ") and (git_dir / "index").exists():
            yield WorkTree(root, git_dir, head.removeprefix("ref: "), repository)


def changed_links(
    repository: GitRepository, old: str, new: str, changes: Sequence[PutLink]
) -> list[LinkMove]:
    """What a work tree at commit `old` has to follow for these links to be as in commit `new`."""
    moves = []
    for path in dict.fromkeys(change.path for change in changes):
        before, after = repository.entry(old, path), repository.entry(new, path)
        if after is None or before == after:
            continue
        targets = [repository.blobs([e.id])[0].decode(errors="replace") if e else "" for e in (before, after)]
        moves.append(LinkMove(path, targets[0], targets[1], after.id))
    return moves


def _indexed(git: Git, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Path → (mode, blob) of what the index holds; a path in a merge conflict is left out as if dirty."""
    found: dict[str, tuple[str, str]] = {}
    for line in os.fsdecode(git.run("ls-files", "--stage", "-z", "--", *paths)).split("\0")[:-1]:
        facts, path = line.split("\t", 1)
        mode, blob, stage = facts.split()
        found[path] = (mode, blob) if stage == "0" else ("conflict", "")
    return found


@contextlib.contextmanager
def _opened(root: Path, folders: Sequence[str]) -> Iterator[int]:
    """The folder, reached part by part and never through a link, so that nothing outside can be changed."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in folders:
            inner = os.open(name, _FOLDER_FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _link_at(folder: int, name: str) -> str | None:
    """The target of a link, None where nothing stands, and something no target can be for anything else."""
    try:
        mode = os.lstat(name, dir_fd=folder).st_mode
    except FileNotFoundError:
        return None
    return os.readlink(name, dir_fd=folder) if stat.S_ISLNK(mode) else "\0"


def _remove_leftovers(folder: int) -> None:
    """Temporary links of a run that was killed between making and renaming one."""
    with os.scandir(folder) as listing:
        names = [item.name for item in listing if item.name.startswith(TEMPORARY) and item.is_symlink()]
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
