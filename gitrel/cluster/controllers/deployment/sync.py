"""What one sync of a Deployment may do to the cluster: scale, create, clean up, and say so in the status.

The Deployment is carried along as a value: conditions and annotations gather on it, and are written once, at
the end. The words of Events are those of Kubernetes `pkg/controller/deployment/sync.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.batches import is_namespace_terminating
from gitrel.cluster.controllers.controller import Context, Key
from gitrel.cluster.controllers.deployment import newset, progress, revisions, scaling
from gitrel.cluster.controllers.deployment.fenceposts import calculate_fenceposts
from gitrel.cluster.controllers.deployment.hashing import same_template
from gitrel.cluster.controllers.deployment.replicasets import Sets, replicas
from gitrel.cluster.controllers.deployment.rolling import Scale
from gitrel.cluster.controllers.deployment.status import calculate_status, is_complete
from gitrel.cluster.controllers.echo import Echo
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object, annotations_of, controller_of

DEPLOYMENTS = "deployments.apps"
REPLICASETS = "replicasets.apps"


class Sync:
    """One pass over one Deployment. `deployment` is what it will be; `stored` what is written so far."""

    def __init__(self, deployment: Object, context: Context, echo: Echo) -> None:
        self.stored = deployment
        self.deployment = deployment
        self.posts = calculate_fenceposts(deployment)
        self._context = context
        self._echo = echo
        self._now = context.now

    # --- the Deployment's own record --------------------------------------------------------------------

    @property
    def conditions(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = get(self.deployment, "status", "conditions", default=())
        return found

    def note(self, found: Sequence[Mapping[str, Any]]) -> None:
        self.deployment = replaced(self.deployment, ("status", "conditions"), list(found))

    def _note_progress(self, status: str, reason: str, message: str) -> None:
        if progress.deadline_of(self.deployment) is not None:
            verdict = progress.Verdict(progress.PROGRESSING, status, reason, message)
            self.note(progress.with_condition(self.conditions, verdict, self._now))

    def _note_revision(self, replicaset: Object) -> None:
        revision = annotations_of(replicaset).get(revisions.REVISION, "")
        if annotations_of(self.deployment).get(revisions.REVISION) != revision:
            path = ("metadata", "annotations")
            annotations = {**annotations_of(self.deployment), revisions.REVISION: revision}
            self.deployment = replaced(self.deployment, path, annotations)

    def write(self) -> None:
        """Writes what differs from what is stored: the status, and the annotations that travel with it."""
        status = self.deployment.get("status") or {}
        annotations = annotations_of(self.deployment)
        same = status == (self.stored.get("status") or {}) and annotations == annotations_of(self.stored)
        if not same:
            wanted = replaced(self.stored, ("status",), status)
            if annotations:
                wanted = replaced(wanted, ("metadata", "annotations"), annotations)
            with self._echo:
                self.stored = self._context.write.update_status(DEPLOYMENTS, wanted)

    # --- ReplicaSets ------------------------------------------------------------------------------------

    def scale(self, scale: Scale) -> bool:
        """Sets the size, and the annotations that remember why; True when the size changed."""
        metadata = scale.replicaset["metadata"]
        current = self._context.read.get(REPLICASETS, metadata["namespace"], metadata["name"])
        if current is None:
            return False
        before = replicas(current)
        annotations = {**annotations_of(current), **scaling.size_annotations(self.posts)}
        if before == scale.replicas and annotations == annotations_of(current):
            return False
        wanted = replaced(current, ("metadata", "annotations"), annotations)
        self._context.write.update(REPLICASETS, replaced(wanted, ("spec", "replicas"), scale.replicas))
        if before != scale.replicas:
            self._tell_scaled(metadata["name"], before, scale.replicas)
        return before != scale.replicas

    def _tell_scaled(self, name: str, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        message = f"Scaled {way} replica set {name} from {before} to {after}"
        self._context.write.event(self.stored, "Normal", "ScalingReplicaSet", message)

    def sync_new_set(self, sets: Sets, *, create: bool) -> Sets:
        """Brings the new set's annotations up to date, or creates it where there is none and it may be."""
        if sets.new is not None:
            new = newset.updated_new_set(self.deployment, sets.new, revisions.highest_revision(sets.old))
            if new is not sets.new:
                new = self._context.write.update(REPLICASETS, new)
            if progress.find(self.conditions) is None:
                message = f'Found new replica set "{new["metadata"]["name"]}"'
                self._note_progress("True", progress.FOUND, message)
                self.write()
        elif create:
            new = self._create_new_set(sets)
        else:
            return sets
        self._note_revision(new)
        return Sets(new, sets.old)

    def _create_new_set(self, sets: Sets) -> Object:
        wanted = newset.build_new_set(self.deployment, sets, self.posts)
        name = wanted["metadata"]["name"]
        try:
            new = self._context.write.create(REPLICASETS, wanted)
        except ApiError as error:
            return self._resolve_failed_creation(wanted, error)
        if replicas(new) > 0:
            self._tell_scaled(name, 0, replicas(new))
        # Kubernetes tells of a resumption first, and that makes the telling of this a conflict.
        told = progress.find(self.conditions)
        if told is None or told["reason"] != progress.RESUMED:
            self._note_progress("True", progress.CREATED, f'Created new replica set "{name}"')
        return new

    def _resolve_failed_creation(self, wanted: Object, error: ApiError) -> Object:
        """Our own set of that name will do; anybody else's is a collision; the rest is a failure to tell."""
        name = wanted["metadata"]["name"]
        if error.reason == "AlreadyExists":
            there = self._context.read.get(REPLICASETS, wanted["metadata"]["namespace"], name)
            owner = controller_of(there) if there else None
            ours = owner is not None and owner["uid"] == self.stored["metadata"]["uid"]
            if there and ours and same_template(wanted["spec"]["template"], there["spec"]["template"]):
                return there
            count = get(self.deployment, "status", "collisionCount", default=0) + 1
            self.deployment = replaced(self.deployment, ("status", "collisionCount"), count)
            self.write()
        elif not is_namespace_terminating(error):
            message = f'Failed to create new replica set "{name}": {error.message}'
            self._note_progress("False", progress.CREATE_ERROR, message)
            self.write()
            self._context.write.event(self.stored, "Warning", progress.CREATE_ERROR, message)
        raise error

    def clean_up(self, old: Sequence[Object]) -> None:
        """Deletes the old sets beyond the history limit."""
        for replicaset in revisions.calculate_surplus(
            old, self.stored["spec"].get("revisionHistoryLimit", 10)
        ):
            metadata = replicaset["metadata"]
            self._context.write.delete(REPLICASETS, metadata["namespace"], metadata["name"])

    # --- the ways to end --------------------------------------------------------------------------------

    def finish(self, sets: Sets) -> None:
        """Writes the counts, and leaves progress as it is: no rollout is being carried out."""
        status = calculate_status(self.deployment, sets, self.posts, self.conditions, self._now)
        self.deployment = {**self.deployment, "status": status}
        self.write()

    def finish_rollout(self, sets: Sets) -> None:
        """Writes the counts and how the rollout progresses, and comes back at its deadline."""
        status = calculate_status(self.deployment, sets, self.posts, self.conditions, self._now)
        complete = is_complete(self.deployment, status)
        new_name = sets.new["metadata"]["name"] if sets.new else None
        found = progress.calculate_progress(self.deployment, status, complete, new_name, self._now)
        status["conditions"] = progress.with_failure(found, sets, self._now)
        self.deployment = {**self.deployment, "status": status}
        self.write()
        look = progress.next_look(status, complete, progress.deadline_of(self.deployment))
        if look is not None and look > self._now:
            metadata = self.stored["metadata"]
            self._context.requeue_at(Key(metadata["namespace"], metadata["name"]), look)

    @property
    def was_complete(self) -> bool:
        """Whether the status already written says so: old sets are only cleaned up after it was said."""
        return is_complete(self.stored, self.stored.get("status") or {})
