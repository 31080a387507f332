"""Pointer moves → commits on the tip of a branch, one each; refused where others changed what was decided on.

A decision was made on one commit. Others may have pushed since, which is welcome as long as they left alone
what the decision rests on: the pointer itself and the version that it is to name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gitrel.errors import Conflict, UsageError
from gitrel.ledger.ledger import Entry
from gitrel.ledger.tagmoves import move_tag
from gitrel.repo import edit, layout
from gitrel.repo.edit import PutLink
from gitrel.repo.git import GitRepository, RefUpdate
from gitrel.repo.git.objects import FOLDER, LINK
from gitrel.repo.tagged import tagged_components
from gitrel.repo.tree import Entry as TreeNode
from gitrel.repo.tree import File, Link
from gitrel.rollout.actions import MovePointer


@dataclass(frozen=True, slots=True)
class Moved:
    """The branch's tip with the moves on it, the links that changed, and the tags that move beside it."""

    tip: str
    links: tuple[PutLink, ...] = ()
    refs: tuple[RefUpdate, ...] = ()


@dataclass(frozen=True, slots=True)
class CommitLookup:
    """The tree of one commit, read only where somebody looks."""

    repository: GitRepository
    commit: str

    def get(self, path: str) -> TreeNode | None:
        entry = self.repository.entry(self.commit, path)
        if entry is None or entry.mode == FOLDER:
            return None
        data = self.repository.blobs([entry.id])[0] if entry.mode == LINK else b""
        return Link(data.decode(errors="replace")) if entry.mode == LINK else File(data)

    def is_folder(self, path: str) -> bool:
        entry = self.repository.entry(self.commit, path)
        return entry is not None and entry.mode == FOLDER


def commit_moves(
    repository: GitRepository,
    tip: str,
    entries: Sequence[Entry],
    moves: Sequence[tuple[str, MovePointer]],
    tags: Callable[[], Mapping[str, str]] = dict,
) -> Moved:
    """One commit (or tag, where versions are tags) per pointer that is not yet where it should be.

    No ref is moved; `tags` tells where the tags are now. Raises Conflict where the branch changed under the
    decision, ValueError where no entry explains a move.
    """
    explained = {entry.component: entry for entry in entries}
    links: list[PutLink] = []
    refs: list[RefUpdate] = []
    start = tip
    prefixes = tagged_components(repository.read_commit(tip)) if moves else {}
    for component, move in moves:
        entry = explained.get(component)
        if entry is None:
            raise ValueError(f"no entry explains the move of {component}")
        if component in prefixes:
            refs += move_tag(repository, prefixes[component], entry, move, tags(), _message(entry, move))
            continue
        _check_unchanged(repository, entry, start, move)
        lookup = CommitLookup(repository, tip)
        changes = edit.move_pointer(lookup, component, move.environment, move.version)
        links += [change for change in changes if isinstance(change, PutLink)]
        if changes:
            tip = repository.commit_tree(
                tip, changes, message=_message(entry, move), author=entry.actor, at=entry.at
            )
    return Moved(tip, tuple(links), tuple(refs))


def _message(entry: Entry, move: MovePointer) -> str:
    return edit.pointer_message(
        entry.component, move.environment, move.version, rollout=entry.after.number, because=move.because
    )


def _check_unchanged(repository: GitRepository, entry: Entry, tip: str, move: MovePointer) -> None:
    """What was decided on at the commit that was read must still stand at the tip."""
    read = entry.commit
    if not read:
        raise UsageError(
            f"{entry.component}: a pointer can only be moved from a commit: commit what is there"
        )
    if read == tip:
        return
    if not repository.has(read):
        raise Conflict(f"{entry.component}: commit {read[:12]}, which was read, is not in this repository")
    component, environment = entry.component, move.environment
    for path in (
        layout.pointer_path(component, environment),
        layout.pointer_templates(component, environment),
        layout.version_folder(component, move.version),
    ):
        if path == layout.pointer_path(component, environment) and _is_folder(repository, (read, tip), path):
            continue  # parameters beside the link may change: the digest tells
        if repository.entry(read, path) != repository.entry(tip, path):
            by = repository.log(tip, limit=1, path=path)
            who = f"{edit.one_line(by[0].author.name, 100)} in {by[0].id[:12]}" if by else "somebody"
            raise Conflict(f"{path} was changed by {who} after it was read: decide again")


def _is_folder(repository: GitRepository, commits: Sequence[str], path: str) -> bool:
    return all(CommitLookup(repository, commit).is_folder(path) for commit in commits)
