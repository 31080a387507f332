"""One release on one cluster, planned as data: what is created, configured, left alone, deleted or skipped.

The whole queue is planned first and run second. A plan never deletes what is not gitrel's (`prune.py`),
and never more at once than is allowed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from gitrel.backends.backend import Refused
from gitrel.delivery.conflicts import Conflict, Trial, conflicts_in, is_conflict, policy_for, tried
from gitrel.delivery.fields import holds
from gitrel.delivery.foreign import is_ours, managers, owner_named
from gitrel.delivery.hooks import is_needed, without_hooks
from gitrel.delivery.immutable import refused_changes
from gitrel.delivery.inventory import Inventory
from gitrel.delivery.labels import is_terminating, with_ownership, without_ownership
from gitrel.delivery.migration import taken_over
from gitrel.delivery.prune import Leaver, deletion, leavers, too_many
from gitrel.delivery.wanted import Ignored, as_applied
from gitrel.delivery.written import differs
from gitrel.errors import GitrelError
from gitrel.kube.directives import directives_of
from gitrel.kube.identity import Object, Ref, ref_of
from gitrel.kube.masking import Masker
from gitrel.kube.ordering import stage_of
from gitrel.render.manifest import Rendered

Word = Literal["created", "configured", "recreated", "unchanged", "deleted", "skipped"]
"""The words for a change (after fluxcd/pkg `ssa/changeset.go`); recreated is deleted and made anew."""


class PlanRefused(GitrelError):
    """The plan must not be carried out; the message gives every reason."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One object. `object` is what to apply, or the live object to delete; `before` and `after` are the
    two sides for a diff. `reason` says why something is skipped or adopted, and what becomes of fields that
    others manage; `force` that they are taken, `adopted` that the object was nobody's. `origin` is
    `file:line` of the template, empty for what left the release."""

    ref: Ref
    word: Word
    object: Mapping[str, Any]
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str = ""
    force: bool = False
    origin: str = ""
    adopted: bool = False

    def __str__(self) -> str:
        return f"{self.ref} {self.word}" + (f" ({self.reason})" if self.reason else "")


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
        return any(entry.word not in ("unchanged", "skipped") for entry in self.entries)

    @property
    def to_apply(self) -> tuple[Entry, ...]:
        words = ("created", "configured", "recreated")
        return tuple(entry for entry in self.entries if entry.word in words)

    @property
    def to_delete(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.word == "deleted")

    @property
    def deletions(self) -> tuple[str, ...]:
        """Every object that is to be deleted, by name, in the order in which they go."""
        anew = (f"{entry.ref} (and made anew)" for entry in self.entries if entry.word == "recreated")
        return (*anew, *(str(entry.ref) for entry in self.to_delete))

    def only(self, names: Collection[str]) -> Plan:
        """The plan for these objects (`Deployment shop/web`); every other one is left as it is."""
        entries = tuple(
            entry
            if str(entry.ref) in names or entry.word in ("unchanged", "skipped")
            else replace(entry, word="unchanged", reason="is not put right now")
            for entry in self.entries
        )
        return replace(
            self, entries=entries, conflicts=tuple(c for c in self.conflicts if str(c.ref) in names)
        )

    def before_hooks(self) -> Plan:
        """The part that comes before the hooks: what they need."""
        first = (entry for entry in self.entries if entry.origin and is_needed(entry.object))
        return replace(self, entries=tuple(first))

    def check(self) -> None:
        """Raises PlanRefused with every objection and conflict."""
        if reasons := (*self.objections, *map(str, self.conflicts)):
            raise PlanRefused("\n".join(reasons))


def desired_objects(rendered: Rendered, inventory: Inventory) -> tuple[Object, ...]:
    """The release as it is applied, with ownership labels, in apply order. Hooks are no part of it."""
    found = (
        with_ownership(manifest.object, rendered.component, rendered.environment, inventory.set_id)
        for manifest in without_hooks(rendered).manifests
    )
    return tuple(sorted(found, key=stage_of))  # a stable sort: the manifests come in apply order


Answers = Mapping[Ref, Object | Refused | Trial]


def trials(
    rendered: Rendered,
    inventory: Inventory,
    live: Mapping[Ref, Object],
    ask: Callable[[Object, bool], Object | Refused],
    *,
    adopt: bool = False,
    creations: bool = True,
) -> dict[Ref, Trial]:
    """Asks the server about every object by dry runs, and settles conflicts as each object says.

    `creations` asks about objects that do not exist yet too; what such an object needs may be missing until
    the release brings it, and says nothing then.
    """
    healing = inventory.applied == rendered.digest
    ignored = Ignored.of(manifest.object for manifest in rendered.manifests)
    found: dict[Ref, Trial] = {}
    for obj in desired_objects(rendered, inventory):
        ref, directives = ref_of(obj), directives_of(obj)
        before = live.get(ref)
        if before is None and creations:
            answer = ask(obj, False)
            if not (isinstance(answer, Refused) and answer.reason == "NotFound"):
                found[ref] = Trial(obj, answer)
        elif before is not None and not directives.create_only:
            adopting = (adopt or directives.adopt) and not is_ours(before, inventory)
            policy = policy_for(directives, adopting=adopting, healing=healing)
            found[ref] = tried(as_applied(obj, before, ignored), policy, ask)
    return found


def plan(
    rendered: Rendered,
    inventory: Inventory,
    live: Mapping[Ref, Object],
    dry_run: Answers,
    *,
    prune_limit: int | str,
    prune_kinds: Collection[str] = (),
    recreate_kinds: Collection[str] = (),
    adopt: bool = False,
) -> Plan:
    """What applying `rendered` would do.

    `live` holds the objects of the release and of the inventory that exist; `dry_run` what the server
    answered to a dry run of each desired object (an object that is missing from it is compared field by
    field instead). `prune_limit` is as `prune.allowance` reads it; `prune_kinds` are the protected kinds that
    may be deleted, `recreate_kinds` those that may be made anew whatever the object says. `adopt` allows to
    take over what is nobody's.
    """
    origins = {manifest.ref: manifest.origin for manifest in rendered.manifests}
    desired = desired_objects(rendered, inventory)
    ignored = Ignored.of(desired)
    masker = Masker([*desired, *live.values()])
    applied: list[Entry] = []
    objections: list[str] = []
    conflicts: list[Conflict] = []
    for obj in desired:
        ref = ref_of(obj)
        anew = directives_of(obj).recreate or ref.kind in recreate_kinds
        trial = _trial(obj, dry_run.get(ref), live.get(ref), ignored)
        one = _One(obj, str(origins[ref]), live.get(ref), trial, anew)
        applied.append(_applied(one, inventory))
        found = [masker.text(text) for text in _objections(one, inventory, adopt)]
        objections += found
        conflicts += () if found else _conflicts(one)
    wanted = frozenset(map(ref_of, desired))
    pruned = [_pruned(leaver) for leaver in leavers(inventory, wanted, live, prune_kinds)]
    going = [entry.ref for entry in (*applied, *pruned) if entry.word in ("deleted", "recreated")]
    objections += too_many(going, len(inventory.objects), prune_limit)
    return Plan((*applied, *pruned), tuple(conflicts), tuple(objections))


@dataclass(frozen=True, slots=True)
class _One:
    """One desired object, where it is written, what is there, what the server says, and whether it may be
    made anew."""

    object: Object
    origin: str
    before: Object | None
    trial: Trial
    may_be_anew: bool

    @property
    def refused(self) -> Refused | None:
        return self.trial.answer if isinstance(self.trial.answer, Refused) else None

    @property
    def is_recreated(self) -> bool:
        """Whether the change needs a new object, and may have one."""
        if self.before is None or self.refused is None or not self.may_be_anew:
            return False
        return bool(refused_changes(self.before, self.object, self.refused.message))


def _trial(
    obj: Object, answer: Object | Refused | Trial | None, before: Object | None, ignored: Ignored
) -> Trial:
    return answer if isinstance(answer, Trial) else Trial(as_applied(obj, before, ignored), answer)


def _applied(one: _One, inventory: Inventory) -> Entry:
    obj, before, answer = one.trial.object, one.before, one.trial.answer
    after: Mapping[str, Any] = obj if answer is None or isinstance(answer, Refused) else answer
    ref = ref_of(obj)
    reason = "; ".join(one.trial.notes)
    if before is None:
        return Entry(ref, "created", obj, None, after, reason, one.trial.force, one.origin)
    if is_terminating(before):
        return Entry(ref, "skipped", obj, before, after, deletion(before), origin=one.origin)
    if directives_of(obj).create_only:
        why = "is made once, and left alone"
        return Entry(ref, "unchanged", obj, before, before, why, origin=one.origin)
    if one.is_recreated:
        why = "deleted and made anew: " + _fields(one)
        return Entry(ref, "recreated", one.object, before, one.object, why, origin=one.origin)
    if adopted := not is_ours(before, inventory):
        after = taken_over(before, obj, after)
    same = holds(obj, before) if answer is None or isinstance(answer, Refused) else not differs(before, after)
    if same and not adopted:
        return Entry(ref, "unchanged", obj, before, after, reason, origin=one.origin)
    why = "; ".join(part for part in ("adopted" if adopted else "", reason) if part)
    return Entry(ref, "configured", obj, before, after, why, one.trial.force or adopted, one.origin, adopted)


def _fields(one: _One) -> str:
    assert one.before is not None and one.refused is not None
    return ", ".join(refused_changes(one.before, one.object, one.refused.message)) + " cannot be changed"


def _pruned(leaver: Leaver) -> Entry:
    """The entry of an object that left the release. One that is let go is applied once more, without our
    labels, and forgotten."""
    ref, live = leaver.ref, leaver.live
    if leaver.fate == "deleted":
        return Entry(ref, "deleted", live, live, None)
    if leaver.released is not None:
        return Entry(ref, "configured", leaver.released, live, without_ownership(live), leaver.reason)
    return Entry(ref, "skipped", live, live, None, leaver.reason)


def _objections(one: _One, inventory: Inventory, adopt: bool) -> Iterator[str]:
    """Why this object is not to be applied, each with the line that it is written in."""
    ref, before, refused = ref_of(one.object), one.before, one.refused
    if before is not None:
        directives = directives_of(one.object)
        if owner := owner_named(before, one.object, inventory):
            yield f"{one.origin}: {ref} belongs to {owner}: rename it, or remove it there first"
            return
        if not (is_ours(before, inventory) or adopt or directives.adopt or directives.create_only):
            by = f", made by {', '.join(found)}" if (found := managers(before)) else ""
            yield (
                f"{one.origin}: {ref} is there already and is not gitrel's{by}: "
                "take it over with gitrel.dev/adopt: allowed or --adopt-objects, or name it otherwise"
            )
            return
    if refused is None or is_conflict(refused) or one.is_recreated:
        return
    if before is not None and (fields := refused_changes(before, one.object, refused.message)):
        yield (
            f"{one.origin}: {ref}: {', '.join(fields)} cannot be changed: allow to delete it and make it "
            f"anew with gitrel.dev/recreate: allowed or recreateKinds, or rename it ({refused.message})"
        )
    else:
        # The server's own words.
        yield f"{one.origin}: {refused}"


def _conflicts(one: _One) -> Iterator[Conflict]:
    if one.refused is not None and is_conflict(one.refused):
        for conflict in conflicts_in(ref_of(one.object), one.refused):
            yield replace(conflict, origin=one.origin)
