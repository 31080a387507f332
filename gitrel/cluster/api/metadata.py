"""`metadata` on its way in: names, identity, time of creation, and what no update may change.

The rules are those of apiserver `pkg/registry/rest` and apimachinery `pkg/api/validation/objectmeta.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import (
    FieldError,
    forbidden_field,
    invalid_value,
    required,
    too_long,
)
from gitrel.cluster.kinds.kind import Kind, NameRule
from gitrel.kube.identity import Object

GENERATED_NAME_BASE_MAX = 58
"""generateName is cut to this, so that five letters more still make a DNS label."""
GENERATE_TRIES = 8

ANNOTATIONS_BYTES_MAX = 256 * 1024

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*\Z", re.ASCII)
_DNS_LABEL = re.compile(rf"{_LABEL}\Z", re.ASCII)
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z", re.ASCII)
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z", re.ASCII)

_SUBDOMAIN_SAYS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_SAYS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
    "start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_1035_SAYS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_QUALIFIED_SAYS = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_SAYS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    "for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def name_problems(name: str, rule: NameRule) -> Sequence[str]:
    """What is wrong with a name, in Kubernetes' words; empty when it is fine."""
    if rule == "path":
        bad = name in (".", "..") or "/" in name or "%" in name
        return ["may not be '.', '..' or contain '/' or '%'"] if bad else []
    pattern, longest, says = {
        "subdomain": (_SUBDOMAIN, 253, _SUBDOMAIN_SAYS),
        "label": (_DNS_LABEL, 63, _LABEL_SAYS),
        "service": (_DNS_1035, 63, _1035_SAYS),
    }[rule]
    problems = [f"must be no more than {longest} characters"] if len(name) > longest else []
    return problems if pattern.match(name) else [*problems, says]


def qualified_name_problems(key: str) -> Sequence[str]:
    """Label and annotation keys, finalizers: an optional DNS prefix and a name of at most 63 characters."""
    prefix, slash, name = key.rpartition("/")
    problems = []
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif slash and not _SUBDOMAIN.match(prefix):
        problems.append(f"prefix part {_SUBDOMAIN_SAYS}")
    if not name:
        return [*problems, "name part must be non-empty", f"name part {_QUALIFIED_SAYS}"]
    if len(name) > 63:
        problems.append("name part must be no more than 63 characters")
    return problems if _QUALIFIED.match(name) else [*problems, f"name part {_QUALIFIED_SAYS}"]


def label_errors(labels: Mapping[str, Any] | None, field: str) -> Iterator[FieldError]:
    for key, value in (labels or {}).items():
        for problem in qualified_name_problems(key):
            yield invalid_value(field, key, problem)
        if value and len(value) > 63:
            yield invalid_value(field, value, "must be no more than 63 bytes")
        if value and not _QUALIFIED.match(value):
            yield invalid_value(field, value, _VALUE_SAYS)


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


_KEPT = (
    "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "generation", "generateName",
)  # fmt: skip


def carried_over(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of an update: what the client sent, with what it cannot change taken from the "
    "stored object."""
    merged = {key: value for key, value in new.items() if key not in _KEPT and key != "selfLink"}
    for key in _KEPT:
        if key in old:
            merged[key] = old[key]
    merged["resourceVersion"] = old["resourceVersion"]
    return merged


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
     "resourceVersion", "selfLink")
)  # fmt: skip
