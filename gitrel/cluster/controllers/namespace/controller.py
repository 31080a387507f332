"""The namespace controller: five seconds after a deletion was asked for, it begins to empty the namespace.

Pods go first (OrderedNamespaceDeletion): nothing that they may need while they stop is taken from them.
Kubernetes `pkg/controller/namespace`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers import instants
from gitrel.cluster.controllers.controller import Change, Context, Key, Kinds, Reader, own_key
from gitrel.cluster.controllers.namespace.content import (
    Remains,
    calculate_conditions,
    calculate_remains,
    estimate_seconds,
)
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.registry import BUILTIN
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object

NAMESPACES = "namespaces"
FINALIZER = "kubernetes"
QUIET = timedelta(seconds=5)
"""Creations that were under way when the deletion was asked for have as long to finish."""


class NamespaceController:
    """Empties a namespace of every kind of its cluster."""

    name = "namespace"

    def __init__(self, kinds: Iterable[Kind] = BUILTIN) -> None:
        """`kinds` are those that are there from the start; others are discovered."""
        self._kinds: Iterable[Kind] = tuple(kinds)

    def discover(self, kinds: Kinds) -> None:
        self._kinds = kinds

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        return {NAMESPACES: _keys_of_deleted}

    def reconcile(self, key: Key, context: Context) -> None:
        namespace = context.read.get(NAMESPACES, "", key.name)
        if namespace is None or not is_deleting(namespace):
            return
        if FINALIZER not in (get(namespace, "spec", "finalizers") or ()):
            return
        # Wait, so that what is being created right now is there to be deleted.
        begun = instants.read(namespace["metadata"]["deletionTimestamp"])
        if context.now < begun + QUIET:
            context.requeue_at(key, begun + QUIET)
            return
        # Delete the pods; when they are gone, everything else.
        age = context.now - begun
        remains = _sweep(key.name, "pods", age, context)
        shown = Remains(failures=remains.failures)
        if remains.empty:
            for resource in [k.resource for k in self._kinds if k.namespaced and k.resource != "pods"]:
                remains = shown = remains.plus(_sweep(key.name, resource, age, context))
        # Say what is left, and come back for it; or let the namespace go. Of pods alone nothing is said.
        told = _tell(namespace, shown, context)
        if remains.failures:
            raise ApiError(500, "InternalError", "; ".join(remains.failures))
        if not remains.empty:
            seconds = remains.estimate_seconds // 2 + 1
            context.requeue_at(key, context.now + timedelta(seconds=seconds))
            return
        finalizers = [name for name in told["spec"]["finalizers"] if name != FINALIZER]
        context.write.update(NAMESPACES, replaced(told, ("spec", "finalizers"), finalizers))


def _keys_of_deleted(change: Change, read: Reader) -> Iterable[Key]:
    """Wakes a namespace when its deletion is asked for; afterwards it looks again by itself."""
    was_deleting = change.type == "MODIFIED" and change.old is not None and is_deleting(change.old)
    if change.type == "DELETED" or was_deleting or not is_deleting(change.new):
        return ()
    return own_key(change, read)


def _sweep(namespace: str, resource: str, age: timedelta, context: Context) -> Remains:
    """Deletes everything of one resource in the namespace, and counts what stays."""
    found = context.read.list(resource, namespace)
    if not found:
        return Remains()
    estimate = estimate_seconds(found, age) if resource == "pods" else 0
    for obj in found:
        try:
            context.write.delete(resource, namespace, obj["metadata"]["name"], propagation="Background")
        except ApiError as error:
            if error.code != 404:
                return Remains({resource: len(found)}, {}, estimate, (error.message,))
    return calculate_remains(namespace, resource, context.read.list(resource, namespace), estimate)


def _tell(namespace: Object, remains: Remains, context: Context) -> Object:
    found = calculate_conditions(get(namespace, "status", "conditions"), remains, context.now)
    return context.write.update_status(NAMESPACES, replaced(namespace, ("status", "conditions"), found))
