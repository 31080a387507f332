"""One Git repository, read through its objects and changed through its refs; never a checkout.

Reading and building commits touch neither index nor work tree. What is durable happens in few named steps
(`objects`, `update-refs`, `push`, `work-tree`): `durable` is told before and after each, which is where a
test pulls the plug.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gitrel.errors import Conflict, UsageError
from gitrel.repo.edit import FileChange
from gitrel.repo.git import remote, trees
from gitrel.repo.git.access import Access
from gitrel.repo.git.failures import Locked, RepositoryDamaged, failure
from gitrel.repo.git.objects import (
    Commit,
    Person,
    TreeEdit,
    TreeEntry,
    format_commit,
    format_tag,
    parse_commit,
    with_signature,
)
from gitrel.repo.git.process import Git
from gitrel.repo.git.remotes import Mend, Remotes, mending
from gitrel.repo.git.revisions import SHA, checked_ref, checked_revision
from gitrel.repo.git.store import ObjectReader, ObjectWriter
from gitrel.repo.git.worktree import WorkTree, work_trees
from gitrel.repo.source import LIMITS, Limits
from gitrel.repo.tree import RawTree

LOCAL_TIMEOUT_SECONDS = 60.0
REMOTE_TIMEOUT_SECONDS = 120.0
_ABBREVIATED = re.compile(r"[0-9a-f]{7,40}\Z")
LOOSE_OBJECTS_MAX = 5000
"""A save leaves about ten; Git's own threshold is 6,700."""
ABSENT = "0" * 40
"""How Git writes `no such ref` in a transaction; gitrel writes it as an empty string."""

PACKS_MAX = 40
"""A fetch of more than a hundred objects leaves one; every look-up asks them all."""

Durable = Callable[[str], None]
Sign = Callable[[bytes], bytes]
"""From the bytes of a commit to the signature that belongs into it."""


@dataclass(frozen=True, slots=True)
class Head:
    """`ref` is the branch that is checked out, empty where HEAD is detached. `commit` is a full SHA."""

    ref: str
    commit: str


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """Move `ref` from `old` to `new`, full SHAs; empty means that the ref does not exist."""

    ref: str
    new: str
    old: str


def _unwatched(step: str) -> None:
    """Nobody asked to be told about durable steps."""


class GitRepository(Remotes):
    """A work tree or a bare repository. Use it as a context manager, or `close` it.

    `access` is how remotes are reached, `sign` what commits are signed with, and `mend` where a whole copy
    comes from when this one is damaged (None: from nowhere).

    Raises, here and everywhere: UsageError for what is asked wrongly, RepositoryDamaged for broken objects,
    Locked where another process holds a lock, Unreachable and Conflict for remotes and refs.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        durable: Durable = _unwatched,
        timeout_seconds: float = LOCAL_TIMEOUT_SECONDS,
        remote_timeout_seconds: float = REMOTE_TIMEOUT_SECONDS,
        limits: Limits = LIMITS,
        access: Access | None = None,
        sign: Sign | None = None,
        mend: Mend | None = None,
    ) -> None:
        self.durable = durable
        self.mend = mend
        self.sign = sign
        self._timeout_seconds = timeout_seconds
        self._remote_timeout_seconds = remote_timeout_seconds
        self._limits = limits
        self._access = access or Access()
        self._reader: ObjectReader | None = None
        self.open(Path(path).absolute())

    def open(self, path: Path) -> None:
        """Reads and writes at `path` from now on."""
        self.close()
        self.path = path
        facts = Git(path, timeout_seconds=self._timeout_seconds)
        self.git_dir, self.common_dir, self.bare, self.shallow = _facts(facts)
        # Commands run from the Git directory: nothing of a work tree is near them.
        self.git = Git(self.git_dir, timeout_seconds=self._timeout_seconds)
        self._remote_gits: dict[str, Git] = {}
        self._reader = ObjectReader(self.git)
        self._writer = ObjectWriter(self.common_dir / "objects")
        self._trees = trees.TreeReader(self._reader, path, self._limits)

    def __enter__(self) -> GitRepository:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the processes that were kept for reading. The repository can be used again afterwards."""
        if self._reader:
            self._reader.close()

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────

    def head(self) -> Head:
        """What is checked out, or a bare repository's default branch."""
        ref = self.head_ref()
        commit = self.commit_at(ref or "HEAD")
        if not commit:
            branch = f" on {ref.removeprefix('refs/heads/')}" if ref else ""
            raise UsageError(f"no commit yet in {self.path}{branch}: make the first one")
        return Head(ref, commit)

    def head_ref(self) -> str:
        """The full ref that HEAD stands for, whether there is a commit yet or not; empty where detached."""
        text = (self.git_dir / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
        ref = text.removeprefix("ref: ") if text.startswith("ref: ") else ""
        if ref.endswith("/.invalid"):  # the reftable format keeps HEAD elsewhere
            ref = self.git.attempt("symbolic-ref", "-q", "HEAD").out.decode("utf-8", "replace").strip()
        return ref

    def identity(self) -> str:
        """Who the caller is, as `Name <email>`: Git's own variables, then its settings, then gitrel."""
        settings = self.git.attempt("config", "--null", "--get-regexp", r"^user\.(name|email)$").out
        found = dict(
            row.split("\n", 1) for row in settings.decode("utf-8", "replace").split("\0") if "\n" in row
        )
        name = os.environ.get("GIT_AUTHOR_NAME") or found.get("user.name") or "gitrel"
        email = os.environ.get("GIT_AUTHOR_EMAIL") or found.get("user.email") or "gitrel@localhost"
        return f"{name} <{email}>"

    def resolve(self, revision: str) -> str:
        """The full SHA of one commit, branch or tag, with `~N` or `^N` behind it if wanted.

        A name that means two different commits is refused; a full ref says which one is meant.
        """
        name, suffix = checked_revision(revision)
        whole = name == "HEAD" or name.startswith("refs/") or SHA.match(name)
        places = [name] if whole else [f"refs/{kind}/{name}" for kind in ("heads", "tags", "remotes")]
        found = self._commits([f"{place}{suffix}" for place in places])
        meant = {place: commit for place, commit in zip(places, found, strict=True) if commit}
        if not meant and not whole and _ABBREVIATED.match(name):
            (commit,) = self._commits([f"{name}{suffix}"])
            meant = {name: commit} if commit else {}
        if len(set(meant.values())) > 1:
            raise UsageError(f"{name!r} is ambiguous: write {' or '.join(meant)}")
        if not meant:
            todo = ": fetch it first" if self.shallow else ""
            raise UsageError(f"{revision!r} names no commit in {self.path}{todo}")
        return next(iter(meant.values()))

    def commit_at(self, ref: str) -> str:
        """The commit that a full ref (or HEAD) is at now, empty where there is none."""
        return self._commits([ref if ref == "HEAD" else checked_ref(ref)])[0]

    def ref_at(self, ref: str) -> str:
        """The object that a full ref names, which for an annotated tag is the tag; empty where none."""
        assert self._reader
        return next((found.id if found else "" for found in self._reader.check([checked_ref(ref)])), "")

    def has(self, commit: str) -> bool:
        """Whether this commit, a full SHA, is here."""
        return bool(self._commits([_sha(commit)])[0])

    @mending
    def _commits(self, names: Sequence[str]) -> list[str]:
        assert self._reader
        return [
            found.id if found else ""
            for found in self._reader.check([f"{name}^{{commit}}" for name in names])
        ]

    @mending
    def read_commit(self, commit: str) -> RawTree:
        """Everything under `apps/` and `environments/` at a commit; links as Git records them."""
        return self._trees.raw_tree(commit)

    @mending
    def read_folders(self, commit: str, folders: Sequence[str]) -> RawTree:
        """As `read_commit`, only these folders of it."""
        return self._trees.part(commit, folders)

    def tags(self, under: str = "refs/tags/") -> dict[str, str]:
        """Every tag as full ref → the object that it names; with `under`, refs that begin so instead."""
        checked_ref(f"{under}x")
        out = self.git.run("for-each-ref", "--format=%(objectname) %(refname)", under)
        rows = (line.split(" ", 1) for line in out.decode("utf-8", "replace").splitlines())
        return {ref: found for found, ref in rows}

    def commits_of(self, ids: Sequence[str]) -> list[str]:
        """The commits that these objects (commits, or tags of them) stand for; empty for anything else."""
        return self._commits([_sha(one) for one in ids])

    def commit_named(self, abbreviated: str) -> str:
        """The one commit whose id begins so, empty where none or several do."""
        return self._commits([abbreviated])[0] if _ABBREVIATED.match(abbreviated) else ""

    @mending
    def entry(self, commit: str, path: str) -> TreeEntry | None:
        """What stands at one path of a commit: mode and object id; a folder is an entry too."""
        return self._trees.entry(commit, path)

    @mending
    def folder(self, commit: str, path: str) -> tuple[TreeEntry, ...]:
        """What stands directly inside one folder of a commit ("": the root); empty where there is none."""
        return self._trees.folder(commit, path)

    @mending
    def blobs(self, ids: Sequence[str]) -> list[bytes]:
        """The contents of these blobs, in order. Raises RepositoryDamaged for one that is missing."""
        return [found.data for found in self._trees.read_all(ids)]

    @mending
    def commits(self, ids: Sequence[str]) -> list[Commit]:
        """These commits, in order."""
        found = self._trees.read_all(ids)
        try:
            return [parse_commit(one.id, one.data) for one in found]
        except ValueError as error:
            raise RepositoryDamaged(self.path, str(error)) from None

    def log(self, revision: str, *, limit: int = 0, path: str = "") -> list[Commit]:
        """Newest first: the commits that `revision` contains, at most `limit`, touching `path` if given."""
        return self.commits(self.chain(self.resolve(revision), limit=limit, path=path))

    @mending
    def chain(
        self, tip: str, *, without: str = "", limit: int = 0, path: str | Sequence[str] = ""
    ) -> list[str]:
        """Newest first: the ids of the commits that `tip` contains and `without` does not."""
        options = [f"--max-count={limit}"] if limit else []
        wanted = [_sha(tip), *([f"^{_sha(without)}"] if without else [])]
        paths = [path] if isinstance(path, str) and path else path
        out = self.git.run("rev-list", *options, "--end-of-options", *wanted, "--", *paths)
        return out.decode("ascii").split()

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` contains `older`. A commit that is not here is nobody's ancestor."""
        if older == newer:
            return True
        finished = self.git.attempt("merge-base", "--is-ancestor", _sha(older), _sha(newer))
        return finished.code == 0

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────

    def commit_tree(
        self, parent: str, changes: Iterable[FileChange], *, message: str, author: str, at: datetime
    ) -> str:
        """A new commit on `parent` (empty: a root) with `changes` in it; no ref names it yet.

        The same arguments always give the same id, unless signatures differ. `author` is `Name <email>`.
        """
        base = self.commits([parent])[0].tree if parent else ""
        edit = TreeEdit(self._trees.tree, base)
        for change in changes:
            edit.apply(change)
        tree = edit.write(self._writer.store)
        data = format_commit(tree, [parent] if parent else [], Person.parse(author), at, message)
        if self.sign:
            data = with_signature(data, self.sign(data))
        return self._writer.store("commit", data)

    def tag_object(self, commit: str, name: str, *, message: str, author: str, at: datetime) -> str:
        """A new annotated tag at `commit`, signed as commits are; no ref names it yet."""
        data = format_tag(commit, name, Person.parse(author), at, message)
        if self.sign:
            data += self.sign(data)
        return self._writer.store("tag", data)

    def sync_objects(self) -> None:
        """Makes every object durable that was written so far. `update_refs` and `push` do it first."""
        self.durable("objects:before")
        self._writer.sync()
        self.durable("objects:after")

    def update_refs(self, updates: Sequence[RefUpdate]) -> None:
        """Moves all of these refs or none. Raises Conflict where one is not at its `old` any more."""
        self.sync_objects()
        self.durable("update-refs:before")
        lines = [f"update {checked_ref(u.ref)}\0{u.new or ABSENT}\0{u.old or ABSENT}\0" for u in updates]
        script = "".join(["start\0", *lines, "prepare\0", "commit\0"]).encode()
        finished = self.git.attempt("update-ref", "-z", "--stdin", stdin=script)
        if finished.code != 0:
            raise self._refused(updates, finished.err)
        self.durable("update-refs:after")

    def _refused(self, updates: Sequence[RefUpdate], err: str) -> Exception:
        """Another writer between two steps shows as a wrong old value or, in the very instant, as a lock."""
        for update in updates:
            now = self.ref_at(update.ref)
            if now != update.old:
                return Conflict(
                    f"{update.ref} is at {now[:12] or 'nothing'} now, not at {update.old[:12] or 'nothing'}"
                )
        error = failure("update-ref", err, self.path)
        if isinstance(error, Locked) and not os.path.lexists(error.path):
            return Conflict(f"another process was moving {', '.join(u.ref for u in updates)}")
        return error

    def maintain(self, *, loose_objects_max: int = LOOSE_OBJECTS_MAX) -> bool:
        """Packs objects where more than this many loose ones, or too many packs, have piled up.

        Takes seconds, so for quiet moments. Deletes nothing that is unreachable: that is the owner's to
        decide. Gives whether there was work.
        """
        lines = self.git.run("count-objects", "-v").decode().splitlines()
        counted = dict(line.split(": ", 1) for line in lines)
        due = int(counted["count"]) > loose_objects_max or int(counted["packs"]) > PACKS_MAX
        if due:
            self.git.run("gc", "--quiet", "--no-prune")
        return due

    # ── Remotes ─────────────────────────────────────────────────────────────────────────────────────────

    def push(self, name: str, updates: Sequence[RefUpdate]) -> None:
        """Moves all of these refs on the remote or none, each only from its `old`.

        Raises Conflict where one has moved; Unreachable where no answer came, which leaves open whether
        the push happened: look, before doing it again.
        """
        self.sync_objects()
        self.durable("push:before")
        remote.push(self._toward(name), name, updates)
        self.durable("push:after")

    # ── Work trees ──────────────────────────────────────────────────────────────────────────────────────

    def checked_out(self, ref: str) -> tuple[WorkTree, ...]:
        """The work trees of this repository in which `ref` is checked out."""
        return tuple(tree for tree in work_trees(self) if tree.ref == ref)


def _facts(git: Git) -> tuple[Path, Path, bool, bool]:
    """Git directory, common directory, whether it is bare, whether its history is cut off."""
    asked = ("--git-dir", "--git-common-dir", "--is-bare-repository", "--is-shallow-repository")
    out = git.run("rev-parse", "--path-format=absolute", *asked, "--show-object-format")
    git_dir, common, bare, shallow, objects = os.fsdecode(out).rstrip("\n").split("\n")
    if objects != "sha1":
        raise UsageError(
            f"{git.folder} names its objects by {objects}: gitrel reads repositories with sha1 names"
        )
    return Path(git_dir), Path(common), bare == "true", shallow == "true"


def _sha(text: str) -> str:
    if not SHA.match(text):
        raise UsageError(f"{text[:80]!r} is not the full SHA of a commit")
    return text
