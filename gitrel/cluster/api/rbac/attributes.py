"""What is asked for: a verb on a resource, or on a path that is none; and how its refusal reads."""

from __future__ import annotations

from dataclasses import dataclass

from gitrel.cluster.api.errors import ApiError, shown
from gitrel.cluster.api.rbac.user import User


@dataclass(frozen=True, slots=True)
class Attributes:
    """`path` alone is set where no resource is meant (`/healthz`); verbs are then `get`, `post`, …

    `namespace` is empty at the cluster's scope. Requests for one namespace object carry its name here too, as
    the API server has it.
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def combined(self) -> str:
        """`pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def for_resource(
    verb: str, resource: str, namespace: str = "", name: str = "", subresource: str = ""
) -> Attributes:
    """`resource` is `pods` or `deployments.apps`."""
    plural, _, group = resource.partition(".")
    if resource == "namespaces" and name:
        namespace = name
    return Attributes(verb, group, plural, subresource, namespace, name)


def refusal(user: User, attributes: Attributes, reason: str = "") -> ApiError:
    """403 as the API server writes it (`pkg/endpoints/handlers/responsewriters/errors.go`)."""
    why = _why(user, attributes) + (f": {reason}" if reason else "")
    if attributes.path:
        return ApiError(403, "Forbidden", f"forbidden: {why}", {})
    qualified = f"{attributes.resource}.{attributes.group}" if attributes.group else attributes.resource
    named = f"{qualified} {shown(attributes.name)}" if attributes.name else qualified
    details = {"name": attributes.name} if attributes.name else {}
    if attributes.group:
        details["group"] = attributes.group
    return ApiError(
        403, "Forbidden", f"{named} is forbidden: {why}", {**details, "kind": attributes.resource}
    )


def _why(user: User, attributes: Attributes) -> str:
    who, verb = shown(user.name), attributes.verb
    if attributes.path:
        return f"User {who} cannot {verb} path {shown(attributes.path)}"
    resource, group = shown(attributes.combined), shown(attributes.group)
    what = f"User {who} cannot {verb} resource {resource} in API group {group}"
    if attributes.namespace:
        return f"{what} in the namespace {shown(attributes.namespace)}"
    return f"{what} at the cluster scope"
