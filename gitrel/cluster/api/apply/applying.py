"""One apply, and one update, as pure decisions about values and owners.

The rules of structured-merge-diff `merge/update.go`: an applier owns what its configuration says; changing a
field of somebody else's is a conflict unless forced; what it said before and says no more is removed unless
somebody else owns it. An update takes over whatever it changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitrel.cluster.api.apply import managers as m
from gitrel.cluster.api.apply.fieldset import EMPTY, FieldPath, FieldSet, fields_of, named, shown_path
from gitrel.cluster.api.apply.managers import Manager, Managers
from gitrel.cluster.api.apply.merging import compared, merged, without
from gitrel.cluster.api.apply.types import Type
from gitrel.cluster.api.errors import ApiError
from gitrel.kube.identity import Object

UNOWNED_METADATA = frozenset(
    ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields",
     "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds")
)  # fmt: skip
_UNOWNED = frozenset(("apiVersion", "kind", "metadata", *(f"metadata.{key}" for key in UNOWNED_METADATA)))
"""Fields that nobody manages: identity, and what the server sets."""
_RESET_IN_STATUS = frozenset(("f:spec", "f:metadata", "f:apiVersion", "f:kind"))


@dataclass(frozen=True, slots=True)
class Applied:
    """The object that an apply asks for (without managedFields), and who owns what in it."""

    object: Object
    managers: Managers


def ownable(fields: FieldSet, subresource: str) -> FieldSet:
    """What can be owned through this (sub)resource: status only through `status`, spec and metadata only
    beside it (the strategies' `GetResetFields`).
    """
    return frozenset(path for path in fields if _ownable(path, subresource))


def _ownable(path: FieldPath, subresource: str) -> bool:
    if ".".join(element[2:] for element in path[:2]) in _UNOWNED and len(path) <= 2:
        return False
    if path[:2] == ("f:metadata", "f:managedFields"):
        return False
    return path[0] not in _RESET_IN_STATUS if subresource == "status" else path[0] != "f:status"


def apply(
    live: Object | None,
    config: Object,
    type_: Type,
    owners: Managers,
    manager: Manager,
    *,
    force: bool,
    now: str,
) -> Applied:
    """Merges `config` as `manager`. Raises ApiError 409 naming every field that is somebody else's."""
    said = fields_of(config, type_)
    wanted = ownable(said, manager.subresource)
    said_before = owners[manager].fields if manager in owners else EMPTY
    new_owners = m.with_fields(owners, manager, wanted, now)
    new = _pruned(merged(live, config, type_), type_, said_before, m.owned_by_anyone(new_owners) | said)
    if live is None:
        return Applied(new, new_owners)
    change = compared(live, new, type_)
    touched = ownable(change.touched, manager.subresource)
    conflicts = {
        other: owned.fields & touched
        for other, owned in owners.items()
        if other != manager and owned.fields & touched
    }
    if conflicts and not force:
        raise _conflict_error(conflicts)
    for other, fields in conflicts.items():
        new_owners = m.given_up(new_owners, fields, by=(other,), now=now)
    others = [other for other in owners if other != manager]
    removed = ownable(change.removed, manager.subresource)
    return Applied(new, m.given_up(new_owners, removed, by=others, now=now))


def _pruned(new: Object, type_: Type, said_before: FieldSet, owned: FieldSet) -> Object:
    """Without what the manager said before, where nobody says it now.

    What nobody ever said, such as a default, stays beside what is owned, and goes with the struct or the
    entry that is given up as a whole (`Updater.prune`, with its two ways of adding back).
    """
    if said_before <= owned:
        return new
    given = named(said_before, type_)
    there = named(fields_of(new, type_), type_)
    left = named(fields_of(without(new, given, type_), type_), type_)
    standing = without(new, there - (left | named(owned, type_)), type_)
    gone = there - named(fields_of(standing, type_), type_)
    found: Object = without(new, gone & given, type_)
    return found


def update(
    old: Object | None, new: Object, type_: Type, owners: Managers, manager: Manager, *, now: str
) -> Managers:
    """Who owns what after `manager` replaced `old` by `new` without applying."""
    change = compared(old or {}, new, type_)
    touched = ownable(change.touched, manager.subresource)
    removed = ownable(change.removed, manager.subresource)
    if not touched and not removed:
        return owners
    others = [other for other in owners if other != manager]
    after = m.given_up(owners, touched | removed, by=others, now=now)
    mine = owners[manager].fields if manager in owners else EMPTY
    return m.with_fields(after, manager, (mine - removed) | touched, now)


def first_owner(live: Object, type_: Type, api_version: str, now: str, subresource: str = "") -> Managers:
    """Everything in an object that was never managed, so that a first apply meets an owner."""
    fields = ownable(compared({}, live, type_).touched, subresource)
    return {Manager(m.BEFORE_FIRST_APPLY, "Update", api_version, subresource): m.Owned(fields, now)}


def _conflict_error(conflicts: dict[Manager, FieldSet]) -> ApiError:
    rows = [
        (_told(manager), path)
        for manager in sorted(conflicts)
        for path in map(shown_path, sorted(conflicts[manager], key=_place))
    ]
    causes: list[dict[str, Any]] = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path}
        for who, path in rows
    ]
    if len(rows) == 1:
        message = f"Apply failed with 1 conflict: conflict with {rows[0][0]}: {rows[0][1]}"
    else:
        lines: list[str] = []
        for who in dict.fromkeys(who for who, _ in rows):
            lines.append(f"conflicts with {who}:")
            lines += [f"- {path}" for other, path in rows if other == who]
        message = f"Apply failed with {len(rows)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", message, {"causes": causes})


def _place(path: FieldPath) -> list[tuple[bool, str]]:
    """Fields of one place come before what is below other fields of that place."""
    return [(number < len(path) - 1, element) for number, element in enumerate(path)]


def _told(manager: Manager) -> str:
    text = f'"{manager.name}"'
    if manager.subresource:
        text += f' with subresource "{manager.subresource}"'
    if manager.operation == "Update":
        text += f" using {manager.api_version}"
    return text
