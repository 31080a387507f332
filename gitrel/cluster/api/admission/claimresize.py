"""PersistentVolumeClaimResize: a claim grows only where its class says that volumes can."""

from __future__ import annotations

from gitrel.cluster.api.admission.defaultclasses import STORAGE
from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.kinds.claims import class_of
from gitrel.kube import quantities
from gitrel.kube.fields import get
from gitrel.kube.identity import Object


def _validate(attributes: Attributes, claim: Object) -> None:
    old = attributes.old or {}
    path = ("spec", "resources", "requests", "storage")
    if quantities.parse(get(claim, *path, default="0")) <= quantities.parse(get(old, *path, default="0")):
        return
    if get(old, "status", "phase") != "Bound":
        raise attributes.forbidden("Only bound persistent volume claims can be expanded")
    name = class_of(claim)
    found = attributes.read.get(STORAGE, "", name) if name else None
    if found is None or not found.get("allowVolumeExpansion"):
        raise attributes.forbidden(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
            "must support resize"
        )


PLUGINS = (
    Plugin("PersistentVolumeClaimResize", {"persistentvolumeclaims": ("UPDATE",)}, validate=_validate),
)
