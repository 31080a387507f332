"""A work tree must not lie: when its branch moves under it, the changed paths follow, and only those.

A commit that is made from objects leaves a checked-out branch ahead of its files: `git status` would show
the release undone. So each link or file that was clean (in the index and on disk what the old commit says)
is put in place by a rename, old or new but never missing, and entered in the index. What somebody has
changed is theirs: it is left alone, and named. A note in the Git directory outlives a crash in between.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitrel.errors import GitrelError
from gitrel.repo.edit import FileChange
from gitrel.repo.git.process import Git
from gitrel.repo.git.revisions import checked_path

if TYPE_CHECKING:
    from gitrel.repo.git.repository import GitRepository

NOTE = "gitrel-follow.json"
TEMPORARY = ".gitrel-link-"
LINK, FILE, EXECUTABLE = "120000", "100644", "100755"
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Held:
    """What stands at one path: Git's mode and the blob's id, both empty for nothing."""

    mode: str = ""
    blob: str = ""


@dataclass(frozen=True, slots=True)
class PathMove:
    """What stood at `path` in the old commit, and what stands there in the new one."""

    path: str
    old: Held
    new: Held


@dataclass(frozen=True, slots=True)
class WorkTree:
    """One work tree: its root, the Git directory of its own, and the branch that is checked out."""

    root: Path
    git_dir: Path
    ref: str
    repository: GitRepository

    def promise(self, moves: Sequence[PathMove]) -> None:
        """Notes what is to follow before the branch moves, so that `keep` can finish it after a crash."""
        plain = [asdict(move) for move in moves]
        temporary = self.git_dir / f"{NOTE}.{os.getpid()}.tmp"
        temporary.write_text(json.dumps({"ref": self.ref, "moves": plain}), encoding="utf-8")
        temporary.replace(self.git_dir / NOTE)

    def keep(self) -> tuple[str, ...]:
        """Does what was promised, if the branch has moved; gives a warning for each path left alone."""
        moves = self._promised()
        if not moves:
            return ()
        tip = self.repository.commit_at(self.ref)
        due = [move for move in moves if _held(self.repository, tip, move.path) == move.new] if tip else []
        warnings = self._follow(due) if due else ()
        (self.git_dir / NOTE).unlink(missing_ok=True)
        return warnings

    def _promised(self) -> list[PathMove]:
        try:
            note: Any = json.loads((self.git_dir / NOTE).read_text(encoding="utf-8"))
            moves = [PathMove(m["path"], Held(**m["old"]), Held(**m["new"])) for m in note["moves"]]
            return moves if note["ref"] == self.ref else []
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return []

    def _follow(self, moves: Sequence[PathMove]) -> tuple[str, ...]:
        repository, warnings = self.repository, []
        git = Git(self.root, timeout_seconds=repository.git.timeout_seconds)
        indexed = _indexed(git, [move.path for move in moves])
        entered = []
        repository.durable("work-tree:before")
        for move in moves:
            clean = indexed.get(move.path, Held()) in (move.old, move.new)
            if clean and self._put(move):
                entered.append(move)
            else:
                warnings.append(self._left_alone(move))
        repository.durable("work-tree:after")
        warnings += self._enter(git, entered)
        repository.durable("index:after")
        return tuple(warnings)

    def _left_alone(self, move: PathMove) -> str:
        if move.new.mode == LINK:
            says = f"says -> {self.repository.blobs([move.new.blob])[0].decode(errors='replace')}"
        else:
            says = "holds another one" if move.new.mode else "no longer has it"
        branch = self.ref.removeprefix("refs/heads/")
        return f"{self.root / move.path} has changes of its own and was left alone: {branch} {says}"

    def _put(self, move: PathMove) -> bool:
        """Whether disk holds the new state now. False where it holds neither the old nor the new one."""
        *folders, name = checked_path(move.path)
        try:
            with _opened(self.root, folders, make=bool(move.new.mode)) as folder:
                found = _on_disk(folder, name)
                if found == move.new:
                    return True
                if found != move.old:
                    return False
                if move.new.mode:
                    self._write(folder, name, move.new)
                else:
                    os.unlink(name, dir_fd=folder)
                os.fsync(folder)
            if not move.new.mode:
                self._remove_empty(folders)
        except FileNotFoundError:
            return not move.new.mode  # the folder is gone, and what was to go with it
        except OSError:
            return False
        return True

    def _write(self, folder: int, name: str, new: Held) -> None:
        _remove_leftovers(folder)
        data = self.repository.blobs([new.blob])[0]
        temporary = f"{TEMPORARY}{os.getpid()}"
        if new.mode == LINK:
            os.symlink(data, temporary, dir_fd=folder)
        else:
            permissions = 0o777 if new.mode == EXECUTABLE else 0o666  # less what the umask takes
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(temporary, flags, permissions, dir_fd=folder), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _remove_empty(self, folders: Sequence[str]) -> None:
        """As Git does: a folder goes with the last of its files."""
        for depth in range(len(folders), 0, -1):
            try:
                with _opened(self.root, folders[: depth - 1]) as above:
                    os.rmdir(folders[depth - 1], dir_fd=above)
            except OSError:
                return

    def _enter(self, git: Git, moves: Sequence[PathMove]) -> list[str]:
        """Enters the paths in the index; one that is locked by a running command is left as it is."""
        lines = "".join(f"{m.new.mode or '0'} {m.new.blob or '0' * 40}\t{m.path}\0" for m in moves).encode()
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


def changed_paths(
    repository: GitRepository, old: str, new: str, changes: Sequence[FileChange]
) -> list[PathMove]:
    """What a work tree at commit `old` has to follow for these paths to be as in commit `new`."""
    moves = []
    for path in dict.fromkeys(change.path for change in changes):
        before, after = _held(repository, old, path), _held(repository, new, path)
        if before != after:
            moves.append(PathMove(path, before, after))
    return moves


def _held(repository: GitRepository, commit: str, path: str) -> Held:
    entry = repository.entry(commit, path)
    return Held(entry.mode.decode(), entry.id) if entry else Held()


def _indexed(git: Git, paths: Sequence[str]) -> dict[str, Held]:
    """What the index holds by path; one in a merge conflict is held as nothing that could be clean."""
    found: dict[str, Held] = {}
    for line in os.fsdecode(git.run("ls-files", "--stage", "-z", "--", *paths)).split("\0")[:-1]:
        facts, path = line.split("\t", 1)
        mode, blob, stage = facts.split()
        found[path] = Held(mode, blob) if stage == "0" else Held("conflict")
    return found


@contextlib.contextmanager
def _opened(root: Path, folders: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """The folder, reached part by part and never through a link, so that nothing outside can be changed."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in folders:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=descriptor)
            inner = os.open(name, _FOLDER_FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _on_disk(folder: int, name: str) -> Held:
    """What stands there, as Git would store it; something that no commit holds for anything else."""
    try:
        status = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return Held()
    if stat.S_ISLNK(status.st_mode):
        return Held(LINK, blob_id(os.fsencode(os.readlink(name, dir_fd=folder))))
    if not stat.S_ISREG(status.st_mode):
        return Held("other")
    with os.fdopen(os.open(name, _FILE_FLAGS, dir_fd=folder), "rb") as file:
        blob = blob_id(file.read())
    return Held(EXECUTABLE if status.st_mode & stat.S_IXUSR else FILE, blob)


def blob_id(data: bytes) -> str:
    """The id under which Git stores these bytes as a file or a link's target."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _remove_leftovers(folder: int) -> None:
    """Temporary links and files of a run that was killed between making and renaming one."""
    with os.scandir(folder) as listing:
        names = [item.name for item in listing if item.name.startswith(TEMPORARY)]
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def changed_in(repository: GitRepository, folder: str) -> Iterator[str]:
    """The paths in `folder` that are not on disk as HEAD has them, sorted; nothing for a bare repository."""
    if repository.bare or not repository.path.joinpath(".git").exists():
        return
    commit = repository.head().commit
    held = _files_of(repository, commit, folder)
    for path in sorted({*held, *_untracked(repository, folder)}):
        *folders, name = checked_path(path)
        try:
            with _opened(repository.path, folders) as opened:
                found = _on_disk(opened, name)
        except OSError:
            found = Held()
        if found != held.get(path, Held()):
            yield path


def _files_of(repository: GitRepository, commit: str, folder: str) -> dict[str, Held]:
    found: dict[str, Held] = {}
    for entry in repository.folder(commit, folder):
        path = f"{folder}/{os.fsdecode(entry.name)}"
        if entry.mode == b"40000":
            found |= _files_of(repository, commit, path)
        else:
            found[path] = Held(entry.mode.decode(), entry.id)
    return found


def _untracked(repository: GitRepository, folder: str) -> list[str]:
    """Files that Git does not know and has not been told to ignore."""
    git = Git(repository.path, timeout_seconds=repository.git.timeout_seconds)
    listed = git.run("ls-files", "--others", "--exclude-standard", "-z", "--", folder)
    return os.fsdecode(listed).split("\0")[:-1]
