"""What is asked of a forge, and the one protocol behind which GitHub and GitLab are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gitrel.errors import GitrelError


class ForgeRefused(GitrelError):
    """The forge understood what was asked and does not want it."""

    exit_code = 4


class AlreadyOpen(ForgeRefused):
    """There is one for this branch already: somebody else was first."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What is to be proposed: `head` and `base` are short names of branches in the same repository."""

    title: str
    body: str
    head: str
    base: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """`url` is fit to be shown and opened; empty where the forge gave none that is."""

    number: int
    url: str


class Forge(Protocol):
    """Raises Unreachable where the forge does not answer or refuses the login, ForgeRefused for the rest."""

    word: str
    """What the forge calls it: `pull request` or `merge request`."""

    def find(self, head: str, base: str) -> PullRequest | None:
        """The open one of this branch, if there is one."""
        ...

    def open(self, proposed: Proposed) -> PullRequest:
        """A new one. Raises AlreadyOpen."""
        ...
