"""What becomes of an object that left the release: deleted, kept, or let go.

Three must agree before anything is deleted: the inventory, the ownership labels, and the ApplySet that the
object says it is part of (KEP-3659, "Pruning"). An annotation on the object may keep it or let it go, and
kinds that hold what cannot be made again are deleted only where somebody wrote that they may be.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gitrel.backends.backend import FIELD_OWNER
from gitrel.delivery.inventory import Inventory
from gitrel.delivery.labels import PART_OF, is_owned, is_terminating, without_ownership
from gitrel.kube import intorpercent
from gitrel.kube.directives import PRUNE, PRUNE_WORDS
from gitrel.kube.fields import get
from gitrel.kube.fieldsets import names_item
from gitrel.kube.identity import Object, Ref, annotations_of, labels_of
from gitrel.kube.ordering import apply_key

PROTECTED = frozenset(
    (
        ("", "Namespace"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    )
)
"""(group, kind) of what takes other objects or data with it."""
KEEP = frozenset(("keep", "disabled"))
LET_GO, DELETE = "orphan", "delete"

Fate = Literal["deleted", "kept", "let go"]


@dataclass(frozen=True, slots=True)
class Leaver:
    """One object that left the release. `released` is, for one that is let go, what to apply so that it is
    as before without our labels. `reason` says why it is not deleted."""

    ref: Ref
    live: Object
    fate: Fate
    reason: str = ""
    released: Object | None = None


def leavers(
    inventory: Inventory, wanted: Collection[Ref], live: Mapping[Ref, Object], allowed_kinds: Collection[str]
) -> Iterator[Leaver]:
    """What left the release and is still there, last applied first.

    `allowed_kinds` are the protected kinds that may be deleted all the same.
    """
    for ref in sorted((ref for ref in inventory.refs if ref not in wanted), key=apply_key, reverse=True):
        if (found := live.get(ref)) is not None:
            yield _judged(ref, found, inventory, allowed_kinds)


def _judged(ref: Ref, live: Object, inventory: Inventory, allowed_kinds: Collection[str]) -> Leaver:
    if is_terminating(live) and not _not_ours(live, inventory):
        return Leaver(ref, live, "kept", deletion(live))
    said = annotations_of(live).get(PRUNE)
    if said == LET_GO and not _not_ours(live, inventory) and (part := owned_part(live)):
        why = f"left the release, let go by {PRUNE}: {said}"
        return Leaver(ref, live, "let go", why, without_ownership(part))
    reason = _not_ours(live, inventory) or _why_kept(ref, said, allowed_kinds)
    return (
        Leaver(ref, live, "kept", f"left the release, {reason}") if reason else Leaver(ref, live, "deleted")
    )


def _why_kept(ref: Ref, said: str | None, allowed_kinds: Collection[str]) -> str:
    """Why a member is not deleted: its annotation, or its kind; empty where nothing speaks against it."""
    if said in KEEP:
        return f"kept by {PRUNE}: {said}"
    if said == LET_GO:
        return "but the cluster does not say which of its fields are ours"
    if said not in (None, DELETE):
        return f"but its {PRUNE} is {said!r}: write {' or '.join(PRUNE_WORDS)}"
    if said != DELETE and (ref.group, ref.kind) in PROTECTED and ref.kind not in allowed_kinds:
        return f"kept because pruneKinds does not name {ref.kind}"
    return ""


def _not_ours(live: Object, inventory: Inventory) -> str:
    """Why the live object is not a member of the inventory's ApplySet; empty where it is."""
    if not is_owned(live, inventory.component, inventory.environment):
        return "but its labels say it is not ours"
    part_of = labels_of(live).get(PART_OF)
    if part_of is None:
        return f"but its label {PART_OF} was removed"
    return "" if part_of == inventory.set_id else f"but it is part of another set, {part_of}"


def deletion(live: Mapping[str, Any]) -> str:
    """What an object that is on its way out waits for."""
    finalizers = get(live, "metadata", "finalizers") or ()
    waits = f", waits for {', '.join(map(str, finalizers))}" if finalizers else ""
    return f"is being deleted{waits}"


def too_many(deleted: Collection[Ref], inventory_size: int, limit: int | str) -> Iterator[str]:
    """The objection to deleting more at once than `limit` allows. It names every object."""
    allowed = allowance(limit, inventory_size)
    if len(deleted) > allowed:
        yield (
            f"{len(deleted)} of {inventory_size} objects would be deleted, and pruneLimit {limit} allows "
            f"{allowed} at once: raise pruneLimit for this release, or bring the objects back: "
            + ", ".join(map(str, deleted))
        )


def allowance(limit: int | str, inventory_size: int) -> int:
    """`pruneLimit` as a count: percentages of the inventory are rounded down, to at least 1. Of a count and a
    percentage the smaller counts: one protects large inventories, the other small ones."""
    if isinstance(limit, int):
        return limit
    *counts, percentage = limit.split(",")
    share = max(1, intorpercent.resolve(percentage.strip(), inventory_size, round_up=False))
    return min(share, *map(int, counts)) if counts else share


def owned_part(live: Mapping[str, Any]) -> Object | None:
    """The object with only the fields that gitrel applied, as the server recorded them; None where it did
    not, or did in another apiVersion than the one the object was read in."""
    for entry in get(live, "metadata", "managedFields") or ():
        ours = isinstance(entry, Mapping) and entry.get("manager") == FIELD_OWNER
        if ours and entry.get("operation") == "Apply" and not entry.get("subresource"):
            if entry.get("apiVersion") != live.get("apiVersion"):
                return None
            part = _part(entry.get("fieldsV1"), live)
            identity = {
                key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]
            }
            metadata = {**(part.get("metadata") or {}), **identity}
            return {"apiVersion": live["apiVersion"], "kind": live["kind"], **part, "metadata": metadata}
    return None


def _part(fields: Any, value: Any) -> Any:
    """What `fieldsV1` picks out of a value: `f:` fields, `k:` items by key, `v:` items by value."""
    picks = {key: child for key, child in fields.items() if key != "."} if isinstance(fields, Mapping) else {}
    if not picks:
        return value
    if isinstance(value, Mapping):
        names = ((key[2:], child) for key, child in picks.items() if key.startswith("f:"))
        return {name: _part(child, value[name]) for name, child in names if name in value}
    if isinstance(value, list):
        return list(_items(picks, value))
    return value


def _items(picks: Mapping[str, Any], value: list[Any]) -> Iterator[Any]:
    """Those items of a list that are picked, in the list's own order."""
    for item in value:
        for key, child in picks.items():
            if names_item(key, item):
                named = json.loads(key[2:])
                yield {**named, **_part(child, item)} if key.startswith("k:") else item
