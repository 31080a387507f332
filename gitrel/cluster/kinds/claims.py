"""PersistentVolumeClaims (`pkg/apis/core/v1/defaults.go`, `pkg/apis/core/validation/validation.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, unsupported
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, filled_pointers
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import name_problems
from gitrel.kube import quantities
from gitrel.kube.fields import get
from gitrel.kube.identity import Object

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_UPDATE_SAYS = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound "
    "claims"
)
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def default_claim(obj: Object) -> Object:
    obj = changed(obj, "spec", lambda spec: filled_pointers(spec, {"volumeMode": "Filesystem"}))
    return changed(obj, "spec", _with_data_source_ref)


def _with_data_source_ref(spec: Object) -> Object:
    """`dataSource` and `dataSourceRef` say the same; the newer field is filled from the older one."""
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and ref is None:
        return {**spec, "dataSourceRef": source}
    if ref is not None and source is None and not ref.get("namespace"):
        group, kind = ref.get("apiGroup") or "", ref.get("kind")
        if (group, kind) in (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")):
            return {**spec, "dataSource": ref}
    return spec


def prepare_claim(obj: Object) -> Object:
    return {**obj, "status": {"phase": "Pending"}}


def validate_claim(obj: Object) -> Iterator[FieldError]:
    yield from claim_spec_errors(obj.get("spec") or {}, "spec")


def claim_spec_errors(spec: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    modes = spec.get("accessModes") or ()
    if not modes:
        yield required(f"{at}.accessModes", "at least 1 access mode is required")
    yield from access_mode_errors(modes, f"{at}.accessModes")
    yield from checks.label_selector(spec.get("selector"), f"{at}.selector")
    requests = get(spec, "resources", "requests", default={})
    if "storage" not in requests:
        yield required(f"{at}.resources[storage]")
    else:
        yield from positive_quantity(requests["storage"], f"{at}.resources[storage]")
    if name := spec.get("storageClassName"):
        for problem in name_problems(name, "subdomain"):
            yield invalid_value(f"{at}.storageClassName", name, problem)
    yield from checks.one_of(spec.get("volumeMode"), ("Block", "Filesystem"), f"{at}.volumeMode")
    source = spec.get("dataSource")
    if source is not None:
        yield from _source_errors(source, f"{at}.dataSource")


def _source_errors(source: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    for key in ("name", "kind"):
        if not source.get(key):
            yield required(f"{at}.{key}")
    if not source.get("apiGroup") and source.get("kind") not in (None, "", "PersistentVolumeClaim"):
        says = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        yield invalid_value(at, source.get("kind"), says)


def access_mode_errors(modes: Sequence[str], at: str) -> Iterator[FieldError]:
    for mode in modes:
        yield from checks.one_of(mode, ACCESS_MODES, at)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield forbidden_field(at, "may not use ReadWriteOncePod with other access modes")


def positive_quantity(value: Any, field: str) -> Iterator[FieldError]:
    try:
        amount = quantities.parse(value)
    except ValueError:
        yield from checks.quantity(value, field)
        return
    if amount <= 0:
        yield invalid_value(field, value, "must be greater than zero")


def validate_claim_update(new: Object, old: Object) -> Iterator[FieldError]:
    before, after = old["spec"], new["spec"]
    bound = get(old, "status", "phase") == "Bound"
    fixed = _fixed(before, bound), _fixed(after, bound)
    if not before.get("volumeName") and after.get("volumeName"):
        # Binding: the controller, or whoever binds by hand, names the volume once.
        fixed = _without(fixed[0], "volumeName"), _without(fixed[1], "volumeName")
    if before.get("storageClassName") is None and after.get("storageClassName") is not None:
        # A default class that came later is assigned to claims that wait for one.
        fixed = _without(fixed[0], "storageClassName"), _without(fixed[1], "storageClassName")
    if fixed[0] != fixed[1]:
        yield forbidden_field("spec", _UPDATE_SAYS)
    asked, had = _storage(after), _storage(before)
    if bound and asked < had:
        capacity = quantities.parse(get(old, "status", "capacity", "storage", default="0"))
        if asked < capacity or capacity == 0:
            yield forbidden_field(
                "spec.resources.requests.storage", "field can not be less than status.capacity"
            )


def _storage(spec: Mapping[str, Any]) -> Any:
    return quantities.parse(get(spec, "resources", "requests", "storage", default="0"))


def _fixed(spec: Object, bound: bool) -> Object:
    return _without(spec, "resources", "volumeAttributesClassName") if bound else spec


def _without(spec: Object, *names: str) -> Object:
    return {key: value for key, value in spec.items() if key not in names}


def validate_claim_status(new: Object, old: Object) -> Iterator[FieldError]:
    status = new.get("status") or {}
    if not status.get("phase"):
        yield required("status.phase")
    elif status["phase"] not in ("Pending", "Bound", "Lost"):
        yield unsupported("status.phase", status["phase"], ["Bound", "Lost", "Pending"])
    for name, amount in (status.get("capacity") or {}).items():
        yield from checks.quantity(amount, f"status.capacity[{name}]")


def class_of(obj: Object) -> str | None:
    """The class that a claim or volume asks for; None where it says nothing about it."""
    named: str | None = get(obj, "metadata", "annotations", _CLASS_ANNOTATION)
    return named if named is not None else (obj.get("spec") or {}).get("storageClassName")


KINDS = (
    Kind(
        "persistentvolumeclaims", "v1", "PersistentVolumeClaim", short_names=("pvc",), status=True,
        default=default_claim, prepare=prepare_claim, validate=validate_claim,
        validate_update=validate_claim_update, validate_status=validate_claim_status,
    ),
)  # fmt: skip
