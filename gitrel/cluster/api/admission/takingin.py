"""What somebody from outside made of an object, taken in like anything that a stranger sends."""

from __future__ import annotations

import orjson

from gitrel.cluster.api import errors, schema
from gitrel.cluster.api.admission.plugin import Attributes
from gitrel.cluster.api.admission.review import object_from
from gitrel.kube.identity import Object


def taken_in(attributes: Attributes, new: Object) -> Object:
    """Decoded, defaulted, and back in the version in which the write goes on. Raises ApiError."""
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        raise errors.bad_request("the patch leaves no object")
    kind = attributes.kind
    if new.get("kind") != kind.kind:
        return new
    # A copy, for the patch may share its own values with what is kept.
    decoded = schema.decoded(kind, orjson.loads(orjson.dumps(new)), "Ignore", lambda _: None)
    return kind.default(object_from(attributes, decoded))
