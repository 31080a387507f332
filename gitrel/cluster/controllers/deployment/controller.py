"""The Deployment controller: one sync reads its ReplicaSets, does the one thing that is due, and tells.

The order of questions is that of Kubernetes `syncDeployment` (`pkg/controller/deployment`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from gitrel.cluster.controllers import claiming
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.cluster.controllers.deployment import progress, recreate, rollback, rolling, scaling
from gitrel.cluster.controllers.deployment.fenceposts import is_rolling
from gitrel.cluster.controllers.deployment.replicasets import Sets, active, asked_total, replicas, sort_out
from gitrel.cluster.controllers.deployment.rolling import Scale
from gitrel.cluster.controllers.deployment.sync import DEPLOYMENTS, REPLICASETS, Sync
from gitrel.cluster.controllers.echo import Echo
from gitrel.cluster.controllers.podstate import is_deleting
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object, controller_of


class DeploymentController:
    name = "deployment"

    def __init__(self) -> None:
        self._echo = Echo()

    @property
    def watches(self) -> Mapping[str, Callable[[Change, Reader], Iterable[Key]]]:
        by_set = claiming.keys_of_matching(DEPLOYMENTS, "Deployment", claiming.label_selector)
        return {DEPLOYMENTS: self._own_keys, REPLICASETS: by_set, "pods": _keys_of_recreate}

    def _own_keys(self, change: Change, read: Reader) -> Iterable[Key]:
        return () if self._echo.sounding else own_key(change, read)

    def reconcile(self, key: Key, context: Context) -> None:
        deployment = context.read.get(DEPLOYMENTS, *key)
        if deployment is None:
            return
        if not deployment["spec"].get("selector"):
            _refuse_everything(deployment, context)
            return
        sets = sort_out(deployment, _sync_claims(deployment, context))
        sync = Sync(deployment, context, self._echo)
        # One that is going away only counts.
        if is_deleting(deployment):
            sync.finish(sync.sync_new_set(sets, create=False))
            return
        # A pause and a resumption are told first: the deadline does not run in between.
        if (told := progress.calculate_paused(deployment, context.now)) is not None:
            sync.note(told)
            sync.write()
        # A paused one is scaled and tidied, but rolls nothing out.
        if deployment["spec"].get("paused"):
            _scale(sync, sets)
        elif (revision := rollback.requested_revision(deployment)) is not None:
            _roll_back(sync, sets, revision, context)
        elif scaling.is_scaling_event(sets.all, sync.posts.replicas):
            _scale(sync, sets)
        elif is_rolling(deployment):
            _roll(sync, sets)
        else:
            _recreate(sync, sets, context)


def _keys_of_recreate(change: Change, read: Reader) -> Iterable[Key]:
    """A pod that is gone may be the one that a Recreate has been waiting for."""
    if change.type != "DELETED":
        return
    namespace = change.new["metadata"]["namespace"]
    owner = controller_of(change.new)
    if owner is None or owner["kind"] != "ReplicaSet":
        return
    replicaset = read.get(REPLICASETS, namespace, owner["name"])
    parent = controller_of(replicaset) if replicaset else None
    if parent is None or parent["kind"] != "Deployment":
        return
    deployment = read.get(DEPLOYMENTS, namespace, parent["name"])
    if deployment is not None and not is_rolling(deployment):
        yield Key(namespace, parent["name"])


def _refuse_everything(deployment: Object, context: Context) -> None:
    """An empty selector selects every pod: it is warned of, and nothing is done."""
    message = "This deployment is selecting all pods. A non-empty selector is required."
    context.write.event(deployment, "Warning", "SelectingAll", message)
    generation = deployment["metadata"].get("generation", 0)
    if (deployment.get("status") or {}).get("observedGeneration", 0) < generation:
        seen = replaced(deployment, ("status", "observedGeneration"), generation)
        context.write.update_status(DEPLOYMENTS, seen)


def _sync_claims(deployment: Object, context: Context) -> Sequence[Object]:
    selector = deployment["spec"]["selector"]
    candidates: Iterable[Object]
    if labels := selector.get("matchLabels"):
        candidates = claiming.candidates(REPLICASETS, deployment, labels, context.read)
    else:
        candidates = context.read.list(REPLICASETS, deployment["metadata"]["namespace"])
    claim = claiming.calculate_claim(deployment, selector, candidates)
    reference = claiming.controller_reference("apps/v1", "Deployment", deployment)
    return claiming.sync_claim(REPLICASETS, claim, reference, context.write)


def _scale(sync: Sync, sets: Sets) -> None:
    """Follows `replicas` without rolling anything out."""
    sets = sync.sync_new_set(sets, create=False)
    reported: int = (sync.stored.get("status") or {}).get("replicas", 0)
    for scale in scaling.calculate_scales(sets, sync.posts, reported, is_rolling(sync.stored)):
        sync.scale(scale)
    if sync.stored["spec"].get("paused") and rollback.requested_revision(sync.stored) is None:
        sync.clean_up(sets.old)
    sync.finish(sets)


def _roll_back(sync: Sync, sets: Sets, revision: int, context: Context) -> None:
    """Answers a request made by annotation; the changed template is rolled out by the next sync."""
    sets = sync.sync_new_set(sets, create=True)
    sync.write()
    answer = rollback.calculate_rollback(sync.stored, sets.all, revision)
    context.write.event(sync.stored, answer.event_type, answer.reason, answer.message)
    context.write.update(DEPLOYMENTS, answer.deployment)


def _roll(sync: Sync, sets: Sets) -> None:
    """One step of a rolling update: up, or else down, or else tidy up; then tell."""
    sets = sync.sync_new_set(sets, create=True)
    assert sets.new is not None, "a set that could not be created raises"
    posts = sync.posts
    # Scale up, if we can.
    size = rolling.calculate_new_size(replicas(sets.new), asked_total(sets.all), posts)
    if size != replicas(sets.new) and sync.scale(Scale(sets.new, size)):
        sync.finish_rollout(sets)
        return
    # Scale down, if we can.
    scaled = [sync.scale(scale) for scale in rolling.calculate_old_sizes(sets.new, sets.old, posts)]
    sync.finish_rollout(sets)
    # Tidy up, once it has been said that all is done.
    if not any(scaled) and sync.was_complete:
        sync.clean_up(sets.old)


def _recreate(sync: Sync, sets: Sets, context: Context) -> None:
    """Everything old down, then everything new up."""
    sets = sync.sync_new_set(sets, create=False)
    # Scale down old sets.
    scaled = [sync.scale(Scale(old, 0)) for old in active(sets.old)]
    # Wait until none of their pods is left.
    pods = (pod for old in sets.old for pod in context.read.owned_by("pods", old["metadata"]["uid"]))
    if any(scaled) or recreate.has_old_pods(sets.old, pods):
        sync.finish_rollout(sets)
        return
    # Create the new set, or scale it up.
    if sets.new is None:
        sets = sync.sync_new_set(sets, create=True)
    assert sets.new is not None, "a set that could not be created raises"
    if replicas(sets.new) != sync.posts.replicas:
        sync.scale(Scale(sets.new, sync.posts.replicas))
    sync.finish_rollout(sets)
    if sync.was_complete:
        sync.clean_up(sets.old)
