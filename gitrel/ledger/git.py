"""The journal in Git: entries under a ref of their own, moved together with the branch or not at all.

A save builds commits first, which nobody can see, and then makes them the truth in one step (`truth.py`).
Where others moved the branch meanwhile, and left alone what was decided on, it builds them again on the
new tip. An entry's id says what is in it, so a save whose answer was lost is recognised and never doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from gitrel.clock import Clock
from gitrel.errors import Conflict, InvalidRepository, Problem, UsageError
from gitrel.ledger import codec
from gitrel.ledger.journal import Journal, Position
from gitrel.ledger.ledger import Entry
from gitrel.ledger.moves import commit_moves
from gitrel.ledger.reftruth import LocalRefs, Refs, RemoteRefs
from gitrel.ledger.resting import needed, put_back, under_way
from gitrel.ledger.trust import Trust
from gitrel.ledger.truth import JOURNAL, LocalTruth, RemoteTruth, Step, Truth
from gitrel.repo import layout
from gitrel.repo.edit import FileChange, one_line
from gitrel.repo.git import GitRepository, HistoryRewritten, RefUpdate
from gitrel.repo.git.tags import TagReader
from gitrel.repo.tagged import Tag, Tags, coming, doubt, in_use, tagged_components
from gitrel.rollout.actions import MovePointer
from gitrel.rollout.state import Rollout

ATTEMPTS = 5
"""How often a save is built again on a branch that others keep moving."""
LOST_ANSWER_STEPS = 50
"""How far back a save looks for itself."""


def _unheard(warning: str) -> None:
    """Nobody asked to be told what a work tree could not follow."""


class GitLedger:
    """A ledger on a branch (full ref or short name; by default the one that is checked out).

    `remote` is a configured remote's name or a URL; with one, its refs are the truth and not the local ones.
    `warn` is told about links in a work tree that were left alone because somebody has changed them.
    `accept_rewritten` is a person's word that the refs are right although their past was rewritten.
    `trust` says which commits are believed; None believes all. Who is only `looking` writes nothing: what
    is old or not trusted is told and shown. `clock` dates what the remote said.
    """

    def __init__(
        self,
        repository: GitRepository,
        remote: str | None = None,
        branch: str = "",
        *,
        warn: Callable[[str], None] = _unheard,
        accept_rewritten: bool = False,
        trust: Trust | None = None,
        looking: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._repository = repository
        self._warn = warn
        self._trust = trust
        self._looking = looking
        self._synced = False
        self._unpacked = 0
        self._told: dict[str, str] = {}
        self._branch = _full_ref(branch or repository.head().ref, repository)
        self._accept_rewritten = accept_rewritten
        self._journal = Journal(repository, JOURNAL)
        self._truth: Truth = (
            RemoteTruth(
                repository,
                remote,
                self._branch,
                warn,
                accept_rewritten=accept_rewritten,
                looking=looking,
                clock=clock,
            )
            if remote
            else LocalTruth(repository, self._branch, warn)
        )
        self._refs: Refs = (
            RemoteRefs(repository, remote, warn, looking=looking) if remote else LocalRefs(repository)
        )
        self._tags: Mapping[str, str] | None = None

    # ── The protocol ────────────────────────────────────────────────────────────────────────────────────

    def head(self) -> str:
        """The newest entry's id as far as this clone knows; `load` asks the remote."""
        return self._position().entry

    def load(self) -> tuple[str, Mapping[str, Rollout]]:
        """The head and the newest records, the remote's if there is one. Finishes what a crash cut off.

        This is the one look at the remote in a pass: `tip` gives the branch as it was found here.
        """
        self.sync()
        position = self._position()
        return position.entry, MappingProxyType(self._journal.records(position.commit))

    def save(self, entries: Sequence[Entry], moves: Sequence[tuple[str, MovePointer]], *, head: str) -> str:
        """See `Ledger`. Also raises HistoryRewritten for a move on a branch that lost its past."""
        if not entries:
            if moves:
                raise ValueError("no entry explains these moves")
            return head
        for _ in range(ATTEMPTS):
            before = self._position()
            if before.entry != head:
                return self._found_again(before, entries, head)
            after, step = self._built(before, entries, moves)
            try:
                self._truth.publish(step)
            except Conflict:
                self.sync()
                continue
            self._tags = None if step.others else self._tags
            self._unpacked += 1
            return after.entry
        raise Conflict(f"{self._short} keeps moving: nothing was recorded in {ATTEMPTS} attempts")

    def history(self, component: str | None = None) -> Iterator[Entry]:
        """All entries, oldest first, as they are proved. Raises JournalDamaged where the chain breaks."""
        return self._journal.history(self._repository.commit_at(JOURNAL), component)

    # ── Beside it ───────────────────────────────────────────────────────────────────────────────────────

    def tip(self) -> str:
        """The commit that this pass should read, empty where there is none.

        That is the branch's tip at the last look (the first one is made here, if `load` was not called).
        Where the branch lost the commit that gitrel has built on, it is still that commit: what is under way
        goes on being watched, and nothing starts, until a person has decided. Raises InvalidRepository for
        commits that are not trusted.
        """
        if not self._synced:
            self.sync()
        position, tip = self._position(), self._truth.tip()
        if not self._contains_known_tip(position, tip):
            if not self._repository.has(position.tip):
                raise self._rewritten(position)
            self._warn_once("rewritten", str(self._rewritten(position)))
            return position.tip
        self._believe(position, tip)
        return tip

    def sync(self) -> None:
        """Learns from the remote what others did. Raises HistoryRewritten for a journal that lost entries."""
        self._truth.sync()
        self._synced = True
        self._tags = None

    def tags(self) -> Mapping[str, str]:
        """Every tag as full ref → the object that it names, as of the last `sync`."""
        if self._tags is None:
            self._tags = self._refs.tags()
        return self._tags

    def refs(self, names: Sequence[str]) -> Mapping[str, str]:
        """Where these full refs are now, the remote's if there is one; absent ones are left out."""
        return self._refs.at(names)

    def untagged(self) -> Mapping[str, frozenset[str]]:
        """Component → versions named by their commit that the newest records speak of."""
        records = self._journal.records(self._position().commit)
        found = {name: frozenset(_commit_versions(record)) for name, record in records.items()}
        return {name: versions for name, versions in found.items() if versions}

    def bring(self, commit: str) -> bool:
        """Fetches one commit that is not here (a shallow clone, a rewritten past); whether it came."""
        return self._truth.bring(commit)

    def heard(self) -> datetime | None:
        """When the remote answered last; None where there is none, or it never did."""
        return self._truth.heard()

    def maintain(self) -> bool:
        """Tidies the repository up if this ledger has written to it; takes seconds, so for quiet moments."""
        if not self._unpacked:
            return False
        self._unpacked = 0
        return self._repository.maintain()

    def _believe(self, position: Position, tip: str) -> None:
        if self._trust is None:
            return
        try:
            self._trust.check(position, tip)
        except InvalidRepository as error:
            if not self._looking:
                raise
            self._warn_once("commits", f"not trusted, and shown all the same: {error}")

    def _warn_once(self, topic: str, text: str) -> None:
        """What holds for every pass is told when it begins to hold."""
        if text != self._told.get(topic, ""):
            self._told[topic] = text
            self._warn(text)

    # ── Tags that are believed ──────────────────────────────────────────────────────────────────────────

    def doubted(self, tags: Tags) -> Mapping[str, str]:
        """Full ref → why that tag is not believed, of the tags that a pointer or a rollout rests on.

        A version that could be promoted next, and would be refused, is a warning before anybody tries.
        """
        if self._trust is None:
            return {}
        position, tip = self._position(), self._truth.tip()
        records = self._journal.records(position.commit)
        found: dict[str, str] = {}
        told: list[Problem] = []
        early: list[Problem] = []
        for component, mine in tags.items():
            rests = needed(records.get(component))
            used = {tag.ref: tag for tag in in_use(mine, rests)}
            next_ones = {tag.ref: tag for tag in coming(mine, rests)}
            refused = self._trust.doubted(position, tip, next_ones.values())
            early += [doubt(component, next_ones[ref], why) for ref, why in refused.items()]
            faults = self._trust.doubted(position, tip, used.values())
            if self._trust.requires(position, tip):
                faults = {**put_back(mine, records.get(component)), **faults}
            told += [doubt(component, used[ref], why) for ref, why in faults.items()]
            found.update(faults)
        if early:
            self._warn_once("coming", f"would not be promoted: {InvalidRepository(early)}")
        if told and self._looking:
            self._warn_once("tags", f"not trusted, and shown all the same: {InvalidRepository(told)}")
            return {}
        return found

    def vouch(self, component: str, tags: Iterable[Tag], commits: Iterable[str] = ()) -> None:
        """Raises InvalidRepository for tags and commits beside the branch that are not believed."""
        if self._trust is not None:
            position, tip, known = self._position(), self._truth.tip(), {tag.ref: tag for tag in tags}
            if faults := self._trust.doubted(position, tip, known.values()):
                raise InvalidRepository([doubt(component, known[ref], why) for ref, why in faults.items()])
            self._trust.check_others(position, tip, commits)

    def _vouch_for(self, tip: str, entries: Sequence[Entry]) -> None:
        """What begins with this step rests on tags that are believed."""
        if self._trust is None or not tip or not self._trust.requires(self._position(), tip):
            return
        prefixes = tagged_components(self._repository.read_commit(tip))
        for entry in entries:
            if entry.component in prefixes:
                wanted = {entry.component: prefixes[entry.component]}
                tags = TagReader(self._repository).read(wanted, self.tags())[entry.component]
                begun = {entry.after.version, *under_way(entry.after)}
                self.vouch(entry.component, (tag for name, tag in tags.versions.items() if name in begun))

    @property
    def repository(self) -> GitRepository:
        """Where the branch and the journal are kept."""
        return self._repository

    @property
    def branch(self) -> str:
        """The full ref of the branch."""
        return self._branch

    @property
    def _short(self) -> str:
        return self._branch.removeprefix("refs/heads/")

    def publish(
        self, old: str, new: str, changes: Sequence[FileChange], others: Sequence[RefUpdate] = ()
    ) -> None:
        """Moves the branch from `old` to `new`, whose commits make `changes`, and `others` in the same step.

        The journal stays. Raises Conflict where one of them has moved: read again, and decide again.
        """
        self._check_own(self._position(), old, new)
        self._truth.publish(Step("", "", old, new, tuple(changes), tuple(others)))
        self._tags = None
        self._unpacked += 1

    # ── Saving ──────────────────────────────────────────────────────────────────────────────────────────

    def _position(self) -> Position:
        return self._journal.position(self._repository.commit_at(JOURNAL))

    def _built(
        self, before: Position, entries: Sequence[Entry], moves: Sequence[tuple[str, MovePointer]]
    ) -> tuple[Position, Step]:
        """The commits of one save on what is the truth now."""
        tip = self._truth.tip()
        contained = self._contains_known_tip(before, tip)
        if moves and not tip:
            raise UsageError(f"{self._repository.path} has no branch {self._short}")
        if moves and not contained:
            raise self._rewritten(before)
        if contained:
            self._believe(before, tip)
        self._vouch_for(tip, entries)
        moved = commit_moves(self._repository, tip, entries, moves, self.tags)
        known_tip = moved.tip if contained else before.tip
        after = self._journal.append(before, entries, self._branch, known_tip)
        self._check_own(before, tip, moved.tip, after.commit)
        return after, Step(before.commit, after.commit, tip, moved.tip, moved.links, moved.refs)

    def _check_own(self, position: Position, old: str, new: str, *others: str) -> None:
        if self._trust:
            own = self._repository.chain(new, without=old) if new != old else []
            self._trust.check_own(position, old, [*own, *others])

    def _contains_known_tip(self, before: Position, tip: str) -> bool:
        """Whether the branch still holds what it held at the last entry; another branch has no past yet."""
        if self._accept_rewritten or not before.tip or before.branch != self._branch:
            return True
        if not tip:
            return False
        contained = self._repository.is_ancestor(before.tip, tip)
        if not contained and self._repository.shallow and self._truth.deepen():
            contained = self._repository.is_ancestor(before.tip, tip)
        return contained

    def _rewritten(self, before: Position) -> HistoryRewritten:
        shallow = (
            " (this clone is shallow: fetch the whole history first)" if self._repository.shallow else ""
        )
        return HistoryRewritten(
            f"the history of {self._short} was rewritten: it no longer contains commit {before.tip[:12]}, on "
            f"which gitrel has built{shallow}. Nothing was moved. Look at both, then say that the branch is "
            "right with --accept-rewritten"
        )

    def _found_again(self, now: Position, entries: Sequence[Entry], head: str) -> str:
        """The id of the last of these entries where an earlier attempt has recorded them, else Conflict."""
        steps = [self._journal.position(commit) for commit in self._newest(now)]
        if len(steps) < LOST_ANSWER_STEPS:
            steps.append(Position())
        place = next((index for index, step in enumerate(steps) if step.entry == head), 0)
        if place:
            last = steps[place].entry
            for number, entry in enumerate(entries, steps[place].sequence + 1):
                last = codec.chained(entry, number, last)[0].id
            if last == steps[place - 1].entry:
                return last
        raise Conflict(f"the journal moved on: {self._who_was_first(now)}")

    def _newest(self, now: Position) -> list[str]:
        return self._repository.chain(now.commit, limit=LOST_ANSWER_STEPS) if now.commit else []

    def _who_was_first(self, now: Position) -> str:
        if not now.commit:
            return "it is empty now"
        (step,) = self._repository.commits([now.commit])
        subject = step.message.split("\n", 1)[0]
        return f"{one_line(step.author.name, 100)} was first ({one_line(subject, 200)})"


def _commit_versions(record: Rollout) -> Iterator[str]:
    """The versions named by a commit that a record needs, to be watched, put back or healed."""
    for release in (*record.in_force.values(), *(one for past in record.proven.values() for one in past)):
        if layout.is_commit(release.version):
            yield release.version
    for progress in record.environments.values():
        for target in (progress.target, progress.previous):
            if target is not None and layout.is_commit(target.version):
                yield target.version


def _full_ref(branch: str, repository: GitRepository) -> str:
    if not branch:
        raise UsageError(f"no branch is checked out in {repository.path}: name one with --branch")
    return branch if branch.startswith("refs/") else f"refs/heads/{branch}"
