"""The garbage collector: follows owner references, whatever kinds they join.

There is no graph to keep: the index of owners answers who depends on whom, and a change wakes exactly the
objects whose fate it can decide. A key's name is `<resource>/<name>`, for it works on every kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.scheme import Scheme
from gitrel.cluster.controllers.controller import ANY, Change, Context, Key, Kinds, Reader
from gitrel.cluster.controllers.garbagecollector import references
from gitrel.cluster.controllers.garbagecollector.references import Delete, Reference
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.registry import BUILTIN
from gitrel.kube.identity import Object

IGNORED = frozenset(("events",))
"""Neither own nor are owned (Kubernetes ignores the same ones)."""


class GarbageCollector:
    """It collects every kind of its cluster; a reference to any other is taken to be in good order."""

    name = "garbagecollector"

    def __init__(self, kinds: Iterable[Kind] = BUILTIN) -> None:
        """`kinds` are those that are there from the start; others are discovered."""
        self._builtin = tuple(kinds)
        self._kinds: Kinds = Scheme(self._builtin)

    def discover(self, kinds: Kinds) -> None:
        self._kinds = kinds

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]] | None]:
        named = {kind.resource: self._keys for kind in self._builtin if kind.resource not in IGNORED}
        return {**named, **dict.fromkeys(IGNORED), ANY: self._keys}

    def _keys(self, change: Change, read: Reader) -> Iterable[Key]:
        """The objects whose fate the change can decide; for nearly every change there are none."""
        new, old = change.new["metadata"], change.old["metadata"] if change.old else {}
        if change.type == "DELETED":
            return self._keys_of_deleted(change, read)
        owners, before = new.get("ownerReferences"), old.get("ownerReferences")
        if (
            old
            and (owners is before or owners == before)
            and new.get("deletionTimestamp") == old.get("deletionTimestamp")
            and new.get("finalizers") == old.get("finalizers")
        ):
            return ()
        return self._keys_of_written(change, read)

    def _keys_of_deleted(self, change: Change, read: Reader) -> Iterator[Key]:
        """What it owned may have lost its last owner; what owned it may have been waiting for that."""
        for resource, dependent in self._dependents(change.new, read):
            yield _key(resource, dependent)
        yield from self._keys_of_waiting_owners(change.new, read)

    def _keys_of_written(self, change: Change, read: Reader) -> Iterator[Key]:
        new, old = change.new, change.old
        if references.is_waiting(new) or references.is_orphaning(new):
            yield _key(change.resource, new)
        if any(self._standing(r, new, read) != "solid" for r in references.references_of(new)):
            yield _key(change.resource, new)
        if old is not None and references.references_of(old):
            yield from self._keys_of_waiting_owners(old, read)

    def _keys_of_waiting_owners(self, dependent: Object, read: Reader) -> Iterator[Key]:
        for reference in references.references_of(dependent):
            if self._standing(reference, dependent, read) == "waiting":
                kind = self._kind(reference)
                assert kind is not None, "an owner that waits is of a known kind"
                namespace = dependent["metadata"].get("namespace", "") if kind.namespaced else ""
                yield Key(namespace, f"{kind.resource}/{reference['name']}")

    def reconcile(self, key: Key, context: Context) -> None:
        resource, _, name = key.name.partition("/")
        obj = context.read.get(resource, key.namespace, name)
        if obj is None:
            return
        if references.is_orphaning(obj):
            self._sync_orphans(resource, obj, context)
        elif references.is_waiting(obj):
            self._sync_waiting(resource, obj, context)
        elif not is_deleting(obj):
            self._collect(resource, obj, context)

    def _sync_orphans(self, resource: str, owner: Object, context: Context) -> None:
        """Takes the reference to the owner off every dependent, and then lets the owner go."""
        uid = frozenset((owner["metadata"]["uid"],))
        for kind, dependent in self._dependents(owner, context.read):
            context.write.update(kind, references.without_owners(dependent, uid))
        context.write.update(resource, references.without_finalizer(owner, references.ORPHAN))

    def _sync_waiting(self, resource: str, owner: Object, context: Context) -> None:
        """Collects its dependents; when none is left that blocks its end, lets the owner go."""
        for kind, dependent in list(self._dependents(owner, context.read)):
            if not is_deleting(dependent):
                self._collect(kind, dependent, context)
        left = [dependent for _, dependent in self._dependents(owner, context.read)]
        if not references.blocking(owner, left):
            context.write.update(resource, references.without_finalizer(owner, references.FOREGROUND))

    def _collect(self, resource: str, obj: Object, context: Context) -> None:
        """Deletes the object, or the references to owners that are gone, or neither."""
        if self._has_impossible_owner(obj, context):
            return
        standings = {
            reference["uid"]: self._standing(reference, obj, context.read)
            for reference in references.references_of(obj)
        }
        dependents = [dependent for _, dependent in self._dependents(obj, context.read)]
        verdict = references.decide(obj, standings, dependents)
        if isinstance(verdict, Delete):
            self._delete(resource, obj, verdict, context)
        elif verdict.drop:
            context.write.update(resource, references.without_owners(obj, verdict.drop))

    def _delete(self, resource: str, obj: Object, verdict: Delete, context: Context) -> None:
        if verdict.unblock:
            context.write.update(resource, references.unblocked(obj))
        metadata = obj["metadata"]
        try:
            context.write.delete(
                resource,
                metadata.get("namespace", ""),
                metadata["name"],
                uid=metadata["uid"],
                propagation=verdict.propagation,
            )
        except ApiError as error:
            if error.code != 404:
                raise

    def _dependents(self, owner: Object, read: Reader) -> Iterator[tuple[str, Object]]:
        """Everything that refers to the owner's UID, with its resource."""
        uid = owner["metadata"]["uid"]
        for kind in self._kinds:
            if kind.stored and kind.resource not in IGNORED:
                for dependent in read.owned_by(kind.resource, uid):
                    yield kind.resource, dependent

    def _kind(self, reference: Reference) -> Kind | None:
        kind = self._kinds.find(reference["apiVersion"], reference["kind"])
        return None if kind is None or kind.resource in IGNORED else kind

    def _standing(self, reference: Reference, dependent: Object, read: Reader) -> references.Standing:
        """A namespaced owner is looked for in the dependent's own namespace and nowhere else."""
        kind = self._kind(reference)
        if kind is None:
            return "solid"
        namespace = dependent["metadata"].get("namespace", "") if kind.namespaced else ""
        return references.standing(reference, read.get(kind.resource, namespace, reference["name"]))

    def _has_impossible_owner(self, obj: Object, context: Context) -> bool:
        """A cluster-scoped object cannot be owned by a namespaced one: it is told, and never collected."""
        if obj["metadata"].get("namespace"):
            return False
        for reference in references.references_of(obj):
            kind = self._kind(reference)
            if kind is not None and kind.namespaced:
                said = f"{reference['apiVersion']}/{reference['kind']}, name: {reference['name']}"
                message = f"ownerRef [{said}] of a cluster-scoped object refers to a namespaced owner"
                context.write.event(obj, "Warning", "OwnerRefInvalidNamespace", message)
                return True
        return False


def _key(resource: str, obj: Object) -> Key:
    metadata = obj["metadata"]
    return Key(metadata.get("namespace", ""), f"{resource}/{metadata['name']}")
