"""Branches that propose one pointer move to people: built on the commit that was read, pushed with a fence.

A branch is gitrel's own as long as its tip says so in its trailers; then it may be built anew when the base
has moved on. One that holds anything else is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gitrel.errors import Conflict, UsageError
from gitrel.ledger.moves import CommitLookup
from gitrel.repo import edit
from gitrel.repo.git import GitRepository, RefUpdate
from gitrel.repo.git.scrub import scrub

ATTEMPTS = 3
FETCHED = "refs/gitrel/proposals"
"""Where a branch that exists already is brought to, to see what it holds."""


@dataclass(frozen=True, slots=True)
class Move:
    """One pointer move as it is proposed."""

    component: str
    environment: str
    version: str
    because: str

    @property
    def branch(self) -> str:
        return f"gitrel/promote-{self.component}-{self.version}-{self.environment}"

    def trailers(self) -> dict[str, str]:
        return {
            "Gitrel-Component": self.component,
            "Gitrel-Environment": self.environment,
            "Gitrel-Version": self.version,
        }


class Proposals:
    """Pushes proposals to the remote on which the branch `base` (a full ref) is."""

    def __init__(self, repository: GitRepository, remote: str, base: str) -> None:
        self._repository = repository
        self._remote = remote
        self.base = base.removeprefix("refs/heads/")

    @property
    def urls(self) -> tuple[str, str]:
        """What the remote's name stands for: as it was written, and as Git goes there."""
        return self._repository.configured_url(self._remote), self._repository.remote_url(self._remote)

    def push(self, move: Move, commit: str, actor: str, at: datetime) -> str:
        """A commit with the move on top of `commit`, as the remote's branch `move.branch`; its id.

        The one that is there already is kept where it is the same. Raises UsageError for a branch of that
        name which holds something else, Conflict where others keep moving it.
        """
        ref = f"refs/heads/{move.branch}"
        for _ in range(ATTEMPTS):
            there = self._repository.remote_refs(self._remote, [ref]).get(ref, "")
            if there and self._is_the_same(ref, there, move, commit):
                return there
            made = self._commit(move, commit, actor, at)
            try:
                self._repository.push(self._remote, [RefUpdate(ref, made, there)])
            except Conflict:
                continue
            return made
        raise Conflict(f"{move.branch} on {scrub(self._remote)} keeps moving")

    def _is_the_same(self, ref: str, there: str, move: Move, base: str) -> bool:
        here = f"{FETCHED}/{move.branch}"
        self._repository.fetch(self._remote, [(ref, here)])
        (found,) = self._repository.commits([there])
        trailers = edit.parse_trailers(found.message)
        if {name: trailers.get(name) for name in move.trailers()} != move.trailers():
            raise UsageError(
                f"the branch {move.branch} on {scrub(self._remote)} holds something else: look at it, and "
                "delete it"
            )
        return found.parents == (base,)

    def _commit(self, move: Move, base: str, actor: str, at: datetime) -> str:
        lookup = CommitLookup(self._repository, base)
        changes = edit.move_pointer_in(lookup, move.component, move.environment, move.version)
        if not changes:
            raise UsageError(f"{move.component} in {move.environment} points to {move.version} already")
        message = edit.pointer_message(
            move.component, move.environment, move.version, rollout=None, because=move.because
        )
        return self._repository.commit_tree(base, changes, message=message, author=actor, at=at)
