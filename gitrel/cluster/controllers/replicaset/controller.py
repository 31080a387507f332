"""The ReplicaSet controller: claims its pods, brings their number to what is asked, writes the status.

Reads are never stale here, so there are no expectations: what a sync created, the next one sees. The same
class serves any kind with `replicas`, a selector and a template, such as ReplicationController.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers import batches, claiming, podstate, podtemplate, ranking
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.controllers.echo import Echo
from gitrel.cluster.controllers.replicaset.status import Failure, calculate_counts, calculate_status
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object, controller_of


class ReplicaSetController:
    """`selector_of` gives the owner's LabelSelector; one that is empty selects nothing."""

    def __init__(
        self,
        name: str = "replicaset",
        resource: str = "replicasets.apps",
        api_version: str = "apps/v1",
        kind: str = "ReplicaSet",
        selector_of: Callable[[Object], Mapping[str, Any]] = claiming.label_selector,
    ) -> None:
        self.name = name
        self._resource = resource
        self._api_version = api_version
        self._kind = kind
        self._selector_of = selector_of
        self._echo = Echo()
        self._wake_by_pod = claiming.keys_of_matching(resource, kind, selector_of)

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        return {self._resource: self._own_keys, "pods": self._pod_keys}

    def _own_keys(self, change: Change, read: Reader) -> Iterable[Key]:
        return () if self._echo.sounding else own_key(change, read)

    def _pod_keys(self, change: Change, read: Reader) -> Iterable[Key]:
        if self._echo.sounding:
            return ()
        if change.old is not None and change.type == "MODIFIED" and _says_the_same(change.old, change.new):
            return ()
        return self._wake_by_pod(change, read)

    def reconcile(self, key: Key, context: Context) -> None:
        owner = context.read.get(self._resource, *key)
        if owner is None:
            return
        # Take what is ours, from two indexes.
        active = self._sync_claims(owner, context)
        # Bring the number of pods to what is asked, unless everything is going anyway.
        failed = None if podstate.is_deleting(owner) else self._sync_replicas(owner, active, context)
        # Say what is there now, and come back when the next ready pod becomes available.
        active, terminating = _split(context.read.owned_by("pods", owner["metadata"]["uid"]))
        self._sync_status(owner, active, terminating, failed[0] if failed else None, context)
        if failed:
            raise failed[1]

    def _sync_claims(self, owner: Object, context: Context) -> Sequence[Object]:
        selector = self._selector_of(owner)
        pods: Iterable[Object] = context.read.owned_by("pods", owner["metadata"]["uid"])
        if labels := selector.get("matchLabels"):
            pods = claiming.candidates("pods", owner, labels, context.read)
        elif selector:
            pods = context.read.list("pods", owner["metadata"]["namespace"])
        claim = claiming.calculate_claim(owner, selector, filter(podstate.is_active, pods))
        reference = claiming.controller_reference(self._api_version, self._kind, owner)
        return claiming.sync_claim("pods", claim, reference, context.write)

    def _sync_replicas(
        self, owner: Object, active: Sequence[Object], context: Context
    ) -> tuple[Failure, ApiError] | None:
        """At most `BURST` creations or deletions; what is left is for the next sync."""
        missing = owner["spec"].get("replicas", 1) - len(active)
        if abs(missing) > batches.BURST:
            metadata = owner["metadata"]
            context.requeue_at(Key(metadata["namespace"], metadata["name"]), context.now)
        if missing > 0:
            return self._sync_creations(owner, min(missing, batches.BURST), context)
        if missing < 0:
            return self._sync_deletions(owner, active, min(-missing, batches.BURST), context)
        return None

    def _sync_creations(self, owner: Object, count: int, context: Context) -> tuple[Failure, ApiError] | None:
        reference = claiming.controller_reference(self._api_version, self._kind, owner)
        pod = podtemplate.new_pod(owner["spec"]["template"], owner, reference)

        def create(_: int) -> None:
            try:
                with self._echo:
                    created = context.write.create("pods", pod)
            except ApiError as error:
                if not batches.is_namespace_terminating(error):
                    context.write.event(owner, "Warning", "FailedCreate", f"Error creating: {error.message}")
                raise
            message = f"Created pod: {created['metadata']['name']}"
            context.write.event(owner, "Normal", "SuccessfulCreate", message)

        _, error = batches.sync_in_batches(count, create)
        # A namespace that is going away needs no pods: nothing failed, and nothing is to be retried.
        if error is None or batches.is_namespace_terminating(error):
            return None
        return Failure("FailedCreate", error.message), error

    def _sync_deletions(
        self, owner: Object, active: Sequence[Object], count: int, context: Context
    ) -> tuple[Failure, ApiError] | None:
        related = self._related(owner, active, context.read) if count < len(active) else active
        first: ApiError | None = None
        for pod in ranking.calculate_pods_to_delete(active, count, related, context.now):
            name = pod["metadata"]["name"]
            try:
                with self._echo:
                    context.write.delete(
                        "pods", pod["metadata"]["namespace"], name, uid=pod["metadata"]["uid"]
                    )
            except ApiError as error:
                if error.code != 404:
                    context.write.event(owner, "Warning", "FailedDelete", f"Error deleting: {error.message}")
                    first = first or error
                continue
            context.write.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")
        return (Failure("FailedDelete", first.message), first) if first else None

    def _related(self, owner: Object, active: Sequence[Object], read: Reader) -> Sequence[Object]:
        """The pods of every set that has the same controller as this one; only its own where it has none."""
        parent = controller_of(owner)
        if parent is None:
            return active
        return [
            pod
            for sibling in read.owned_by(self._resource, parent["uid"])
            for pod in read.owned_by("pods", sibling["metadata"]["uid"])
        ]

    def _sync_status(
        self,
        owner: Object,
        active: Sequence[Object],
        terminating: int,
        failure: Failure | None,
        context: Context,
    ) -> None:
        counts = calculate_counts(active, owner["spec"].get("minReadySeconds", 0), context.now)
        status = calculate_status(owner, active, terminating, counts, failure, context.now)
        if status != owner.get("status"):
            with self._echo:
                context.write.update_status(self._resource, replaced(owner, ("status",), status))
        if counts.available_next is not None:
            metadata = owner["metadata"]
            context.requeue_at(Key(metadata["namespace"], metadata["name"]), counts.available_next)


def _split(pods: Iterable[Object]) -> tuple[list[Object], int]:
    """The active pods, and how many are terminating; one that has run to its end counts for neither."""
    alive = [pod for pod in pods if not podstate.is_terminal(pod)]
    active = [pod for pod in alive if not podstate.is_deleting(pod)]
    return active, len(alive) - len(active)


def _says_the_same(old: Object, new: Object) -> bool:
    """Whether nothing changed that a sync looks at (a binding and a pulled image change nothing here)."""
    before, after = old["metadata"], new["metadata"]
    return (
        before.get("labels") == after.get("labels")
        and before.get("ownerReferences") == after.get("ownerReferences")
        and before.get("deletionTimestamp") == after.get("deletionTimestamp")
        and (
            old.get("status") is new.get("status")
            or (
                podstate.phase(old) == podstate.phase(new)
                and podstate.ready_since(old) == podstate.ready_since(new)
            )
        )
    )
