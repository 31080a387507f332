"""StorageObjectInUseProtection: claims and volumes are held by a finalizer while somebody uses them."""

from __future__ import annotations

from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.kube.fields import replaced
from gitrel.kube.identity import Object

FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


def _admit(attributes: Attributes, obj: Object) -> Object:
    finalizer = FINALIZERS[attributes.kind.resource]
    finalizers = obj["metadata"].get("finalizers") or []
    if finalizer in finalizers:
        return obj
    return replaced(obj, ("metadata", "finalizers"), [*finalizers, finalizer])


PLUGINS = (Plugin("StorageObjectInUseProtection", dict.fromkeys(FINALIZERS, ("CREATE",)), admit=_admit),)
