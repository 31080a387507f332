"""The side of a repository that speaks to remotes: each by what it needs to be reached, and nothing else."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from gitrel.repo.git import remote
from gitrel.repo.git.access import Access, settings, transport
from gitrel.repo.git.failures import RepositoryDamaged
from gitrel.repo.git.locks import alone
from gitrel.repo.git.process import Git
from gitrel.repo.git.revisions import checked_remote

FETCH_LOCK = "gitrel-fetch.lock"
Mend = Callable[[], Path]
"""Makes a whole copy of a damaged repository somewhere, and says where."""
_Method = TypeVar("_Method", bound=Callable[..., Any])


def mending(method: _Method) -> _Method:
    """Tried once more on a whole copy where the repository is damaged and can be had again."""

    @functools.wraps(method)
    def call(self: Remotes, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except RepositoryDamaged:
            if self.mend is None:
                raise
            self.open(self.mend())
            return method(self, *args, **kwargs)

    return cast(_Method, call)


class Remotes:
    """What `GitRepository` has for remotes; a remote is a configured name, a URL or a path."""

    git: Git
    path: Path
    git_dir: Path
    common_dir: Path
    shallow: bool
    mend: Mend | None
    _access: Access
    _remote_timeout_seconds: float
    _remote_gits: dict[str, Git]

    @abstractmethod
    def open(self, path: Path) -> None: ...

    @abstractmethod
    def has(self, commit: str) -> bool: ...

    def remote_url(self, name: str) -> str:
        """What the name of a configured remote stands for; a URL or a path stands for itself."""
        if transport(name) != "file" or name.startswith(("/", ".")):
            return name
        found = self.git.attempt("remote", "get-url", "--", checked_remote(name))
        return found.out.decode("utf-8", "replace").strip() if found.code == 0 else name

    def configured_url(self, name: str) -> str:
        """The same before rules such as `url.….insteadOf`, which say how to get there and not what it is."""
        found = self.git.attempt("config", "--get", f"remote.{checked_remote(name)}.url")
        return found.out.decode("utf-8", "replace").strip() if found.code == 0 else name

    def _toward(self, name: str) -> Git:
        """Git with what it needs to reach this remote, and no other.

        A remote that is a relative path is counted from the work tree, as Git itself has it.
        """
        if name not in self._remote_gits:
            url = self.remote_url(name)
            relative = transport(url) == "file" and "://" not in url and not url.startswith("/")
            self._remote_gits[name] = Git(
                self.path if relative else self.git_dir,
                timeout_seconds=self._remote_timeout_seconds,
                access=self._access,
                settings=settings(self._access, url),
            )
        return self._remote_gits[name]

    def remote_refs(self, name: str, refs: Sequence[str]) -> dict[str, str]:
        """Where these full refs are on the remote now; absent ones are left out. One round trip."""
        return remote.refs(self._toward(name), name, refs)

    def remote_branch(self, name: str) -> str:
        """The full ref of the remote's default branch, empty where it has none."""
        return remote.default_branch(self._toward(name), name)

    @mending
    def remote_tags(self, name: str) -> dict[str, str]:
        """Every tag on the remote now, as `tags` gives those that are here. One round trip."""
        return remote.tags(self._toward(name), name)

    @mending
    def fetch(self, name: str, refspecs: Sequence[tuple[str, str]], *, depth: int = 0) -> None:
        """Brings (their ref, our ref) pairs here, whatever ours were. Raises Unreachable.

        `depth` commits of each; 0 is what the repository has been so far: all, or what it was cut off at.
        """
        with alone(self.common_dir / FETCH_LOCK, self._remote_timeout_seconds):
            remote.fetch(self._toward(name), name, refspecs, depth=depth)
        self.shallow = (self.common_dir / "shallow").exists()

    def deepen(self, name: str, refspecs: Sequence[tuple[str, str]]) -> None:
        """Brings the whole history of these refs to a repository whose history is cut off."""
        self.fetch(name, refspecs, depth=remote.WHOLE)

    def fetch_commit(self, name: str, commit: str) -> bool:
        """Brings one commit by its id; whether it is here then. Unreachable is raised as ever."""
        remote.fetch_commit(self._toward(name), name, commit)
        return self.has(commit)
