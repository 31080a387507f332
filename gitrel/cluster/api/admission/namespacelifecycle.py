"""NamespaceLifecycle: nothing is created in a namespace that is not there or on its way out.

And three namespaces cannot be deleted (apiserver `pkg/admission/plugin/namespace/lifecycle`).
"""

from __future__ import annotations

from gitrel.cluster.api import errors
from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.kube.identity import Object

IMMORTAL = frozenset(("default", "kube-system", "kube-public"))


def _admit(attributes: Attributes, obj: Object) -> Object:
    namespace = attributes.namespace
    if not namespace:
        return obj
    place = attributes.read.get("namespaces", "", namespace)
    if place is None:
        raise errors.not_found("namespaces", namespace)
    if place["metadata"].get("deletionTimestamp"):
        raise errors.namespace_terminating(attributes.kind.resource, attributes.name, namespace)
    return obj


def _validate(attributes: Attributes, obj: Object) -> None:
    if attributes.operation == "DELETE" and attributes.name in IMMORTAL:
        raise attributes.forbidden("this namespace may not be deleted")


PLUGINS = (
    Plugin("NamespaceLifecycle", {"*": ("CREATE",)}, admit=_admit),
    Plugin("NamespaceLifecycle", {"namespaces": ("DELETE",)}, validate=_validate),
)
