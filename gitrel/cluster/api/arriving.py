"""What strangers send, before anything else: is it understood, where does it belong, is it valid."""

from __future__ import annotations

from collections.abc import Iterable

from gitrel.cluster.api import errors, schema
from gitrel.cluster.api.errors import FieldError
from gitrel.cluster.api.request import Request
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object


def decoded(kind: Kind, obj: Object, request: Request) -> Object:
    """As far as it can be understood. Raises ApiError 400."""
    sent = (obj.get("apiVersion") or kind.api_version, obj.get("kind") or kind.kind)
    if not kind.serves_as(*sent):
        wanted = f"{kind.api_version}, Kind={kind.kind}"
        raise errors.bad_request(
            f"{sent[1]} in version {sent[0]!r} does not match the expected type {wanted}"
        )
    obj = {**obj, "apiVersion": sent[0], "kind": kind.kind}
    if kind.custom and request.owners is not None:
        # As the apply left it: it was not written down in between, so only its metadata is read.
        return {**obj, "metadata": schema.decoded_metadata(obj["metadata"], "metadata", [])}
    clean = schema.decoded(kind, obj, request.field_validation, request.warn)
    clean = clean if "metadata" in clean else {**clean, "metadata": {}}
    return clean if kind.custom else kind.to_stored(clean)


def namespace_for(kind: Kind, obj: Object) -> str:
    """The namespace of a new object; whether it is there is for admission to say. Raises ApiError 400."""
    if not kind.namespaced:
        return ""
    namespace: str = obj["metadata"].get("namespace") or ""
    if not namespace:
        raise errors.bad_request("an empty namespace may not be set during creation")
    return namespace


def refuse(kind: Kind, obj: Object, found: Iterable[FieldError]) -> None:
    """Raises ApiError 422 with everything that is wrong: what was found, and what the schema misses."""
    problems = list(found)
    problems += schema.missing_fields(kind, obj, problems)
    if problems:
        raise errors.invalid(kind.kind, kind.group, obj["metadata"].get("name", ""), problems)
