"""A remote repository in a cache: fetched, kept, made anew when damaged, and never checked out.

    <cache>/github.com-acme-config-1f0c…/      0700, one for each URL
        lock                                   held while a copy is made or replaced
        current -> 2.git                       the copy in use; replacing it is one rename
        2.git/                                 bare; whoever reads it holds `2.git/in-use`
        clusters/                              bundled clusters of the environments it describes

A copy is bare and its configuration is gitrel's own: there is no work tree for filters, submodules or LFS
to act in. A damaged copy is replaced by a new one made beside it, so that others go on reading the old one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from gitrel.errors import GitrelError, UsageError
from gitrel.repo.git.access import Access, checked_url
from gitrel.repo.git.locks import alone
from gitrel.repo.git.process import Git
from gitrel.repo.git.repository import REMOTE_TIMEOUT_SECONDS, GitRepository, Sign
from gitrel.repo.git.scrub import scrub

CURRENT, LOCK, IN_USE = "current", "lock", "in-use"
_COPY = re.compile(r"(\d+)\.git\Z")
_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
"""


def _unheard(warning: str) -> None:
    """Nobody asked to be told."""


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A config repository that is named by its URL. `branch` empty: the remote's default branch."""

    url: str
    cache_dir: Path
    branch: str = ""
    access: Access = field(default_factory=Access)
    timeout_seconds: float = REMOTE_TIMEOUT_SECONDS
    warn: Callable[[str], None] = field(default=_unheard, compare=False, repr=False)
    """Is told where something old is shown in place of something new."""

    def __str__(self) -> str:
        return scrub(self.url)


class Mirror:
    """The cached copy of one remote; `close` lets others clear it away when it has been replaced.

    Raises UsageError for a URL that is not allowed or a cache that others can write, Unreachable where the
    remote has to be asked and does not answer.
    """

    def __init__(self, source: RemoteSource, *, sign: Sign | None = None) -> None:
        self.source = source
        self.url = checked_url(source.url, source.access)
        self.folder = _private(source.cache_dir) / _key(self.url)
        _private(self.folder)
        self._held: int | None = None
        with self._locked():
            path = self._whole_copy() or self._made_anew()
            self._hold(path)
            self._clear_away()
        self.repository = GitRepository(
            path,
            remote_timeout_seconds=source.timeout_seconds,
            access=source.access,
            sign=sign,
            mend=self._mended,
        )

    def close(self) -> None:
        self.repository.close()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def branch(self) -> str:
        """The full ref that is meant: what was asked for, or the remote's default, as it says now."""
        if self.source.branch:
            named = self.source.branch
            return named if named.startswith("refs/") else f"refs/heads/{named}"
        default = self.repository.remote_branch(self.url)
        if not default:
            raise UsageError(f"{self.source} has no default branch: name one with --branch")
        return default

    def last_branch(self) -> str:
        """As `branch`, from what was fetched last; empty where nothing was."""
        if self.source.branch:
            return self.branch()
        default = self.repository.head_ref()
        return default if self.repository.commit_at(default) else ""

    def remember(self, branch: str) -> None:
        """Notes which branch is the remote's default; one that was asked for by name is not that."""
        if not self.source.branch and self.repository.head_ref() != branch:
            self.repository.git.run("symbolic-ref", "HEAD", branch)

    # ── Copies ──────────────────────────────────────────────────────────────────────────────────────────

    def _whole_copy(self) -> Path | None:
        """The copy in use, unless its frame is broken; its objects are proved as they are read."""
        path = self.folder / CURRENT
        with contextlib.suppress(OSError, GitrelError):
            path = self.folder / path.readlink().name
            if (path / "config").read_text(encoding="utf-8") == _CONFIG and not path.is_symlink():
                GitRepository(path).close()
                return path
        return None

    def _mended(self) -> Path:
        """A whole copy in place of the damaged one: another process may have made it already."""
        with self._locked():
            current = self._whole_copy()
            if current is None or current == self.repository.path:
                current = self._made_anew(like=self.repository)
            self._hold(current)
        return current

    def _made_anew(self, like: GitRepository | None = None) -> Path:
        """Makes an empty copy beside what there is, fetches what `like` had, and puts it in use."""
        numbers = [int(match[1]) for path in self.folder.iterdir() if (match := _COPY.match(path.name))]
        path = self.folder / f"{max(numbers, default=0) + 1}.git"
        git = Git(self.folder, timeout_seconds=self.source.timeout_seconds)
        git.run("init", "--quiet", "--bare", "--template=", "--initial-branch=main", "--", str(path))
        (path / "config").write_text(_CONFIG, encoding="utf-8")
        if like is not None:
            try:
                self._fill(path, like)
            except BaseException:
                shutil.rmtree(path, ignore_errors=True)
                raise
        temporary = self.folder / f"{CURRENT}.{os.getpid()}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(path.name)
        temporary.replace(self.folder / CURRENT)
        return path

    def _fill(self, path: Path, like: GitRepository) -> None:
        """What the old copy had a name for is fetched under the same names, where the remote still has it."""
        names = _refs_in(like.common_dir)
        theirs = {name: name.replace("refs/gitrel/upstream/", "refs/", 1) for name in names}
        theirs = {ours: "refs/gitrel/journal" if it == "refs/journal" else it for ours, it in theirs.items()}
        with GitRepository(
            path, remote_timeout_seconds=self.source.timeout_seconds, access=self.source.access
        ) as copy:
            there = copy.remote_refs(self.url, sorted(set(theirs.values())))
            pairs = [(it, ours) for ours, it in sorted(theirs.items()) if it in there]
            if pairs:
                copy.fetch(self.url, pairs)

    def _hold(self, path: Path) -> None:
        """Marks the copy as read by this process, until it is closed or another one is held."""
        descriptor = os.open(path / IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if self._held is not None:
            os.close(self._held)
        self._held = descriptor

    def _clear_away(self) -> None:
        """Removes replaced copies that nobody reads any more."""
        current = (self.folder / CURRENT).readlink().name
        for path in self.folder.iterdir():
            if _COPY.match(path.name) and path.name != current and _nobody_reads(path):
                shutil.rmtree(path, ignore_errors=True)

    def _locked(self) -> AbstractContextManager[None]:
        """One process at a time makes copies. Its fetch has a deadline, and so has the wait for it."""
        return alone(self.folder / LOCK, 2 * self.source.timeout_seconds)


def _nobody_reads(path: Path) -> bool:
    try:
        descriptor = os.open(path / IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _refs_in(git_dir: Path) -> list[str]:
    """The names of all refs, read from the files: Git itself may refuse to look into a damaged copy."""
    names: set[str] = set()
    for root, _, files in os.walk(git_dir / "refs"):
        names.update(str((Path(root) / name).relative_to(git_dir)) for name in files)
    with contextlib.suppress(OSError):
        for line in (git_dir / "packed-refs").read_text(encoding="utf-8", errors="replace").splitlines():
            if " refs/" in line:
                names.add(line.split(" ", 1)[1])
    return sorted(name for name in names if re.fullmatch(r"refs/[A-Za-z0-9._/-]+", name))


def _private(folder: Path) -> Path:
    """A folder of our own that nobody else can read or write. Raises UsageError for any other."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
    except OSError as error:
        raise UsageError(
            f"{folder}: no cache can be kept there: {error.strerror}: name another with --cache-dir"
        ) from None
    if facts.st_uid != os.geteuid():
        raise UsageError(f"{folder} belongs to another user: name a cache of your own with --cache-dir")
    if stat.S_IMODE(facts.st_mode) & 0o022:
        raise UsageError(
            f"{folder} can be written by others: chmod go-w {folder}, or name another with --cache-dir"
        )
    return folder


def _key(url: str) -> str:
    """Readable, and one for each URL."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", re.sub(r"^[a-z]+://|\.git$", "", url)).strip("-.")[-80:]
    return f"{plain}-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
