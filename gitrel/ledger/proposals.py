"""Branches that propose pointer moves to people: built on the commit that was read, pushed with a fence.

A branch is gitrel's own as long as its newest commits say so in their trailers, one commit for each move;
then it may be built anew when the base has moved on. One that holds anything else is left alone.
"""

from __future__ import annotations

import hashlib
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
BRANCH_LENGTH_MAX = 120
"""Characters of a branch's name that tell what is in it; of a larger set a digest tells instead."""


@dataclass(frozen=True, slots=True)
class Move:
    """One pointer move as it is proposed."""

    component: str
    environment: str
    version: str
    because: str

    def trailers(self) -> dict[str, str]:
        return {
            "Gitrel-Component": self.component,
            "Gitrel-Environment": self.environment,
            "Gitrel-Version": self.version,
        }


@dataclass(frozen=True, slots=True)
class MoveSet:
    """The moves of one proposal, at least one: different components, sorted by name, in one environment."""

    moves: tuple[Move, ...]

    @property
    def environment(self) -> str:
        return self.moves[0].environment

    @property
    def branch(self) -> str:
        what = "+".join(f"{move.component}-{move.version}" for move in self.moves)
        if len(what) > BRANCH_LENGTH_MAX:
            what = f"{len(self.moves)}-components-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
        return f"gitrel/promote-{what}-{self.environment}"


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

    def push(self, wanted: MoveSet, commit: str, actor: str, at: datetime) -> str:
        """A commit for each move on top of `commit`, as the remote's branch `wanted.branch`; the tip's id.

        The one that is there already is kept where it is the same. Raises UsageError for a branch of that
        name which holds something else, Conflict where others keep moving it.
        """
        ref = f"refs/heads/{wanted.branch}"
        for _ in range(ATTEMPTS):
            there = self._repository.remote_refs(self._remote, [ref]).get(ref, "")
            if there and self._is_the_same(ref, there, wanted, commit):
                return there
            made = commit
            for move in wanted.moves:
                made = self._commit(move, made, actor, at)
            try:
                self._repository.push(self._remote, [RefUpdate(ref, made, there)])
            except Conflict:
                continue
            return made
        raise Conflict(f"{wanted.branch} on {scrub(self._remote)} keeps moving")

    def _is_the_same(self, ref: str, there: str, wanted: MoveSet, base: str) -> bool:
        """Whether it stands on `base`. Raises UsageError where it is not these moves, one commit each."""
        self._repository.fetch(self._remote, [(ref, f"{FETCHED}/{wanted.branch}")])
        for move in reversed(wanted.moves):
            (found,) = self._repository.commits([there])
            trailers = edit.parse_trailers(found.message)
            if {name: trailers.get(name) for name in move.trailers()} != move.trailers() or not found.parents:
                raise UsageError(
                    f"the branch {wanted.branch} on {scrub(self._remote)} holds something else: look at it, "
                    "and delete it"
                )
            there = found.parents[0]
        return there == base

    def _commit(self, move: Move, base: str, actor: str, at: datetime) -> str:
        lookup = CommitLookup(self._repository, base)
        changes = edit.move_pointer(lookup, move.component, move.environment, move.version)
        if not changes:
            raise UsageError(f"{move.component} in {move.environment} points to {move.version} already")
        message = edit.pointer_message(
            move.component, move.environment, move.version, rollout=None, because=move.because
        )
        return self._repository.commit_tree(base, changes, message=message, author=actor, at=at)
