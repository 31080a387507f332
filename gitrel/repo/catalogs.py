"""Commit → catalog: what a repository says at one commit, read from Git's objects and remembered.

A commit never changes, so neither does what it says. Asking again costs a dictionary look-up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from gitrel.errors import Problem
from gitrel.repo.check import check_repository
from gitrel.repo.git.repository import GitRepository
from gitrel.repo.model import Catalog

Read = tuple[Catalog, tuple[Problem, ...]]
CATALOGS_MAX = 16
"""Catalogs kept: the commit of now, and those at which releases in force were decided."""


class CommitCatalogs:
    """Implements `orchestrator.world.Source`: `tip` says which commit is the truth now."""

    def __init__(self, repository: GitRepository, tip: Callable[[], str]) -> None:
        self._repository = repository
        self._tip = tip
        self._read: OrderedDict[str, Read] = OrderedDict()

    def head(self) -> str:
        return self._tip()

    def catalog(self, commit: str) -> Read:
        if commit not in self._read:
            self._read[commit] = check_repository(self._repository.read_commit(commit), commit)
            while len(self._read) > CATALOGS_MAX:
                self._read.popitem(last=False)
        self._read.move_to_end(commit)
        return self._read[commit]
