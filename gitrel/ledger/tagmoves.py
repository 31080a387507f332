"""A pointer move where versions are tags: the environment's tag is put at the version's commit.

The tag is a new annotated one each time, with the message that a link's commit has, so `git show` tells who
moved it, when and why. It moves in the same step as the journal, bound to what it was when it was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gitrel.errors import Conflict, UsageError
from gitrel.ledger.ledger import Entry
from gitrel.repo import layout
from gitrel.repo.git import GitRepository, RefUpdate
from gitrel.repo.git.tags import TagReader
from gitrel.repo.tagged import ComponentTags
from gitrel.rollout.actions import MovePointer


def move_tag(
    repository: GitRepository,
    prefix: str,
    entry: Entry,
    move: MovePointer,
    refs: Mapping[str, str],
    message: str,
) -> Iterator[RefUpdate]:
    """The tag's move, or none where it is there already; no ref is moved.

    Raises Conflict where the pointer is not what was decided on, UsageError for a version without a tag.
    """
    component, version = entry.component, move.version
    tags = TagReader(repository).read({component: prefix}, refs, {component: [version]})[component]
    there = tags.pointers.get(move.environment)
    now = tags.named(there.commit) if there else ""
    commit = tags.commit_of(version)
    if not commit:
        raise UsageError(f"{component} has no version {version!r}: no tag {prefix}{version} is there")
    if there and there.commit == commit:
        return
    _check_as_read(entry, move.environment, now, tags)
    ref = layout.stage_tag(prefix, move.environment)
    name = ref.removeprefix("refs/tags/")
    made = repository.tag_object(commit, name, message=message, author=entry.actor, at=entry.at)
    yield RefUpdate(ref, made, refs.get(ref, ""))


def _check_as_read(entry: Entry, environment: str, now: str, tags: ComponentTags) -> None:
    seen = (entry.inputs.get("seen") or {}).get(environment) or {}
    pointer = seen.get("pointer") or {}
    read = pointer.get("version", "") if isinstance(pointer, Mapping) else ""
    if read and tags.commit_of(read) != tags.commit_of(now):
        raise Conflict(
            f"{entry.component} in {environment} was moved from {read} to {now or 'nothing'} after it was "
            "read: decide again"
        )
