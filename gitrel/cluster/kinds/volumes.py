"""PersistentVolumes (`pkg/apis/core/v1/defaults.go`, `pkg/apis/core/validation/validation.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, unsupported
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.claims import access_mode_errors, positive_quantity
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import name_problems
from gitrel.kube.identity import Object

SOURCES: Mapping[str, tuple[str, ...]] = {
    "awsElasticBlockStore": ("volumeID",), "azureDisk": ("diskName", "diskURI"),
    "azureFile": ("secretName", "shareName"), "cephfs": ("monitors",), "cinder": ("volumeID",),
    "csi": ("driver", "volumeHandle"), "fc": (), "flexVolume": ("driver",), "flocker": (),
    "gcePersistentDisk": ("pdName",), "glusterfs": ("endpoints", "path"), "hostPath": ("path",),
    "iscsi": ("targetPortal", "iqn"), "local": ("path",), "nfs": ("server", "path"),
    "photonPersistentDisk": ("pdID",), "portworxVolume": ("volumeID",),
    "quobyte": ("registry", "volume"), "rbd": ("monitors", "image"), "scaleIO": ("gateway", "system"),
    "storageos": (), "vsphereVolume": ("volumePath",),
}  # fmt: skip
"""Every kind of volume, with the fields it cannot do without."""

_SOURCE_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "kind": "Shared", "fsType": "ext4", "readOnly": False},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}
_POLICIES = ("Delete", "Recycle", "Retain")


def default_volume(obj: Object) -> Object:
    def default_spec(spec: Object) -> Object:
        spec = filled(spec, {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"})
        for source, defaults in _SOURCE_DEFAULTS.items():
            if spec.get(source) is not None:
                spec = {**spec, source: filled(spec[source], defaults)}
        return spec

    return changed(obj, "spec", default_spec)


def prepare_volume(obj: Object) -> Object:
    return {**obj, "status": {"phase": "Pending"}}


def validate_volume(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    modes = spec.get("accessModes") or ()
    if not modes:
        yield required("spec.accessModes")
    yield from access_mode_errors(modes, "spec.accessModes")
    yield from _capacity_errors(spec.get("capacity") or {})
    yield from checks.one_of(
        spec.get("persistentVolumeReclaimPolicy"), _POLICIES, "spec.persistentVolumeReclaimPolicy"
    )
    yield from _affinity_errors(spec)
    yield from _source_errors(spec)
    if name := spec.get("storageClassName"):
        for problem in name_problems(name, "subdomain"):
            yield invalid_value("spec.storageClassName", name, problem)
    yield from checks.one_of(spec.get("volumeMode"), ("Block", "Filesystem"), "spec.volumeMode")


def _capacity_errors(capacity: Mapping[str, Any]) -> Iterator[FieldError]:
    if not capacity:
        yield required("spec.capacity")
    if list(capacity) != ["storage"]:
        yield unsupported("spec.capacity", capacity or None, ["storage"])
    for name, amount in capacity.items():
        yield from positive_quantity(amount, f"spec.capacity[{name}]")


def _affinity_errors(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    affinity = spec.get("nodeAffinity")
    if affinity is not None and affinity.get("required") is None:
        yield required("spec.nodeAffinity.required", "must specify required node constraints")
    if spec.get("local") is not None and affinity is None:
        yield required("spec.nodeAffinity", "Local volume requires node affinity")


def _source_errors(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    present = [name for name in SOURCES if spec.get(name) is not None]
    if not present:
        yield required("spec", "must specify a volume type")
        return
    for extra in present[1:]:
        yield forbidden_field(f"spec.{extra}", "may not specify more than 1 volume type")
    source = spec[present[0]]
    for key in SOURCES[present[0]]:
        if not source.get(key):
            yield required(f"spec.{present[0]}.{key}")
    for key in ("hostPath", "local", "glusterfs", "nfs"):
        path = (spec.get(key) or {}).get("path") or ""
        if ".." in path.split("/"):
            yield invalid_value(f"spec.{key}.path", path, "must not contain '..'")
    if (spec.get("hostPath") or {}).get("path") == "/" and (
        spec.get("persistentVolumeReclaimPolicy") == "Recycle"
    ):
        says = "may not be 'recycle' for a hostPath mount of '/'"
        yield forbidden_field("spec.persistentVolumeReclaimPolicy", says)


def validate_volume_update(new: Object, old: Object) -> Iterator[FieldError]:
    before, after = old["spec"], new["spec"]
    if {k: before.get(k) for k in SOURCES} != {k: after.get(k) for k in SOURCES}:
        says = "spec.persistentvolumesource is immutable after creation"
        yield forbidden_field("spec.persistentvolumesource", says)
    yield from checks.immutable(after.get("volumeMode"), before.get("volumeMode"), "spec.volumeMode")
    if before.get("nodeAffinity") is not None:
        yield from checks.immutable(
            after.get("nodeAffinity"), before.get("nodeAffinity"), "spec.nodeAffinity"
        )


KINDS = (
    Kind(
        "persistentvolumes", "v1", "PersistentVolume", namespaced=False, short_names=("pv",), status=True,
        default=default_volume, prepare=prepare_volume, validate=validate_volume,
        validate_update=validate_volume_update,
    ),
)  # fmt: skip
