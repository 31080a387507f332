"""The `scale` subresource: `autoscaling/v1 Scale` as a view of `spec.replicas` and what it selects."""

from __future__ import annotations

from dataclasses import replace

from gitrel.cluster.api.errors import ApiError, invalid, invalid_value, not_found
from gitrel.cluster.api.handler import Handler, Request
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube import selectors
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object


def scale_of(kind: Kind, obj: Object) -> Object:
    """Raises ApiError 404 for a kind that cannot be scaled."""
    if not kind.scale:
        raise not_found(kind.resource, obj["metadata"]["name"])
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": _replicas(kind, obj)},
        "status": {
            "replicas": get(obj, *kind.scale_at.status_replicas, default=0),
            **_selector(kind, obj),
        },
    }


def with_replicas(kind: Kind, obj: Object, replicas: int) -> Object:
    """The scaled object. Raises ApiError 422 for a negative number, 404 where nothing can be scaled."""
    if not kind.scale:
        raise not_found(kind.resource, obj["metadata"]["name"])
    if replicas < 0:
        problem = invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid("Scale", "autoscaling", obj["metadata"]["name"], [problem])
    return replaced(obj, kind.scale_at.spec_replicas, replicas)


def rescaled(handler: Handler, kind: Kind, old: Object, wanted: Object, request: Request) -> Object:
    """Writes `spec.replicas` as the Scale `wanted` has it, by the object's own preconditions in it.

    Returns the object. Raises ApiError.
    """
    now = scale_of(kind, old)
    metadata = {**now["metadata"], **wanted.get("metadata", {})}
    sent = {**now, "metadata": metadata, "spec": wanted.get("spec") or {}}
    sent = handler.admit("UPDATE", kind.resource, "scale", old, sent, now, request)
    scaled = with_replicas(kind, old, get(sent, "spec", "replicas", default=0))
    stated = ("uid", "resourceVersion")
    own = {key: value for key, value in scaled["metadata"].items() if key not in stated}
    given = {key: value for key, value in (wanted.get("metadata") or {}).items() if key in stated and value}
    # Some kinds are never written without a revision; what was just read is not stale.
    given.setdefault("resourceVersion", old["metadata"]["resourceVersion"])
    asked = {**scaled, "metadata": {**own, **given}}
    return handler.update(kind.resource, asked, replace(request, admitted=True, through="scale"))


def _replicas(kind: Kind, obj: Object) -> int:
    """A custom object may lack the field, and then it has no scale (registry/customresource/etcd.go)."""
    path = kind.scale_at.spec_replicas
    found: int | None = get(obj, *path)
    if found is None and kind.custom:
        shown = ".".join(("", *path))
        message = f'Internal error occurred: the spec replicas field "{shown}" does not exist'
        raise ApiError(500, "InternalError", message)
    return found or 0


def _selector(kind: Kind, obj: Object) -> dict[str, str]:
    if not kind.custom:
        return {"selector": _selector_text(obj)}
    found = get(obj, *kind.scale_at.selector) if kind.scale_at.selector else None
    return {"selector": found} if isinstance(found, str) and found else {}


def _selector_text(obj: Object) -> str:
    """As `-l` takes it, in the order of the keys."""
    parts = []
    if obj["kind"] == "ReplicationController":
        # The only one that selects by labels alone, without a LabelSelector.
        return ",".join(f"{key}={value}" for key, value in sorted(get(obj, "spec", "selector").items()))
    for row in sorted(selectors.from_object(get(obj, "spec", "selector")), key=lambda row: row.key):
        values = ",".join(sorted(row.values))
        match row.operator:
            case "In":
                parts.append(f"{row.key}={values}" if len(row.values) == 1 else f"{row.key} in ({values})")
            case "NotIn":
                parts.append(f"{row.key} notin ({values})")
            case "Exists":
                parts.append(row.key)
            case "DoesNotExist":
                parts.append(f"!{row.key}")
            case "Gt" | "Lt":
                parts.append(f"{row.key}{'>' if row.operator == 'Gt' else '<'}{values}")
    return ",".join(parts)
