"""Commit → catalog: what a repository says at one commit, read from Git's objects and remembered.

A commit never changes, so neither does what it says. Asking again costs a dictionary look-up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from gitrel.errors import InvalidRepository, Problem
from gitrel.repo.check import check_repository
from gitrel.repo.git.repository import GitRepository
from gitrel.repo.model import Catalog

Read = tuple[Catalog, tuple[Problem, ...]]
CATALOGS_MAX = 16
"""Catalogs kept: the commit of now, and those at which releases in force were decided."""


class CommitMissing(InvalidRepository):
    """A commit that something was decided on is nowhere to be had any more."""

    def __init__(self, place: str, commit: str) -> None:
        what = f"commit {commit[:12]}, on which something was decided, is not here, nor on the remote"
        super().__init__([Problem(place, 0, 0, what, "push it again, or promote anew from what is there")])


def _nowhere(commit: str) -> bool:
    return False


class CommitCatalogs:
    """Implements `orchestrator.world.Source`: `tip` says which commit is the truth now.

    `bring` fetches a commit that is not here and says whether it is here then.
    """

    def __init__(
        self,
        repository: GitRepository,
        tip: Callable[[], str],
        bring: Callable[[str], bool] = _nowhere,
    ) -> None:
        self._repository = repository
        self._tip = tip
        self._bring = bring
        self._read: OrderedDict[str, Read] = OrderedDict()

    def head(self) -> str:
        return self._tip()

    def catalog(self, commit: str) -> Read:
        if commit not in self._read:
            if commit and not self._repository.has(commit) and not self._bring(commit):
                raise CommitMissing(str(self._repository.path), commit)
            self._read[commit] = check_repository(self._repository.read_commit(commit), commit)
            while len(self._read) > CATALOGS_MAX:
                self._read.popitem(last=False)
        self._read.move_to_end(commit)
        return self._read[commit]
