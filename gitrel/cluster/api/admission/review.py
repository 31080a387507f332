"""The AdmissionReview: what is asked of a webhook, and what CEL sees as `request` (admission/v1). Pure."""

from __future__ import annotations

from typing import Any

from gitrel.cluster.api.admission.matching import Place, asked_place
from gitrel.cluster.api.admission.plugin import Attributes
from gitrel.kube.identity import Object, group_of


def object_for(attributes: Attributes, obj: Object | None, at: Place) -> Object | None:
    """An object in the version in which it is meant; a subresource's own kind as it is."""
    kind = attributes.kind
    if obj is None or obj.get("kind") != kind.kind:
        return obj
    return kind.in_version(obj, at.api_version)


def object_from(attributes: Attributes, obj: Object) -> Object:
    """Back into the version in which the write goes on."""
    kind = attributes.kind
    if obj.get("kind") != kind.kind:
        return obj
    return kind.in_version(obj, attributes.api_version) if kind.custom else kind.to_stored(obj)


def request_of(attributes: Attributes, obj: Object, at: Place) -> Object:
    """An AdmissionRequest without its uid and its two objects; what is empty is left out."""
    asked, subresource = asked_place(attributes), attributes.subresource
    request: Object = {
        "kind": _kind(attributes, obj, at),
        "resource": _resource(at),
        **({"subResource": subresource} if subresource else {}),
        "requestKind": _kind(attributes, obj, asked),
        "requestResource": _resource(asked),
        **({"requestSubResource": subresource} if subresource else {}),
        **({"name": attributes.name} if attributes.name else {}),
    }
    namespace = attributes.namespace
    if attributes.kind.resource == "namespaces":
        namespace = attributes.name
    if namespace:
        request["namespace"] = namespace
    return {
        **request,
        "operation": attributes.operation,
        "userInfo": attributes.user.info(),
        "dryRun": attributes.dry_run,
        "options": attributes.options() or None,
    }


def _kind(attributes: Attributes, obj: Object, at: Place) -> dict[str, str]:
    api_version, kind = at.api_version, at.kind
    if obj.get("kind") not in (None, attributes.kind.kind):
        api_version, kind = obj["apiVersion"], obj["kind"]
    return {"group": group_of(api_version), "version": api_version.rpartition("/")[2], "kind": kind}


def _resource(at: Place) -> dict[str, str]:
    return {"group": at.group, "version": at.version, "resource": at.plural}


def review(uid: str, api_version: str, attributes: Attributes, obj: Object, at: Place) -> Object:
    """`api_version` is that of the review itself, `admission.k8s.io/v1`."""
    deleted = attributes.operation == "DELETE"
    request: dict[str, Any] = {
        "uid": uid,
        **request_of(attributes, obj, at),
        "object": None if deleted else object_for(attributes, obj, at),
        "oldObject": object_for(attributes, attributes.old, at),
    }
    return {"kind": "AdmissionReview", "apiVersion": api_version, "request": request}
