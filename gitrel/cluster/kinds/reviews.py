"""Questions to the API server: created, answered and forgotten (`pkg/apis/authentication`, `authorization`).

What is checked is the question; the answer comes from whoever is asked (`Handler.answers`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, invalid_value, required
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

_CREATE = ("create",)
TOKEN_SECONDS = 3600
TOKEN_SECONDS_MIN = 600
TOKEN_SECONDS_MAX = 1 << 32


def validate_token_review(obj: Object) -> Iterator[FieldError]:
    if not (obj.get("spec") or {}).get("token"):
        yield required("spec.token")


def _attribute_errors(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and other is not None:
        says = "cannot be specified in combination with resourceAttributes"
        yield invalid_value("spec.nonResourceAttributes", other, says)
    if resource is None and other is None:
        says = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield invalid_value("spec.resourceAttributes", None, says)
    for key in ("fieldSelector", "labelSelector"):
        selector = (resource or {}).get(key)
        if selector is not None and selector.get("rawSelector") and selector.get("requirements"):
            says = "may not specified at the same time as requirements"
            yield invalid_value(f"spec.resourceAttributes.{key}.rawSelector", selector["rawSelector"], says)


def validate_access_review(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _attribute_errors(spec)
    if not spec.get("user") and not spec.get("groups"):
        yield invalid_value(
            "spec.user", spec.get("user") or "", "at least one of user or group must be specified"
        )


def validate_self_access_review(obj: Object) -> Iterator[FieldError]:
    yield from _attribute_errors(obj.get("spec") or {})


def validate_local_access_review(obj: Object) -> Iterator[FieldError]:
    yield from validate_access_review(obj)
    spec = obj.get("spec") or {}
    attributes = spec.get("resourceAttributes")
    if attributes is not None and attributes.get("namespace") != obj["metadata"].get("namespace"):
        says = "must match metadata.namespace"
        yield invalid_value("spec.resourceAttributes.namespace", attributes.get("namespace") or "", says)
    if spec.get("nonResourceAttributes") is not None:
        says = "disallowed on this kind of request"
        yield invalid_value("spec.nonResourceAttributes", spec["nonResourceAttributes"], says)


def validate_rules_review(obj: Object) -> Iterator[FieldError]:
    if not (obj.get("spec") or {}).get("namespace"):
        yield required("spec.namespace")


def default_token_request(obj: Object) -> Object:
    obj = {**obj, "spec": obj.get("spec") or {}}
    return changed(obj, "spec", lambda spec: filled(spec, {"expirationSeconds": TOKEN_SECONDS}))


def validate_token_request(obj: Object) -> Iterator[FieldError]:
    """The `token` subresource of a ServiceAccount."""
    seconds = (obj.get("spec") or {}).get("expirationSeconds", TOKEN_SECONDS)
    if seconds < TOKEN_SECONDS_MIN:
        says = "may not specify a duration less than 10 minutes"
        yield invalid_value("spec.expirationSeconds", seconds, says)
    if seconds > TOKEN_SECONDS_MAX:
        says = "may not specify a duration larger than 2^32 seconds"
        yield invalid_value("spec.expirationSeconds", seconds, says)


_WHO, _MAY = "authentication.k8s.io", "authorization.k8s.io"

KINDS = (
    Kind(
        f"tokenreviews.{_WHO}", f"{_WHO}/v1", "TokenReview", namespaced=False, verbs=_CREATE,
        name_rule="any", validate=validate_token_review,
    ),
    Kind(
        f"selfsubjectreviews.{_WHO}", f"{_WHO}/v1", "SelfSubjectReview", namespaced=False, verbs=_CREATE,
        name_rule="any",
    ),
    Kind(
        f"subjectaccessreviews.{_MAY}", f"{_MAY}/v1", "SubjectAccessReview", namespaced=False,
        verbs=_CREATE, name_rule="any", validate=validate_access_review,
    ),
    Kind(
        f"selfsubjectaccessreviews.{_MAY}", f"{_MAY}/v1", "SelfSubjectAccessReview", namespaced=False,
        verbs=_CREATE, name_rule="any", validate=validate_self_access_review,
    ),
    Kind(
        f"localsubjectaccessreviews.{_MAY}", f"{_MAY}/v1", "LocalSubjectAccessReview", verbs=_CREATE,
        name_rule="any", validate=validate_local_access_review,
    ),
    Kind(
        f"selfsubjectrulesreviews.{_MAY}", f"{_MAY}/v1", "SelfSubjectRulesReview", namespaced=False,
        verbs=_CREATE, name_rule="any", validate=validate_rules_review,
    ),
)  # fmt: skip

TOKEN_REQUEST = Kind(
    "serviceaccounts/token", f"{_WHO}/v1", "TokenRequest", verbs=_CREATE, name_rule="any",
    default=default_token_request, validate=validate_token_request,
)  # fmt: skip
"""No resource of its own: what `serviceaccounts/token` takes and gives."""
