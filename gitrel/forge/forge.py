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


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment that this login may take for its own."""

    id: int
    body: str


PAGE, PAGES_MAX = 100, 50
"""How many comments are asked for at once, and how often at most."""


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

    def head_of(self, number: int) -> str:
        """The full SHA of the newest commit of the one with that number."""
        ...

    def find_comment(self, number: int, marker: str) -> Comment | None:
        """The first of its comments that begins with `marker` and that this login, or a bot, has written.

        Anybody may write a marker; to edit what somebody else wrote would put words into their mouth, and
        they could change them again.
        """
        ...

    def add_comment(self, number: int, body: str) -> None: ...

    def edit_comment(self, number: int, comment: Comment, body: str) -> None: ...
