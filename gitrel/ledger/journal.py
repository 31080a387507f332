"""The journal as a chain of commits: what one step looks like, how it is read, how it is proved whole.

One save is one commit. Its tree holds everything that a reader of the newest commit alone needs:

    journal.json                     where the chain stands: last entry, its number, the branch and its tip
    entries/00000042-frontend.json   the entries of this step
    state/frontend.json              the newest record of each component
    specs/sha256-….json              each schedule that was ever in force, once

`git log refs/gitrel/journal` reads as a diary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitrel.errors import UsageError
from gitrel.ledger import codec
from gitrel.ledger.codec import JournalDamaged
from gitrel.ledger.ledger import Entry
from gitrel.repo import layout
from gitrel.repo.edit import Delete, FileChange, PutFile, commit_message
from gitrel.repo.git import GitRepository
from gitrel.rollout.state import Rollout

POSITION = "journal.json"
_BEFORE_FIRST = (0, "")
"""What the first entry follows: number 0, no id."""
CHUNK = 200
"""Steps of history that are read together."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the chain stands at one commit (empty: before the first). `tip` is the branch's last known."""

    commit: str = ""
    entry: str = ""
    sequence: int = 0
    branch: str = ""
    tip: str = ""


class Journal:
    """Reads and extends the chain in one repository; moves no ref."""

    def __init__(self, repository: GitRepository, name: str) -> None:
        self._repository = repository
        self._name = name
        self._records: dict[str, tuple[str, Rollout]] = {}
        """Component → (blob, record) as read last: what did not change is not parsed again."""

    def position(self, commit: str) -> Position:
        """Raises JournalDamaged where the commit is no step of a journal."""
        if not commit:
            return Position()
        entry = self._repository.entry(commit, POSITION)
        if entry is None:
            raise JournalDamaged(self._name, f"commit {commit[:12]} has no {POSITION}")
        document = codec.load(self._repository.blobs([entry.id])[0], f"{self._name}:{POSITION}")
        wanted = {"format": int, "entry": str, "sequence": int, "branch": str, "tip": str}
        if {name: type(value) for name, value in document.items()} != wanted:
            raise JournalDamaged(f"{self._name}:{POSITION}", "it has other fields than it should")
        del document["format"]
        return Position(commit, **document)

    def records(self, commit: str) -> dict[str, Rollout]:
        """The newest record of each component."""
        if not commit:
            return {}
        names = {
            entry.name.decode("utf-8", "replace").removesuffix(".json"): entry.id
            for entry in self._repository.folder(commit, "state")
        }
        known = {name: held for name, held in self._records.items() if names.get(name) == held[0]}
        missing = [name for name in names if name not in known]
        for name, data in zip(missing, self._repository.blobs([names[n] for n in missing]), strict=True):
            place = f"{self._name}:state/{name}.json"
            known[name] = names[name], codec.decode_record(data, place)
        self._records = known
        return {name: known[name][1] for name in sorted(known)}

    def append(self, after: Position, entries: Sequence[Entry], branch: str, tip: str) -> Position:
        """A new step on top of `after`, as a commit that no ref names yet."""
        changes: list[FileChange] = [Delete("entries")]
        sequence, previous = after.sequence, after.entry
        for entry in entries:
            if not layout.is_name(entry.component):
                raise UsageError(f"{entry.component[:80]!r} cannot be the name of a component")
            placed, data = codec.chained(entry, sequence + 1, previous)
            sequence, previous = placed.sequence, placed.id
            changes.append(PutFile(f"entries/{sequence:08d}-{entry.component}.json", data))
            state = codec.encode_record(entry.after, placed.id)
            changes.append(PutFile(f"state/{entry.component}.json", state))
            if entry.spec:
                changes.append(
                    PutFile(_spec_path(entry.spec), codec.dump({"format": 1, "spec": entry.spec_json}))
                )
        facts = {"entry": previous, "sequence": sequence, "branch": branch, "tip": tip}
        changes.append(PutFile(POSITION, codec.dump({"format": codec.FORMAT, **facts})))
        last = entries[-1]
        message = _message(entries, previous)
        commit = self._repository.commit_tree(
            after.commit, changes, message=message, author=last.actor, at=last.at
        )
        return Position(commit, previous, sequence, branch, tip)

    # ── History ─────────────────────────────────────────────────────────────────────────────────────────

    def history(self, commit: str, component: str | None) -> Iterator[Entry]:
        """Every entry up to this step, oldest first, with the chain proved link by link.

        Raises JournalDamaged at the first entry that is not where it belongs.
        """
        steps = list(reversed(self._repository.chain(commit))) if commit else []
        before = _BEFORE_FIRST
        parent = ""
        specs: dict[str, Mapping[str, Any]] = {}
        newest: dict[str, Rollout] = {}
        for start in range(0, len(steps), CHUNK):
            for step in self._repository.commits(steps[start : start + CHUNK]):
                if step.parents != ((parent,) if parent else ()):
                    raise JournalDamaged(self._name, f"commit {step.id[:12]} does not follow {parent[:12]}")
                parent = step.id
                for entry in self._entries(step.id, specs):
                    self._check_follows(entry, before)
                    before = entry.sequence, entry.id
                    newest[entry.component] = entry.after
                    if component in (None, entry.component):
                        yield entry
        self._check_summary(commit, before, newest)

    def _entries(self, commit: str, specs: dict[str, Mapping[str, Any]]) -> list[Entry]:
        files = self._repository.folder(commit, "entries")
        found = []
        for file, data in zip(files, self._repository.blobs([f.id for f in files]), strict=True):
            place = f"{self._name}:entries/{file.name.decode('utf-8', 'replace')}"
            digest = str(codec.load(data, place).get("spec", ""))
            if digest not in specs:
                specs[digest] = self._spec(commit, digest, place)
            found.append(codec.decode(data, specs[digest], place))
        return found

    def _spec(self, commit: str, digest: str, place: str) -> Mapping[str, Any]:
        if not digest:
            return {}
        file = self._repository.entry(commit, _spec_path(digest))
        if file is None:
            raise JournalDamaged(place, "the schedule that was in force is missing")
        document = codec.load(self._repository.blobs([file.id])[0], place).get("spec")
        return document if isinstance(document, dict) else {}

    def _check_follows(self, entry: Entry, before: tuple[int, str]) -> None:
        if (entry.sequence - 1, entry.previous) != before:
            what = f"entry {entry.sequence} does not follow entry {before[0]}"
            raise JournalDamaged(f"{self._name}:entries/{entry.sequence:08d}-{entry.component}.json", what)

    def _check_summary(self, commit: str, last: tuple[int, str], newest: Mapping[str, Rollout]) -> None:
        """What a reader of the newest step alone believes must be what the entries say."""
        position = self.position(commit)
        if (position.sequence, position.entry) != last:
            raise JournalDamaged(f"{self._name}:{POSITION}", f"entry {last[0]} is not the one it names")
        records = self.records(commit)
        if wrong := sorted(name for name in {*records, *newest} if records.get(name) != newest.get(name)):
            raise JournalDamaged(f"{self._name}:state/{wrong[0]}.json", "its last entry says otherwise")


def _spec_path(digest: str) -> str:
    return f"specs/{digest.replace(':', '-')}.json"


def _message(entries: Sequence[Entry], last_id: str) -> str:
    """A sentence for people; the files hold what programs read."""
    said = [f"{entry.component}: {entry.because}" for entry in entries]
    names = list(dict.fromkeys(entry.component for entry in entries))
    subject = said[0] if len(said) == 1 else f"{len(said)} steps: {', '.join(names)}"
    first = entries[0]
    trailers = {
        "Gitrel-Entry": last_id,
        "Gitrel-Component": first.component if len(names) == 1 else "",
        "Gitrel-Kind": first.kind if len(entries) == 1 else "",
        "Gitrel-Actor": first.actor,
        "Gitrel-Commit": first.commit,
    }
    return commit_message(subject, "; ".join(said), trailers)
