"""Which commits are believed: where signatures are required, every one that changes what gitrel reads.

Required where the pipeline says `signatures: {required: true}`, or where the operator names keys. Checked is
every commit since the last accepted one (the journal says which that was) in which `apps/` or `environments/`
is other than in one of its parents, merges included; and the newest step of the journal, whose parents its
own signature covers. Where nothing was accepted yet, the newest commit that changed them vouches for all.

Whose signatures count: the operator's keys, where there are some, and then nobody's else. Otherwise those in
the repository at the last accepted commit, so that a commit that adds a signer, or that no longer requires
signatures, has to be signed by one who was there before. Such keys protect from mistakes and from those who
may push to the branch; whoever may write to `refs/gitrel/journal` too can say what was accepted, and against
those only the operator's keys help.

Tags that something rests on are checked one by one, whatever was accepted: no history says what came before
a tag, so each has to carry a signature of its own, made for its own name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitrel.errors import InvalidRepository, Problem, UsageError
from gitrel.ledger.journal import Position
from gitrel.repo import layout
from gitrel.repo.git import GitRepository
from gitrel.repo.git.signatures import Keys, Verifier
from gitrel.repo.schema import PipelineDocument
from gitrel.repo.schema_read import read
from gitrel.repo.tagged import Tag
from gitrel.repo.tree import ROOTS


@dataclass(frozen=True, slots=True)
class Policy:
    """What one commit says about signatures."""

    required: bool
    keys: Keys


class Trust:
    """Checks commits of one repository. `accept_unsigned` is a person's word for what stands there now."""

    def __init__(
        self, repository: GitRepository, keys: Keys | None = None, *, accept_unsigned: bool = False
    ) -> None:
        self._repository = repository
        self._keys = keys
        self._accept_unsigned = accept_unsigned
        self._policies: dict[str, Policy] = {}
        self._verifiers: dict[Keys, Verifier] = {}
        self._good: set[tuple[Keys, str]] = set()
        self._of_tags: dict[tuple[Keys, str, str], str] = {}

    def close(self) -> None:
        while self._verifiers:
            self._verifiers.popitem()[1].close()

    def check(self, position: Position, tip: str) -> None:
        """Raises InvalidRepository naming each commit up to `tip` that must not be acted upon.

        `position` is where the journal stands: its own newest step is checked too.
        """
        if self._accept_unsigned or not tip:
            return
        accepted = self._accepted(position)
        keys = self._keys_in_force(accepted, tip)
        if keys is None:
            return
        faults = list(self._faults(keys, self._to_check(accepted, tip)))
        if position.commit and (self._keys or self._policy(accepted).required):
            faults += self._faults(keys, [position.commit], "the newest step of the journal")
        if faults:
            raise InvalidRepository(faults)

    def check_own(self, position: Position, tip: str, made: Iterable[str]) -> None:
        """The same for commits that gitrel has made and nobody has seen yet."""
        accepted = self._accepted(position)
        keys = self._keys_in_force(accepted, tip)
        if keys is None:
            return
        if self._repository.sign is None:
            what = "signatures are required here, of gitrel's own commits too"
            raise UsageError(f"{what}: give it an SSH key with --signing-key")
        if faults := list(self._faults(keys, made, "gitrel's own commit")):
            raise InvalidRepository(faults)

    def doubted(self, position: Position, tip: str, tags: Iterable[Tag]) -> dict[str, str]:
        """Full ref → what is wrong with that tag; those with which nothing is are left out."""
        if self._accept_unsigned or not tip:
            return {}
        keys = self._keys_in_force(self._accepted(position), tip)
        if keys is None:
            return {}
        return {tag.ref: fault for tag in tags if (fault := self._fault_of_tag(keys, tag))}

    def check_others(self, position: Position, tip: str, commits: Iterable[str]) -> None:
        """Raises InvalidRepository for commits beside the branch that are to be built upon."""
        keys = self._keys_in_force(self._accepted(position), tip)
        if keys is not None and not self._accept_unsigned and (faults := list(self._faults(keys, commits))):
            raise InvalidRepository(faults)

    def requires(self, position: Position, tip: str) -> bool:
        """Whether anything is to be signed here at all."""
        return not self._accept_unsigned and self._keys_in_force(self._accepted(position), tip) is not None

    def _accepted(self, position: Position) -> str:
        return position.tip if position.tip and self._repository.has(position.tip) else ""

    def _fault_of_tag(self, keys: Keys, tag: Tag) -> str:
        if tag.id == tag.commit:
            return "it is a lightweight tag, which carries no signature"
        key = keys, tag.ref, tag.id
        if key not in self._of_tags:
            (data,) = self._repository.blobs([tag.id])
            name = tag.ref.removeprefix("refs/tags/")
            self._of_tags[key] = self._verifier(keys).fault_of_tag(data, name)
        return self._of_tags[key]

    def _verifier(self, keys: Keys) -> Verifier:
        if keys not in self._verifiers:
            self._verifiers[keys] = Verifier(keys)
        return self._verifiers[keys]

    def _keys_in_force(self, accepted: str, tip: str) -> Keys | None:
        """None where no signature is required."""
        if self._keys is not None:
            return self._keys
        if accepted and self._policy(accepted).required:
            return self._policy(accepted).keys
        return self._policy(tip).keys if tip and self._policy(tip).required else None

    def _to_check(self, accepted: str, tip: str) -> list[str]:
        if not accepted:
            return self._repository.chain(tip, limit=1, path=list(ROOTS))
        commits = self._repository.commits(self._repository.chain(tip, without=accepted))
        return [one.id for one in commits if self._changes_anything(one.id, one.parents)]

    def _changes_anything(self, commit: str, parents: tuple[str, ...]) -> bool:
        """Whether what gitrel reads differs from that of any parent: a merge may bring an old state back."""
        mine = self._read_part(commit)
        return any(self._read_part(parent) != mine for parent in parents) if parents else True

    def _read_part(self, commit: str) -> tuple[str, ...]:
        entries = (self._repository.entry(commit, root) for root in ROOTS)
        return tuple(entry.id if entry else "" for entry in entries)

    def _faults(self, keys: Keys, commits: Iterable[str], what: str = "commit") -> Iterable[Problem]:
        for commit in commits:
            if (keys, commit) in self._good:
                continue
            (data,) = self._repository.blobs([commit])
            fault = self._verifier(keys).fault_of_commit(data)
            if fault:
                todo = "sign it (git commit -S), or look at it and accept it once with --accept-unsigned"
                yield Problem(f"{what} {commit[:12]}", 0, 0, fault, todo)
            else:
                self._good.add((keys, commit))

    def _policy(self, commit: str) -> Policy:
        """A commit whose pipeline cannot be read requires nothing by itself; it is refused elsewhere."""
        if commit not in self._policies:
            model = (
                read(PipelineDocument, self._file(commit, layout.PIPELINE_FILE), "").model if commit else None
            )
            keys = Keys(
                f"{layout.ENVIRONMENTS}/ at commit {commit[:12]}",
                self._file(commit, layout.ALLOWED_SIGNERS),
                self._file(commit, layout.GPG_KEYS),
            )
            self._policies[commit] = Policy(bool(model and model.spec.signatures.required), keys)
        return self._policies[commit]

    def _file(self, commit: str, path: str) -> bytes:
        entry = self._repository.entry(commit, path) if commit else None
        is_file = entry is not None and entry.mode in (b"100644", b"100755")
        return self._repository.blobs([entry.id])[0] if entry and is_file else b""
