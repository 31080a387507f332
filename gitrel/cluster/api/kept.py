"""What a write has to find as it said, and what of the stored object it keeps."""

from __future__ import annotations

from gitrel.cluster.api import errors
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object
from gitrel.kube.sameness import same


def check_preconditions(resource: str, old: Object, uid: str | None, revision: str | None) -> None:
    """Raises ApiError 409."""
    stored = old["metadata"]
    if uid and uid != stored["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored['uid']}"
        raise errors.conflict(resource, stored["name"], why)
    if revision and revision != stored["resourceVersion"]:
        raise errors.conflict(resource, stored["name"])


def check_delete_preconditions(kind: Kind, old: Object, uid: str | None, revision: str | None) -> None:
    """As `rest.BeforeDelete` has it, which names the kind. Raises ApiError 409."""
    stored = old["metadata"]
    for word, asked, field, why in (
        ("UID", uid, "uid", "deleted and then recreated"),
        ("ResourceVersion", revision, "resourceVersion", "modified"),
    ):
        if asked and asked != stored[field]:
            said = f"the {word} in the precondition ({asked}) does not match the {word} in record"
            said = f"{said} ({stored[field]}). The object might have been {why}"
            resource = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
            raise errors.conflict(resource, stored["name"], said)


def is_unchanged(kind: Kind, new: Object, old: Object) -> bool:
    """Whether a write would leave everything as it is: where nothing is declared, true is not 1."""
    return new == old and (not kind.custom or same(new, old))


def named(kind: Kind, obj: Object) -> Object:
    """The type's names; a custom object keeps its version until it is stored."""
    version = obj.get("apiVersion") if kind.custom else None
    return {"apiVersion": version if version in kind.custom else kind.api_version, "kind": kind.kind}


def version_of(kind: Kind, obj: Object) -> str:
    """A custom object says in which version it was written; any other is in the stored one by now."""
    return obj.get("apiVersion") or kind.api_version if kind.custom else kind.api_version


def with_status_of(new: Object, old: Object) -> Object:
    """`new`, which is the caller's own, with the stored status."""
    if "status" in old:
        new["status"] = old["status"]
    else:
        new.pop("status", None)
    return new


def with_new_status(kind: Kind, old: Object, sent: Object) -> Object:
    """`old` with the status that was sent; a type of Go always has one, a custom object only where it says
    so.
    """
    if kind.custom and "status" not in sent:
        return {key: value for key, value in old.items() if key != "status"} if "status" in old else old
    status = sent["status"] if kind.custom else sent.get("status") or {}
    return old if "status" in old and status == old["status"] else {**old, "status": status}
