"""What is to be done about an object, given what has become of its owners.

Kubernetes `attemptToDeleteItem` (`pkg/controller/garbagecollector/garbagecollector.go`) as a decision:
an owner is *solid* (there, and not waiting), *dangling* (gone: no object of that UID), or *waiting*
(being deleted in the foreground, held until its dependents are gone).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.kube.identity import Object

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"

Reference = Mapping[str, Any]
Standing = Literal["solid", "dangling", "waiting"]
Propagation = Literal["Foreground", "Background", "Orphan"]


class Keep(NamedTuple):
    """Leave the object, without the references to these owners (none: leave it as it is)."""

    drop: frozenset[str] = frozenset()


class Delete(NamedTuple):
    """Delete it; `unblock` first takes `blockOwnerDeletion` off its references."""

    propagation: Propagation
    unblock: bool = False


def references_of(obj: Object) -> Sequence[Reference]:
    return obj["metadata"].get("ownerReferences") or ()


def finalizers_of(obj: Object) -> Sequence[str]:
    return obj["metadata"].get("finalizers") or ()


def is_waiting(obj: Object | None) -> bool:
    """Being deleted in the foreground."""
    return obj is not None and is_deleting(obj) and FOREGROUND in finalizers_of(obj)


def is_orphaning(obj: Object) -> bool:
    """Being deleted, and to let go of its dependents first."""
    return is_deleting(obj) and ORPHAN in finalizers_of(obj)


def standing(reference: Reference, owner: Object | None) -> Standing:
    """`owner` is what now has the name that the reference gives; whether it is the one, its UID decides."""
    if owner is None or owner["metadata"]["uid"] != reference["uid"]:
        return "dangling"
    return "waiting" if is_waiting(owner) else "solid"


def decide(obj: Object, standings: Mapping[str, Standing], dependents: Sequence[Object]) -> Keep | Delete:
    """`standings` by the owner's UID; `dependents` are the objects that refer to `obj`."""
    kinds = set(standings.values())
    if not kinds or kinds == {"solid"}:
        return Keep()
    if "solid" in kinds:
        return Keep(frozenset(uid for uid, found in standings.items() if found != "solid"))
    if "waiting" in kinds and dependents:
        # Going in the foreground itself, so that its owner is held until its own dependents are gone. If
        # one of those already waits, this may be a circle: nobody's deletion may then be blocked by us.
        return Delete("Foreground", unblock=any(map(is_waiting, dependents)))
    if ORPHAN in finalizers_of(obj):
        return Delete("Orphan")
    return Delete("Foreground" if FOREGROUND in finalizers_of(obj) else "Background")


def blocking(owner: Object, dependents: Sequence[Object]) -> list[Object]:
    """The dependents that hold up the owner's foreground deletion."""
    uid = owner["metadata"]["uid"]
    return [
        dependent
        for dependent in dependents
        if any(r["uid"] == uid and r.get("blockOwnerDeletion") for r in references_of(dependent))
    ]


def without_owners(obj: Object, uids: frozenset[str]) -> Object:
    left = [dict(reference) for reference in references_of(obj) if reference["uid"] not in uids]
    metadata = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
    return {**obj, "metadata": {**metadata, **({"ownerReferences": left} if left else {})}}


def without_finalizer(obj: Object, finalizer: str) -> Object:
    left = [name for name in finalizers_of(obj) if name != finalizer]
    metadata = {key: value for key, value in obj["metadata"].items() if key != "finalizers"}
    return {**obj, "metadata": {**metadata, **({"finalizers": left} if left else {})}}


def unblocked(obj: Object) -> Object:
    references = [{**reference, "blockOwnerDeletion": False} for reference in references_of(obj)]
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": references}}
