"""Which tags of a component something rests on by the journal, and which pointer was put back to an old tag.

Pure. A tag has no history: whoever may push, and not sign, can put an old tag of a stage back, signature and
all. So a pointer that is other than the journal knows it must be no older than what was begun there last.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from gitrel.repo.tagged import ComponentTags
from gitrel.rollout.state import ACTIVE, Rollout

CLOCKS_DIFFER = timedelta(minutes=5)
"""By how much the clock of whoever tags may be behind gitrel's."""


def under_way(record: Rollout) -> Iterator[str]:
    """The versions that are on their way somewhere."""
    yield from (one.target.version for one in record.environments.values() if one.phase in ACTIVE)


def needed(record: Rollout | None) -> frozenset[str]:
    """The versions that run by the journal, are on their way, or would be gone back to."""
    if record is None:
        return frozenset()
    before = (one.previous.version for one in record.environments.values() if one.previous is not None)
    in_force = (release.version for release in record.in_force.values())
    return frozenset((*in_force, *before, *under_way(record)))


def put_back(tags: ComponentTags, record: Rollout | None) -> dict[str, str]:
    """Full ref of a pointer → why it is taken for one that somebody has put back."""
    found = {}
    for environment, progress in record.environments.items() if record else ():
        tag = tags.pointers.get(environment)
        if tag is None or progress.started is None or tags.named(tag.commit) == progress.pointer:
            continue
        if tag.at < progress.started - CLOCKS_DIFFER:
            found[tag.ref] = (
                f"it is of {tag.at:%Y-%m-%d %H:%M}, older than what was begun there last "
                f"({progress.target.version}, {progress.started:%Y-%m-%d %H:%M}): an old tag was put back"
            )
    return found
