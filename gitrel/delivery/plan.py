"""One release on one cluster, planned as data: what is created, configured, left alone, deleted or skipped.

The whole queue is planned first and run second. A plan never deletes what is not gitrel's (`prune.py`),
and never more at once than is allowed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gitrel.backends.backend import Refused
from gitrel.delivery.diff import Pair, differs
from gitrel.delivery.fields import holds
from gitrel.delivery.inventory import Inventory
from gitrel.delivery.labels import is_owned, is_terminating, owner_of, with_ownership, without_ownership
from gitrel.delivery.prune import Leaver, deletion, leavers, too_many
from gitrel.errors import GitrelError
from gitrel.kube.identity import Object, Ref, ref_of
from gitrel.kube.masking import Masker
from gitrel.render.manifest import Rendered

Word = Literal["created", "configured", "unchanged", "deleted", "skipped"]
"""The five words for a change (fluxcd/pkg `ssa/changeset.go`)."""

_CONFLICT = re.compile(r'conflicts? with "([^"]+)"')
_FIELD = re.compile(r"(?:^|[\s-])(\.[A-Za-z][^\s,;]*)")


class PlanRefused(GitrelError):
    """The plan must not be carried out; the message gives every reason."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One object. `object` is what to apply, or the live object to delete; `before` and `after` are the
    two sides for a diff. `reason` says why something is skipped or adopted."""

    ref: Ref
    word: Word
    object: Mapping[str, Any]
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.ref} {self.word}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that somebody else manages. It is never taken over silently."""

    ref: Ref
    manager: str
    field: str

    def __str__(self) -> str:
        return f"{self.ref}: {self.field or 'a field'} is managed by {self.manager}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Entries in the order in which to act: applies, then deletions backwards.

    `objections` are reasons not to start at all; `check` raises them.
    """

    entries: tuple[Entry, ...]
    conflicts: tuple[Conflict, ...] = ()
    objections: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Objects per word, zeros left out."""
        return dict(Counter(entry.word for entry in self.entries))

    @property
    def changes(self) -> bool:
        return any(entry.word in ("created", "configured", "deleted") for entry in self.entries)

    @property
    def to_apply(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.word in ("created", "configured"))

    @property
    def to_delete(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.word == "deleted")

    @property
    def deletions(self) -> tuple[str, ...]:
        """Every object that is to be deleted, by name, in the order in which they go."""
        return tuple(str(entry.ref) for entry in self.to_delete)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """(before, after) of everything that changes, for `diff` and `classify`."""
        return tuple((e.before, e.after) for e in self.entries if e.word not in ("unchanged", "skipped"))

    def check(self) -> None:
        """Raises PlanRefused with every objection and conflict."""
        if reasons := (*self.objections, *map(str, self.conflicts)):
            raise PlanRefused("\n".join(reasons))


def desired_objects(rendered: Rendered, inventory: Inventory) -> tuple[Object, ...]:
    """The release as it is applied, with ownership labels, in apply order."""
    return tuple(
        with_ownership(manifest.object, rendered.component, rendered.environment, inventory.set_id)
        for manifest in rendered.manifests
    )


def plan(
    rendered: Rendered,
    inventory: Inventory,
    live: Mapping[Ref, Object],
    dry_run: Mapping[Ref, Object | Refused],
    *,
    prune_limit: int | str,
    prune_kinds: Collection[str] = (),
) -> Plan:
    """What applying `rendered` would do.

    `live` holds the objects of the release and of the inventory that exist; `dry_run` what the server
    answered to a dry run of each desired object (an object that is missing from it is compared field by
    field instead). `prune_limit` is a count, or a percentage of the inventory, rounded down, at least 1;
    `prune_kinds` are the protected kinds that may be deleted.
    """
    desired = desired_objects(rendered, inventory)
    wanted = frozenset(map(ref_of, desired))
    masker = Masker([*desired, *live.values()])
    applied = [_applied(obj, live.get(ref_of(obj)), dry_run.get(ref_of(obj)), rendered) for obj in desired]
    pruned = [_pruned(leaver) for leaver in leavers(inventory, wanted, live, prune_kinds)]
    objections = [*_foreign(applied, rendered), *_refusals(dry_run, masker)]
    deleted = [entry.ref for entry in pruned if entry.word == "deleted"]
    objections += too_many(deleted, len(inventory.objects), prune_limit)
    conflicts = tuple(
        conflict
        for ref, answer in sorted(dry_run.items())
        if isinstance(answer, Refused) and answer.reason == "Conflict"
        for conflict in conflicts_in(ref, answer)
    )
    return Plan((*applied, *pruned), conflicts, tuple(objections))


def _applied(
    obj: Object, before: Object | None, answer: Object | Refused | None, rendered: Rendered
) -> Entry:
    after: Mapping[str, Any] = obj if answer is None or isinstance(answer, Refused) else answer
    ref = ref_of(obj)
    if before is None:
        return Entry(ref, "created", obj, None, after)
    if is_terminating(before):
        return Entry(ref, "skipped", obj, before, after, deletion(before))
    same = holds(obj, before) if after is obj else not differs(before, after)
    if same:
        return Entry(ref, "unchanged", obj, before, after)
    adopted = not is_owned(before, rendered.component, rendered.environment)
    return Entry(ref, "configured", obj, before, after, "adopted" if adopted else "")


def _pruned(leaver: Leaver) -> Entry:
    """The entry of an object that left the release. One that is let go is applied once more, without our
    labels, and forgotten."""
    ref, live = leaver.ref, leaver.live
    if leaver.fate == "deleted":
        return Entry(ref, "deleted", live, live, None)
    if leaver.released is not None:
        return Entry(ref, "configured", leaver.released, live, without_ownership(live), leaver.reason)
    return Entry(ref, "skipped", live, live, None, leaver.reason)


def _foreign(entries: Iterable[Entry], rendered: Rendered) -> Iterator[str]:
    """Objects that another component, or this one in another environment, has put there."""
    for entry in entries:
        owner = owner_of(entry.before) if entry.before is not None else None
        if owner and owner != (rendered.component, rendered.environment):
            yield f"{entry.ref} belongs to {owner[0]} in {owner[1]}: rename it, or remove it there first"


def _refusals(dry_run: Mapping[Ref, Object | Refused], masker: Masker) -> Iterator[str]:
    """The server's own words where it would refuse, without secrets. Conflicts are told by field."""
    for _, answer in sorted(dry_run.items()):
        if isinstance(answer, Refused) and answer.reason != "Conflict":
            yield masker.text(str(answer))


def conflicts_in(ref: Ref, refused: Refused) -> Iterator[Conflict]:
    """Manager and field of each conflict that the server's message names (apimachinery
    `managedfields/internal/conflict.go`): `conflict with "kubectl" using apps/v1: .spec.replicas`."""
    text = str(refused)
    starts = list(_CONFLICT.finditer(text))
    if not starts:
        yield Conflict(ref, "another manager", "")
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        part = text[start.end() : following.start() if following else None]
        fields = [match[1].lstrip(".") for match in _FIELD.finditer(part)]
        for field in fields or [""]:
            yield Conflict(ref, start[1], field)
