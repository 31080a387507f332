"""What tags and release branches are now, where the truth is: here, or on a remote, with their objects here.

Tags move on their own, beside the branch and the journal; each is bound to the value that was read when it
is moved, so what was read a moment too early is refused then and read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gitrel.errors import Conflict, Unreachable
from gitrel.ledger.truth import UPSTREAM, Warn
from gitrel.repo.git import GitRepository

BATCH = 200
"""Refs fetched in one command."""


class Refs(Protocol):
    def tags(self) -> Mapping[str, str]:
        """Every tag as full ref → the object that it names; the objects are here."""
        ...

    def at(self, refs: Sequence[str]) -> Mapping[str, str]:
        """The same for these full refs; absent ones are left out."""
        ...


class LocalRefs:
    def __init__(self, repository: GitRepository) -> None:
        self._repository = repository

    def tags(self) -> Mapping[str, str]:
        return self._repository.tags()

    def at(self, refs: Sequence[str]) -> Mapping[str, str]:
        return {ref: found for ref in refs if (found := self._repository.ref_at(ref))}


class RemoteRefs:
    """Who is only `looking` is shown what was read last where the remote does not answer."""

    def __init__(self, repository: GitRepository, remote: str, warn: Warn, *, looking: bool) -> None:
        self._repository = repository
        self._remote = remote
        self._warn = warn
        self._looking = looking

    def tags(self) -> Mapping[str, str]:
        try:
            there = self._repository.remote_tags(self._remote)
            self._bring(there)
        except Conflict:
            raise
        except Unreachable as error:
            known = self._repository.tags(f"{UPSTREAM}/tags/")
            if not self._looking or not known:
                raise
            self._warn(f"{error}: tags are shown as they were read last")
            return {"refs" + ref.removeprefix(UPSTREAM): found for ref, found in known.items()}
        return there

    def at(self, refs: Sequence[str]) -> Mapping[str, str]:
        there = self._repository.remote_refs(self._remote, refs)
        self._bring(there)
        return there

    def _bring(self, there: Mapping[str, str]) -> None:
        moved = [
            (ref, remembered(ref))
            for ref, found in there.items()
            if self._repository.ref_at(remembered(ref)) != found
        ]
        for start in range(0, len(moved), BATCH):
            self._repository.fetch(self._remote, moved[start : start + BATCH])


def remembered(ref: str) -> str:
    """Where one of the remote's refs is kept here."""
    return UPSTREAM + ref.removeprefix("refs")
