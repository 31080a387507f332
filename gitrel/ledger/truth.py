"""Which refs are the truth, and how both of them move at once: the local ones, or those of a remote.

Local: one transaction moves the journal and the branch. Remote: one atomic push moves both there, and the
local refs follow; a crash before the push has changed nothing, and one after it is caught up with by the
next `sync`. Each ref is bound to the value that was read, which is the fence between two writers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gitrel.clock import Clock
from gitrel.errors import Conflict, Unreachable, UsageError
from gitrel.repo.edit import FileChange
from gitrel.repo.git import GitRepository, HistoryRewritten, RefUpdate, heard
from gitrel.repo.git.worktree import WorkTree, changed_paths

JOURNAL = "refs/gitrel/journal"
UPSTREAM = "refs/gitrel/upstream"
"""Where the remote's refs were when last looked at: `…/journal` and `…/heads/<branch>`."""

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """What is to become the truth: commits that exist and that nothing refers to yet.

    Each ref goes from `…_old` to `…_new`, and stays where these are equal. `changes` are the links and files
    that the branch's new commits change; `others` are refs that move in the same step or not at all.
    """

    journal_old: str
    journal_new: str
    branch_old: str
    branch_new: str
    changes: tuple[FileChange, ...] = ()
    others: tuple[RefUpdate, ...] = ()

    def updates(self, branch: str, journal_old: str) -> list[RefUpdate]:
        """The refs that move, with `journal_old` as the fence of the journal."""
        moving = [RefUpdate(JOURNAL, self.journal_new, journal_old)]
        moving = moving if self.journal_new != self.journal_old else []
        if self.branch_new != self.branch_old:
            moving.append(RefUpdate(branch, self.branch_new, self.branch_old))
        return [*moving, *self.others]


class Truth(Protocol):
    def tip(self) -> str:
        """The commit that the branch is at, as of the last `sync`; empty where there is none."""
        ...

    def deepen(self) -> bool:
        """Brings the rest of a history that is cut off here; whether there was one to be had."""
        ...

    def bring(self, commit: str) -> bool:
        """Brings one commit that is not here; whether it is here then."""
        ...

    def heard(self) -> datetime | None:
        """When the remote answered last; None where there is none, or it never did."""
        ...

    def sync(self) -> None:
        """Learns what others did, and finishes what a crash cut off."""
        ...

    def publish(self, step: Step) -> None:
        """Moves both refs or none. Raises Conflict where somebody else moved one first."""
        ...


class LocalTruth:
    """The refs of this repository. Work trees in which the branch is checked out follow it."""

    def __init__(self, repository: GitRepository, branch: str, warn: Warn) -> None:
        self._repository = repository
        self._branch = branch
        self._warn = warn

    def tip(self) -> str:
        return self._repository.commit_at(self._branch)

    def deepen(self) -> bool:
        return False

    def bring(self, commit: str) -> bool:
        return False

    def heard(self) -> datetime | None:
        return None

    def sync(self) -> None:
        self._keep(self._repository.checked_out(self._branch))

    def publish(self, step: Step) -> None:
        self.move(step.updates(self._branch, step.journal_old), step)

    def move(self, updates: Sequence[RefUpdate], step: Step) -> None:
        """One transaction. What follows is noted before it, so a crash leaves no work tree behind."""
        moves_branch = any(update.ref == self._branch for update in updates)
        followers = self._repository.checked_out(self._branch) if step.changes and moves_branch else ()
        if followers:
            paths = changed_paths(self._repository, step.branch_old, step.branch_new, step.changes)
            for tree in followers:
                tree.promise(paths)
        try:
            self._repository.update_refs(updates)
        finally:
            self._keep(followers)

    def _keep(self, trees: Sequence[WorkTree]) -> None:
        for tree in trees:
            for warning in tree.keep():
                self._warn(warning)


class RemoteTruth:
    """The refs of a remote, by its configured name or its URL; what is here follows.

    Who is only `looking` is shown what was read last, with its age, where the remote does not answer. Who
    acts is not: another writer may have gone on meanwhile, and only the remote knows.
    """

    def __init__(
        self,
        repository: GitRepository,
        remote: str,
        branch: str,
        warn: Warn,
        *,
        accept_rewritten: bool,
        looking: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._repository = repository
        self._remote = remote
        self._branch = branch
        self._warn = warn
        self._accept_rewritten = accept_rewritten
        self._looking = looking
        self._clock = clock
        self._local = LocalTruth(repository, branch, warn)
        self._there = {branch: UPSTREAM + branch.removeprefix("refs"), JOURNAL: f"{UPSTREAM}/journal"}
        """Their ref → where it is remembered here."""

    def tip(self) -> str:
        return self._seen(self._branch)

    def heard(self) -> datetime | None:
        return heard.last(self._repository.common_dir, self._remote)

    def sync(self) -> None:
        """One look; what has moved is fetched into refs of gitrel's own, never into anybody's branch.

        Raises HistoryRewritten where the journal on the remote does not continue the one that is here.
        """
        self._local.sync()
        try:
            self._look()
        except Conflict:
            raise
        except Unreachable as error:
            told = f"{error}{self._age()}"
            if not self._looking or not self.tip():
                raise Unreachable(told) from error
            self._warn(f"{told}: this is what it said then")
            return
        if self._clock:
            heard.note(self._repository.common_dir, self._remote, self._clock.now())

    def _age(self) -> str:
        """How old what is known is, where that is known."""
        if self._clock is None:
            return ""
        return heard.told(self._repository.common_dir, self._remote, self._clock.now())

    def _look(self) -> None:
        there = self._repository.remote_refs(self._remote, [self._branch, JOURNAL])
        if self._branch not in there:
            short = self._branch.removeprefix("refs/heads/")
            raise UsageError(f"{self._remote} has no branch {short}: push it first")
        if JOURNAL not in there and self._seen(JOURNAL):
            raise self._rewritten("was deleted")
        moved = [(ref, self._there[ref]) for ref, commit in there.items() if self._seen(ref) != commit]
        if moved:
            self._repository.fetch(self._remote, moved)
        if self._repository.bare and self._repository.shallow:
            self.deepen()  # what was read before was enough for looking at files, not for telling the past
        self._catch_up()

    def deepen(self) -> bool:
        pairs = [(ref, ours) for ref, ours in self._there.items() if self._seen(ref)]
        if self._repository.shallow and pairs:
            self._repository.deepen(self._remote, pairs)
            return True
        return False

    def bring(self, commit: str) -> bool:
        return self._repository.fetch_commit(self._remote, commit)

    def publish(self, step: Step) -> None:
        fence = self._seen(JOURNAL)  # not the local journal, which may hold entries that were never pushed
        updates = step.updates(self._branch, fence)
        try:
            self._repository.push(self._remote, updates)
        except Conflict:
            raise
        except Unreachable as error:
            self._ask_whether_it_arrived(updates[0], error)
        self._follow(step, updates)

    def _seen(self, ref: str) -> str:
        return self._repository.commit_at(self._there[ref])

    def _ask_whether_it_arrived(self, update: RefUpdate, error: Unreachable) -> None:
        """A push without an answer may have happened: the remote is asked before anybody repeats it.

        One of the refs tells, because they move together.
        """
        try:
            there = self._repository.remote_refs(self._remote, [update.ref]).get(update.ref, "")
        except Unreachable:
            raise Unreachable(f"{error} (whether it was recorded shows at the next reading)") from error
        if there != update.new:
            raise error

    def _follow(self, step: Step, pushed: Sequence[RefUpdate]) -> None:
        """The remote has it: what happens here is bookkeeping that the next `sync` could do as well."""
        local = self._repository.commit_at(self._branch)
        updates = [update for update in step.updates(self._branch, step.journal_old) if update.ref == JOURNAL]
        updates += [RefUpdate(self._there[u.ref], u.new, u.old) for u in pushed if u.ref in self._there]
        if step.branch_new != step.branch_old and local == step.branch_old:
            updates.append(RefUpdate(self._branch, step.branch_new, local))
        updates += [own for other in step.others for own in self._own(other)]
        try:
            self._local.move(updates, step)
        except Conflict:
            self.sync()

    def _own(self, pushed: RefUpdate) -> Iterator[RefUpdate]:
        """What follows here when a tag or a release branch moved there: ours too, where it was the same."""
        kept = UPSTREAM + pushed.ref.removeprefix("refs")
        yield RefUpdate(kept, pushed.new, self._repository.ref_at(kept))
        if self._repository.ref_at(pushed.ref) == pushed.old:
            yield pushed

    def _catch_up(self) -> None:
        """The local journal becomes the remote's where the remote's continues it.

        A branch that people work on is left to their own pull; in a bare repository nobody works.
        """
        repository = self._repository
        local, there = repository.commit_at(JOURNAL), self._seen(JOURNAL)
        updates = []
        if there and local != there:
            if not local or self._accept_rewritten or repository.is_ancestor(local, there):
                updates.append(RefUpdate(JOURNAL, there, local))
            elif not repository.is_ancestor(there, local):
                raise self._rewritten("does not continue the one that is here")
        tip, branch = self.tip(), repository.commit_at(self._branch)
        if repository.bare and tip != branch and (not branch or repository.is_ancestor(branch, tip)):
            updates.append(RefUpdate(self._branch, tip, branch))
        if updates:
            repository.update_refs(updates)

    def _rewritten(self, what: str) -> HistoryRewritten:
        return HistoryRewritten(
            f"the journal on {self._remote} {what}: its history was rewritten, and nothing was recorded. "
            f"Compare it with {JOURNAL} here, then push the right one, or take the remote's with "
            "--accept-rewritten"
        )
