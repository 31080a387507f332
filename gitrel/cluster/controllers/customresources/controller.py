"""Deletes the objects of a definition that is being deleted, and gives freed names to those who wait.

Kubernetes `apiextensions-apiserver/pkg/controller/{finalizer,status}`: a definition goes when its last object
has gone, and a name that clashed is accepted when the other one lets go of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitrel.cluster.api.crds import names
from gitrel.cluster.api.crds.definition import CLEANUP, RESOURCE
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers import instants
from gitrel.cluster.controllers.controller import ANY, Change, Context, Key, Kinds, Reader
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.kube.conditions import find, with_condition
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object


class CustomResourceController:
    """Keys: the names of definitions."""

    name = "customresources"

    def __init__(self) -> None:
        self._kinds: Kinds | None = None

    def discover(self, kinds: Kinds) -> None:
        self._kinds = kinds

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]] | None]:
        builtin = dict.fromkeys(k.resource for k in self._kinds or () if not k.custom)
        return {**builtin, RESOURCE: _keys_of_definitions, ANY: _keys_of_deleted}

    def reconcile(self, key: Key, context: Context) -> None:
        definition = context.read.get(RESOURCE, "", key.name)
        if definition is None:
            return
        if is_deleting(definition):
            self._clean_up(definition, context)
            return
        others = [o for o in context.read.list(RESOURCE) if o["metadata"]["name"] != key.name]
        told = names.calculated(definition, others, instants.stamp(context.now))
        if told is not definition:
            context.write.update_status(RESOURCE, told)

    def _clean_up(self, definition: Object, context: Context) -> None:
        """Deletes what is there; lets the definition go when nothing is left."""
        if CLEANUP not in (definition["metadata"].get("finalizers") or ()):
            return
        if _reason(definition) == "InstanceDeletionPending":
            definition = _told(
                definition,
                "True",
                "InstanceDeletionInProgress",
                "CustomResource deletion is in progress",
                context,
            )
        resource = definition["metadata"]["name"]
        for obj in context.read.list(resource):
            if not is_deleting(obj):
                _delete(resource, obj, context)
        if context.read.list(resource):
            # The last one to go wakes this definition again.
            return
        definition = _told(definition, "False", "InstanceDeletionCompleted", "removed all instances", context)
        left = [name for name in definition["metadata"]["finalizers"] if name != CLEANUP]
        context.write.update(RESOURCE, replaced(definition, ("metadata", "finalizers"), left))


def _delete(resource: str, obj: Object, context: Context) -> None:
    metadata = obj["metadata"]
    try:
        context.write.delete(resource, metadata.get("namespace", ""), metadata["name"], uid=metadata["uid"])
    except ApiError as error:
        if error.code != 404:
            raise


def _reason(definition: Object) -> str:
    found = find(get(definition, "status", "conditions"), "Terminating")
    return str(found.get("reason", "")) if found else ""


def _told(definition: Object, status: str, reason: str, message: str, context: Context) -> Object:
    now = instants.stamp(context.now)
    conditions = with_condition(
        get(definition, "status", "conditions"),
        "Terminating",
        status,
        now=now,
        reason=reason,
        message=message,
    )
    return context.write.update_status(RESOURCE, replaced(definition, ("status", "conditions"), conditions))


def _keys_of_definitions(change: Change, read: Reader) -> Iterable[Key]:
    """Its own key when its deletion begins; those that wait for a name when it may have let go of one."""
    name = change.new["metadata"]["name"]
    if change.type != "DELETED" and is_deleting(change.new):
        yield Key("", name)
    freed = change.type == "DELETED" or (
        change.old is not None
        and get(change.old, "status", "acceptedNames") != get(change.new, "status", "acceptedNames")
    )
    if freed:
        for other in read.list(RESOURCE):
            accepted = find(get(other, "status", "conditions"), names.NAMES_ACCEPTED)
            if other["metadata"]["name"] != name and accepted and accepted["status"] == "False":
                yield Key("", other["metadata"]["name"])


def _keys_of_deleted(change: Change, read: Reader) -> Iterable[Key]:
    """A custom object that went may have been the last one of a definition that waits for it."""
    if change.type == "DELETED":
        definition = read.get(RESOURCE, "", change.resource)
        if definition is not None and is_deleting(definition):
            yield Key("", change.resource)
