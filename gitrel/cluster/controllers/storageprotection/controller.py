"""Takes the protecting finalizer off deleted claims that no pod uses, and off volumes that no claim has.

`pkg/controller/volume/pvcprotection` and `pvprotection`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitrel.cluster.api.admission.storageinuse import FINALIZERS
from gitrel.cluster.api.quotas import is_terminal
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader, own_key
from gitrel.kube.identity import Object

CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"


def claims_of(pod: Object) -> Iterable[str]:
    """The names of the claims that a pod mounts, those made for it alone included."""
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if claim := volume.get("persistentVolumeClaim"):
            yield claim["claimName"]
        elif volume.get("ephemeral"):
            yield f"{pod['metadata']['name']}-{volume['name']}"


def _claims_of_ended(change: Change, read: Reader) -> Iterable[Key]:
    if change.type == "DELETED" or is_terminal(change.new):
        for name in claims_of(change.new):
            yield Key(change.new["metadata"]["namespace"], name)


class StorageProtectionController:
    """One for both kinds: a key without a namespace is a volume's."""

    name = "storageprotection"
    watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {
        CLAIMS: own_key,
        VOLUMES: own_key,
        "pods": _claims_of_ended,
    }

    def reconcile(self, key: Key, context: Context) -> None:
        resource = CLAIMS if key.namespace else VOLUMES
        obj = context.read.get(resource, key.namespace, key.name)
        finalizer = FINALIZERS[resource]
        if obj is None or not obj["metadata"].get("deletionTimestamp"):
            return
        finalizers = obj["metadata"].get("finalizers") or []
        if finalizer not in finalizers or _in_use(resource, obj, context.read):
            return
        rest = [name for name in finalizers if name != finalizer]
        metadata = {name: value for name, value in obj["metadata"].items() if name != "finalizers"}
        if rest:
            metadata["finalizers"] = rest
        context.write.update(resource, {**obj, "metadata": metadata})


def _in_use(resource: str, obj: Object, read: Reader) -> bool:
    if resource == VOLUMES:
        return bool((obj.get("status") or {}).get("phase") == "Bound")
    metadata = obj["metadata"]
    return any(
        metadata["name"] in claims_of(pod) and not is_terminal(pod) and pod["spec"].get("nodeName")
        for pod in read.list("pods", metadata["namespace"])
    )
