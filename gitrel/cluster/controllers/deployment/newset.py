"""The ReplicaSet of the current template as a value: a new one, or the existing one brought up to date."""

from __future__ import annotations

from gitrel.cluster.controllers.claiming import controller_reference
from gitrel.cluster.controllers.deployment import hashing, revisions, rolling
from gitrel.cluster.controllers.deployment.fenceposts import Fenceposts, is_rolling
from gitrel.cluster.controllers.deployment.replicasets import Sets, asked_total
from gitrel.cluster.controllers.deployment.scaling import size_annotations
from gitrel.kube.identity import Object, annotations_of


def build_new_set(deployment: Object, sets: Sets, posts: Fenceposts) -> Object:
    """The new set as it is to be created: named by the template's hash, as large as a first step allows."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    collisions = (deployment.get("status") or {}).get("collisionCount", 0)
    hash_ = hashing.calculate_hash(spec["template"], collisions)
    template = hashing.with_hash(spec["template"], hash_)
    selector = spec["selector"]
    size = posts.replicas
    if is_rolling(deployment):
        size = rolling.calculate_new_size(0, asked_total(sets.old), posts)
    revision = revisions.highest_revision(sets.old) + 1
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-{hash_}",
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": {
                **revisions.annotations_of_new(deployment, {}, revision),
                **size_annotations(posts),
            },
            "ownerReferences": [controller_reference("apps/v1", "Deployment", deployment)],
        },
        "spec": {
            "replicas": size,
            **({"minReadySeconds": ready} if (ready := spec.get("minReadySeconds")) else {}),
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), hashing.HASH_LABEL: hash_},
            },
            "template": template,
        },
    }


def updated_new_set(deployment: Object, new: Object, old_revision: int) -> Object:
    """The existing new set with the Deployment's annotations, revision and `minReadySeconds`.

    The very same object comes back where nothing is to change.
    """
    current = annotations_of(new)
    annotations = revisions.annotations_of_new(deployment, current, old_revision + 1)
    seconds = deployment["spec"].get("minReadySeconds", 0)
    same_seconds = seconds == new["spec"].get("minReadySeconds", 0)
    if annotations == current and same_seconds:
        return new
    told = {**new, "metadata": {**new["metadata"], "annotations": annotations}}
    return told if same_seconds else {**told, "spec": {**new["spec"], "minReadySeconds": seconds}}
