"""What expressions can see of one write, as CEL values, worked out when somebody asks first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from gitrel.cluster.api.admission.matching import Place
from gitrel.cluster.api.admission.plugin import Attributes
from gitrel.cluster.api.admission.review import object_for, request_of
from gitrel.cluster.api.rbac.attributes import Attributes as Access
from gitrel.cluster.api.rbac.authorizer import Authorizer
from gitrel.cluster.api.rbac.user import service_account
from gitrel.kube.cel.libraries import authorizer as authz
from gitrel.kube.cel.libraries.standard import to_timestamp
from gitrel.kube.identity import Object


class Environment:
    """Of one write in the version in which a rule means it."""

    def __init__(
        self, attributes: Attributes, obj: Object, at: Place, authorizer: Callable[[], Authorizer]
    ) -> None:
        self._attributes = attributes
        self._obj = obj
        self._at = at
        self._authorizer = authorizer

    @cached_property
    def variables(self) -> Mapping[str, Any]:
        """What every expression sees; `namespaceObject` and `params` are for policies to add."""
        attributes = self._attributes
        deleted = attributes.operation == "DELETE"
        return {
            "object": None if deleted else object_for(attributes, self._obj, self._at),
            "oldObject": object_for(attributes, attributes.old, self._at),
            "request": request_of(attributes, self._obj, self._at),
            "authorizer": authz.Authorizer(self._decide, authz.Question(), self._about),
        }

    @property
    def _about(self) -> authz.Question:
        """The resource of the request itself, in the version in which it is meant."""
        attributes = self._attributes
        return authz.Question(
            group=self._at.group,
            resource=self._at.plural,
            subresource=attributes.subresource,
            namespace=attributes.namespace,
            name=attributes.name,
        )

    def _decide(self, question: authz.Question) -> authz.Decision:
        user = self._attributes.user
        if question.account is not None:
            user = service_account(*question.account)
        if question.path:
            access = Access(question.verb, path=question.path)
        else:
            access = Access(
                question.verb,
                question.group,
                question.resource,
                question.subresource,
                question.namespace,
                question.name,
            )
        found = self._authorizer().decide(user, access)
        return authz.Decision(found.allowed, found.reason)

    @cached_property
    def namespace_object(self) -> Object | None:
        """The namespace that the object is in, without what expressions may not see; None for none."""
        namespace = self._attributes.namespace
        found = self._attributes.read.get("namespaces", "", namespace) if namespace else None
        return None if found is None else _shown_namespace(found)


_SHOWN = ("name", "generateName", "namespace", "labels", "annotations", "deletionGracePeriodSeconds",
          "generation", "resourceVersion", "finalizers")  # fmt: skip


def _shown_namespace(namespace: Object) -> Object:
    metadata = namespace["metadata"]
    shown = {key: metadata[key] for key in _SHOWN if key in metadata}
    for key in ("creationTimestamp", "deletionTimestamp"):
        if metadata.get(key):
            shown[key] = to_timestamp(metadata[key])
    return {
        "metadata": {**shown, "UID": metadata.get("uid", "")},
        "spec": namespace.get("spec") or {},
        "status": {key: value for key, value in (namespace.get("status") or {}).items() if key == "phase"},
    }
