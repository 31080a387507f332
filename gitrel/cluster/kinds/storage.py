"""Storage classes, CSI drivers and attachments (`pkg/apis/storage/v1/defaults.go`, `validation`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, duplicate, forbidden_field, invalid_value, required
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, filled_pointers
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import name_problems, qualified_name_problems
from gitrel.kube.identity import Object

BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
DRIVER_NAME_MAX = 63

# --- StorageClass -----------------------------------------------------------------------------------------


def default_class(obj: Object) -> Object:
    return filled_pointers(obj, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"})


def validate_class(obj: Object) -> Iterator[FieldError]:
    provisioner = obj.get("provisioner") or ""
    if not provisioner:
        yield required("provisioner")
    for problem in qualified_name_problems(provisioner.lower()) if provisioner else ():
        yield invalid_value("provisioner", provisioner, problem)
    for key in obj.get("parameters") or {}:
        if not key:
            yield invalid_value("parameters", key, "field can not be empty.")
    yield from checks.one_of(obj.get("reclaimPolicy"), ("Delete", "Retain"), "reclaimPolicy")
    yield from checks.one_of(obj.get("volumeBindingMode"), BINDING_MODES, "volumeBindingMode")


def validate_class_update(new: Object, old: Object) -> Iterator[FieldError]:
    for key in ("parameters", "provisioner"):
        if new.get(key) != old.get(key):
            yield forbidden_field(key, f"updates to {key} are forbidden.")
    if new.get("reclaimPolicy") != old.get("reclaimPolicy"):
        yield forbidden_field("reclaimPolicy", "updates to reclaimPolicy are forbidden.")
    yield from checks.immutable(
        new.get("volumeBindingMode"), old.get("volumeBindingMode"), "volumeBindingMode"
    )


# --- CSI --------------------------------------------------------------------------------------------------

_DRIVER = {
    "attachRequired": True,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "podInfoOnMount": False,
    "requiresRepublish": False,
    "seLinuxMount": False,
    "storageCapacity": False,
    "volumeLifecycleModes": ["Persistent"],
}


def default_driver(obj: Object) -> Object:
    return changed(obj, "spec", lambda spec: filled_pointers(spec, _DRIVER))


def validate_driver(obj: Object) -> Iterator[FieldError]:
    name = obj["metadata"].get("name") or ""
    if len(name) > DRIVER_NAME_MAX and not any(name_problems(name, "subdomain")):
        yield FieldError("FieldValueTooLong", "metadata.name", "Too long: may not be more than 63 bytes")
    spec = obj.get("spec") or {}
    policies = ("File", "None", "ReadWriteOnceWithFSType")
    yield from checks.one_of(spec.get("fsGroupPolicy"), policies, "spec.fsGroupPolicy")
    for mode in spec.get("volumeLifecycleModes") or ():
        modes = ("Persistent", "Ephemeral")
        yield from checks.one_of(mode, modes, "spec.volumeLifecycleModes", as_told=True)
    audiences: set[str] = set()
    for index, request in enumerate(spec.get("tokenRequests") or ()):
        audience = request.get("audience") or ""
        if audience in audiences:
            yield duplicate(f"spec.tokenRequests[{index}].audience", audience)
        audiences.add(audience)


def driver_name_errors(name: str, field: str) -> Iterator[FieldError]:
    if not name:
        yield required(field)
        return
    if len(name) > DRIVER_NAME_MAX:
        yield FieldError("FieldValueTooLong", field, "Too long: may not be more than 63 bytes")
    for problem in name_problems(name.lower(), "subdomain"):
        yield invalid_value(field, name, problem)


def validate_driver_update(new: Object, old: Object) -> Iterator[FieldError]:
    before, after = old["spec"], new["spec"]
    for key in ("attachRequired", "volumeLifecycleModes"):
        yield from checks.immutable(after.get(key), before.get(key), f"spec.{key}")


def validate_node(obj: Object) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, driver in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        at, name = f"spec.drivers[{index}]", driver.get("name") or ""
        yield from driver_name_errors(name, f"{at}.name")
        if name in seen:
            yield duplicate(f"{at}.name", name)
        seen.add(name)
        if not driver.get("nodeID"):
            yield required(f"{at}.nodeID")
        for key in driver.get("topologyKeys") or ():
            for problem in qualified_name_problems(key):
                yield invalid_value(f"{at}.topologyKeys", key, problem)


def validate_node_update(new: Object, old: Object) -> Iterator[FieldError]:
    """A driver that is registered is taken off and put back, not changed."""
    before = {row.get("name"): row for row in (old.get("spec") or {}).get("drivers") or ()}
    for driver in (new.get("spec") or {}).get("drivers") or ():
        known = before.get(driver.get("name"))
        if known is not None and _fixed_driver(known) != _fixed_driver(driver):
            yield invalid_value("CSINode.Spec.Drivers", driver, "field is immutable")


def _fixed_driver(driver: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in driver.items() if key != "allocatable"}


def validate_capacity(obj: Object) -> Iterator[FieldError]:
    for problem in name_problems(obj.get("storageClassName") or "", "subdomain"):
        yield invalid_value("storageClassName", obj.get("storageClassName") or "", problem)
    for key in ("capacity", "maximumVolumeSize"):
        if obj.get(key) is not None:
            yield from checks.quantity(obj[key], key)
    yield from checks.label_selector(obj.get("nodeTopology"), "nodeTopology")


def validate_capacity_update(new: Object, old: Object) -> Iterator[FieldError]:
    for key in ("nodeTopology", "storageClassName"):
        yield from checks.immutable(new.get(key), old.get(key), key)


# --- VolumeAttachment and VolumeAttributesClass -----------------------------------------------------------


def prepare_attachment(obj: Object) -> Object:
    return {**obj, "status": {"attached": False}}


def validate_attachment(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from driver_name_errors(spec.get("attacher") or "", "spec.attacher")
    node = spec.get("nodeName") or ""
    for problem in name_problems(node, "subdomain"):
        yield invalid_value("spec.nodeName", node, problem)
    source = spec.get("source") or {}
    inline, named = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and named is None:
        says = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        yield required("spec.source", says)
    elif inline is not None and named is not None:
        says = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        yield forbidden_field("spec.source", says)
    elif named == "":
        yield required("spec.source.persistentVolumeName", "must specify non empty persistentVolumeName")


def validate_attachment_update(new: Object, old: Object) -> Iterator[FieldError]:
    if new.get("spec") != old.get("spec"):
        yield invalid_value("spec", new.get("spec"), "field is immutable")


def validate_attributes(obj: Object) -> Iterator[FieldError]:
    yield from driver_name_errors(obj.get("driverName") or "", "driverName")
    if not obj.get("parameters"):
        yield required("parameters", "must contain at least one key/value pair")


def validate_attributes_update(new: Object, old: Object) -> Iterator[FieldError]:
    for key in ("driverName", "parameters"):
        if new.get(key) != old.get(key):
            yield forbidden_field(key, f"updates to {key} are forbidden.")


_GROUP, _V1 = "storage.k8s.io", "storage.k8s.io/v1"

KINDS = (
    Kind(
        f"storageclasses.{_GROUP}", _V1, "StorageClass", namespaced=False, short_names=("sc",),
        default=default_class, validate=validate_class, validate_update=validate_class_update,
    ),
    Kind(
        f"csidrivers.{_GROUP}", _V1, "CSIDriver", namespaced=False,
        default=default_driver, validate=validate_driver, validate_update=validate_driver_update,
    ),
    Kind(
        f"csinodes.{_GROUP}", _V1, "CSINode", namespaced=False, validate=validate_node,
        validate_update=validate_node_update,
    ),
    Kind(
        f"csistoragecapacities.{_GROUP}", _V1, "CSIStorageCapacity", validate=validate_capacity,
        validate_update=validate_capacity_update,
    ),
    Kind(
        f"volumeattachments.{_GROUP}", _V1, "VolumeAttachment", namespaced=False, status=True,
        prepare=prepare_attachment, validate=validate_attachment,
        validate_update=validate_attachment_update,
    ),
    Kind(
        f"volumeattributesclasses.{_GROUP}", _V1, "VolumeAttributesClass", namespaced=False,
        short_names=("vac",), validate=validate_attributes, validate_update=validate_attributes_update,
    ),
)  # fmt: skip
