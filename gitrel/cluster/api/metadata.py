"""`metadata` on its way in: names, identity, time of creation, and what no update may change.

The rules are those of apiserver `pkg/registry/rest` and apimachinery `pkg/api/validation/objectmeta.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import (
    FieldError,
    forbidden_field,
    invalid_value,
    required,
    too_long,
)
from gitrel.cluster.kinds.kind import Kind
from gitrel.cluster.kinds.names import label_errors, name_problems, qualified_name_problems
from gitrel.kube.identity import Object

GENERATED_NAME_BASE_MAX = 58
"""generateName is cut to this, so that five letters more still make a DNS label."""
GENERATE_TRIES = 8

ANNOTATIONS_BYTES_MAX = 256 * 1024


def generated_name(base: str, is_free: Callable[[str], bool], suffix: Callable[[], str]) -> str:
    """Tried a few times; the last one may be taken."""
    name = ""
    for _ in range(GENERATE_TRIES):
        name = base[:GENERATED_NAME_BASE_MAX] + suffix()
        if is_free(name):
            break
    return name


def errors(metadata: Mapping[str, Any], kind: Kind) -> Iterator[FieldError]:
    """Everything that is wrong with the metadata of a new object."""
    name = metadata.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    else:
        for problem in name_problems(name, kind.name_rule):
            yield invalid_value("metadata.name", name, problem)
    yield from content_errors(metadata)


def content_errors(metadata: Mapping[str, Any], prefix: str = "metadata") -> Iterator[FieldError]:
    """Labels, annotations, finalizers and owners: also checked when they change."""
    yield from label_errors(metadata.get("labels"), f"{prefix}.labels")
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        # Keys of annotations are checked in lower case (ValidateAnnotations).
        for problem in qualified_name_problems(key.lower()):
            yield invalid_value(f"{prefix}.annotations", key, problem)
    if sum(len(k.encode()) + len((v or "").encode()) for k, v in annotations.items()) > ANNOTATIONS_BYTES_MAX:
        yield too_long(f"{prefix}.annotations", ANNOTATIONS_BYTES_MAX)
    for finalizer in metadata.get("finalizers") or ():
        for problem in qualified_name_problems(finalizer):
            yield invalid_value(f"{prefix}.finalizers", finalizer, problem)
    yield from _owner_errors(metadata.get("ownerReferences") or (), f"{prefix}.ownerReferences")


def _owner_errors(owners: Sequence[Mapping[str, Any]], field: str) -> Iterator[FieldError]:
    controllers = [owner for owner in owners if owner.get("controller")]
    for index, owner in enumerate(owners):
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                says = "must not be empty"
                yield invalid_value(f"{field}[{index}].{key}", owner.get(key) or "", says)
    if len(controllers) > 1:
        kinds = " and ".join(f"{owner['kind']}/{owner['name']}" for owner in controllers[:2])
        says = f'Only one reference can have Controller set to true. Found "true" in references for {kinds}'
        yield invalid_value(field, list(owners), says)


def update_errors(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[FieldError]:
    """What an update of metadata may not do (ValidateObjectMetaAccessorUpdate)."""
    yield from content_errors(new)
    if old.get("deletionTimestamp"):
        added = [f for f in new.get("finalizers") or () if f not in (old.get("finalizers") or ())]
        if added:
            quoted = ", ".join(f'"{name}"' for name in added)
            says = (
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                f"[]string{{{quoted}}}"
            )
            yield forbidden_field("metadata.finalizers", says)


_IGNORED = frozenset(("selfLink", "resourceVersion", "managedFields"))
_KEPT = (
    "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "generation", "generateName",
)  # fmt: skip


def carried_over(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of an update: what the client sent, but what it cannot change as it is stored."""
    merged = {key: value for key, value in new.items() if key not in _KEPT and key not in _IGNORED}
    for key in _KEPT:
        if key in old:
            merged[key] = old[key]
    merged["resourceVersion"] = old["resourceVersion"]
    if "managedFields" in old:
        sent = new.get("managedFields")
        merged["managedFields"] = sent if _is_record(sent) else old["managedFields"]
    return merged


def _is_record(entries: Any) -> bool:
    """Whether an update hands fields from one manager to another; what cannot be read is as if not sent
    (apimachinery `managedfields/internal/fieldmanager.go`, `Update`)."""
    return (
        isinstance(entries, list)
        and bool(entries)
        and all(
            isinstance(row, Mapping)
            and row.get("operation") in ("Apply", "Update")
            and isinstance(row.get("apiVersion"), str)
            and isinstance(row.get("fieldsV1"), Mapping)
            for row in entries
        )
    )


def fresh(
    obj: Object, *, name: str, namespace: str, uid: str, now: str, generation: int | None
) -> dict[str, Any]:
    """The metadata of a new object; what only the server may set is dropped from what the client sent."""
    metadata = {
        key: value for key, value in obj.get("metadata", {}).items() if key not in _SERVER_SET and value
    }
    metadata["name"] = name
    if namespace:
        metadata["namespace"] = namespace
    metadata["uid"] = uid
    metadata["creationTimestamp"] = now
    if generation is not None:
        metadata["generation"] = generation
    return metadata


_SERVER_SET = frozenset(
    ("namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
     "resourceVersion", "selfLink", "managedFields")
)  # fmt: skip
