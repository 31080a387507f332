"""The tables of volumes: claims, classes, drivers and attachments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gitrel.cluster.kinds.columns.printing import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Columns,
    boolean,
    field,
    joined,
)
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _modes(modes: Iterable[str]) -> str:
    given = frozenset(modes)
    return joined((short for mode, short in _MODES.items() if mode in given), "")


def _phase(obj: Object, now: datetime) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(get(obj, "status", "phase", default=""))


def _claim_capacity(claim: Object, now: datetime) -> str:
    bound = get(claim, "spec", "volumeName")
    return str(get(claim, "status", "capacity", "storage", default="")) if bound else ""


def _claim_modes(claim: Object, now: datetime) -> str:
    bound = get(claim, "spec", "volumeName")
    return _modes(get(claim, "status", "accessModes", default=())) if bound else ""


_CLASS = Column("StorageClass", field("spec", "storageClassName", default=""), "Its class.")
_ATTRIBUTES = Column(
    "VolumeAttributesClass", field("spec", "volumeAttributesClassName", default=UNSET), "Of its attributes."
)
_MODE = Column("VolumeMode", field("spec", "volumeMode", default=UNSET), "Files, or a block.", wide=True)

CLAIMS = Columns(
    (
        NAME,
        Column("Status", _phase, "Its phase."),
        Column("Volume", field("spec", "volumeName", default=""), "The volume it is bound to."),
        Column("Capacity", _claim_capacity, "How large that is."),
        Column("Access Modes", _claim_modes, "How it may be mounted."),
        _CLASS,
        _ATTRIBUTES,
        AGE,
        _MODE,
    )
)


def _claim(volume: Object, now: datetime) -> str:
    claim = get(volume, "spec", "claimRef")
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


VOLUMES = Columns(
    (
        NAME,
        Column("Capacity", field("spec", "capacity", "storage", default=""), "How large it is."),
        Column(
            "Access Modes",
            lambda o, now: _modes(get(o, "spec", "accessModes", default=())),
            "How it may be mounted.",
        ),
        Column("Reclaim Policy", field("spec", "persistentVolumeReclaimPolicy", default=""), "Its fate."),
        Column("Status", _phase, "Its phase."),
        Column("Claim", _claim, "The claim it is bound to."),
        _CLASS,
        _ATTRIBUTES,
        Column("Reason", field("status", "reason", default=""), "Why it is in this phase."),
        AGE,
        _MODE,
    )
)


def _class_name(obj: Object, now: datetime) -> str:
    default = (obj["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    return f"{obj['metadata']['name']} (default)" if default else str(obj["metadata"]["name"])


CLASSES = Columns(
    (
        Column("Name", _class_name, NAME.about, format="name"),
        Column("Provisioner", field("provisioner", default=""), "Who makes its volumes."),
        Column("ReclaimPolicy", field("reclaimPolicy", default="Delete"), "What becomes of its volumes."),
        Column("VolumeBindingMode", field("volumeBindingMode", default=UNSET), "When claims are bound."),
        Column("AllowVolumeExpansion", boolean("allowVolumeExpansion"), "Whether they may grow."),
        AGE,
    )
)
ATTRIBUTE_CLASSES = Columns(
    (NAME, Column("DriverName", field("driverName", default=""), "Whose attributes they are."), AGE)
)
DRIVERS = Columns(
    (
        NAME,
        Column("AttachRequired", boolean("spec", "attachRequired", default=True), "Attached first."),
        Column("PodInfoOnMount", boolean("spec", "podInfoOnMount"), "Told of the pod."),
        Column("StorageCapacity", boolean("spec", "storageCapacity"), "Tells how much is free."),
        Column(
            "TokenRequests",
            lambda o, now: joined(
                (row.get("audience", "") for row in get(o, "spec", "tokenRequests", default=())), UNSET
            ),
            "Audiences of the tokens it gets.",
        ),
        Column("RequiresRepublish", boolean("spec", "requiresRepublish"), "Mounted again and again."),
        Column(
            "Modes",
            lambda o, now: joined(get(o, "spec", "volumeLifecycleModes", default=())),
            "Which volumes it has.",
        ),
        AGE,
    )
)
NODES = Columns(
    (
        NAME,
        Column("Drivers", lambda o, now: len(get(o, "spec", "drivers", default=())), "How many.", "integer"),
        AGE,
    )
)
CAPACITIES = Columns(
    (
        NAME,
        Column("StorageClassName", field("storageClassName", default=""), "Of which class."),
        Column("Capacity", field("capacity", default=UNSET), "How much is free."),
        AGE,
    )
)
ATTACHMENTS = Columns(
    (
        NAME,
        Column("Attacher", field("spec", "attacher", default=""), "Who attaches it."),
        Column("PV", field("spec", "source", "persistentVolumeName", default=NONE), "What is attached."),
        Column("Node", field("spec", "nodeName", default=""), "Where to."),
        Column("Attached", boolean("status", "attached"), "Whether it is."),
        AGE,
    )
)
