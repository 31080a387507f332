"""A CustomResourceDefinition as an object: its defaults, its first status, and what is wrong with it.

The rules of apiextensions `pkg/apis/apiextensions/{v1/defaults.go,validation}` and `registry/
customresourcedefinition/strategy.go`. Of conversions only `None` is known; asking for a webhook is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.crds import columns, names, structural
from gitrel.cluster.api.crds.structure import parse
from gitrel.cluster.api.errors import (
    FieldError,
    forbidden_field,
    invalid_value,
    not_found_value,
    required,
    unsupported,
)
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.names import name_problems
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object

RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""The finalizer that keeps a definition until its objects are gone."""

_APPROVAL = "api-approved.kubernetes.io"
_PATH = re.compile(r"(\.[-_a-zA-Z0-9]+)+\Z", re.ASCII)
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")


# --- defaults and status ----------------------------------------------------------------------------------


def default_definition(obj: Object) -> Object:
    return changed(obj, "spec", _default_spec)


def _default_spec(spec: Object) -> Object:
    spec = filled(spec, {"conversion": {"strategy": "None"}})
    spec = changed(spec, "conversion", lambda conversion: filled(conversion, {"strategy": "None"}))
    return changed(spec, "names", _default_names)


def _default_names(wanted: Object) -> Object:
    kind = wanted.get("kind") or ""
    return filled(wanted, {"singular": kind.lower(), "listKind": f"{kind}List"}) if kind else wanted


def prepare_definition(obj: Object) -> Object:
    """The names are accepted later, when the others are known (`names.calculated`)."""
    stored = [v["name"] for v in get(obj, "spec", "versions", default=()) if v.get("storage")]
    status = {"conditions": [], "acceptedNames": {"kind": "", "plural": ""}, "storedVersions": stored}
    return {**obj, "status": status}


def prepare_definition_update(new: Object, old: Object) -> Object:
    """A version that becomes the one to store is remembered: objects in it will be there."""
    stored = list(get(old, "status", "storedVersions", default=()))
    for version in get(new, "spec", "versions", default=()):
        if version.get("storage") and version.get("name") not in stored:
            stored.append(version.get("name"))
    return replaced(new, ("status", "storedVersions"), stored)


def held(obj: Object) -> bool:
    """Never removed at once: the first deletion marks it, and its objects go first."""
    return not obj["metadata"].get("deletionTimestamp")


def terminating(obj: Object) -> Object:
    finalizers = obj["metadata"].get("finalizers") or []
    if CLEANUP not in finalizers:
        obj = replaced(obj, ("metadata", "finalizers"), [*finalizers, CLEANUP])
    if any(c["type"] == "Terminating" for c in get(obj, "status", "conditions", default=())):
        return obj
    condition = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": obj["metadata"]["deletionTimestamp"],
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    }
    return replaced(obj, ("status", "conditions"), [*get(obj, "status", "conditions", default=()), condition])


# --- validation -------------------------------------------------------------------------------------------


def validate_definition(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    wanted = spec.get("names") or {}
    expected = f"{wanted.get('plural') or ''}.{spec.get('group') or ''}"
    if obj["metadata"].get("name") != expected:
        says = 'must be spec.names.plural+"."+spec.group'
        yield invalid_value("metadata.name", obj["metadata"].get("name") or "", says)
    yield from _group(obj, spec.get("group") or "")
    scope = spec.get("scope")
    if not scope:
        yield required("spec.scope")
    elif scope not in ("Cluster", "Namespaced"):
        yield unsupported("spec.scope", scope, ("Cluster", "Namespaced"))
    if spec.get("preserveUnknownFields"):
        says = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
            "spec.versions[*].schema instead"
        )
        yield invalid_value("spec.preserveUnknownFields", True, says)
    yield from _names(wanted)
    yield from _versions(spec.get("versions") or ())
    yield from _conversion(spec.get("conversion") or {})


def _group(obj: Object, group: str) -> Iterator[FieldError]:
    if not group:
        yield required("spec.group")
        return
    for problem in name_problems(group, "subdomain"):
        yield invalid_value("spec.group", group, problem)
    if "." not in group:
        yield invalid_value("spec.group", group, "should be a domain with at least one dot")
    guarded = ("k8s.io", "kubernetes.io")
    annotations = obj["metadata"].get("annotations") or {}
    if any(group == name or group.endswith(f".{name}") for name in guarded) and not annotations.get(
        _APPROVAL
    ):
        says = (
            f'protected groups must have approval annotation "{_APPROVAL}", '
            "see https://github.com/kubernetes/enhancements/pull/1111"
        )
        yield required(f"metadata.annotations[{_APPROVAL}]", says)


def _names(wanted: Mapping[str, Any]) -> Iterator[FieldError]:
    at = "spec.names"
    for key in ("plural", "singular"):
        if not wanted.get(key):
            yield required(f"{at}.{key}")
        else:
            yield from _label(wanted[key], f"{at}.{key}")
    for key in ("kind", "listKind"):
        value = wanted.get(key)
        if not value:
            yield required(f"{at}.{key}")
            continue
        for problem in name_problems(value.lower(), "service"):
            says = f"may have mixed case, but should otherwise match: {problem}"
            yield invalid_value(f"{at}.{key}", value, says)
    for key in ("shortNames", "categories"):
        for index, value in enumerate(wanted.get(key) or ()):
            yield from _label(value, f"{at}.{key}[{index}]")
    if wanted.get("kind") and wanted.get("kind") == wanted.get("listKind"):
        yield invalid_value(f"{at}.listKind", wanted["listKind"], "kind and listKind may not be the same")


def _label(value: str, field: str) -> Iterator[FieldError]:
    for problem in name_problems(value, "service"):
        yield invalid_value(field, value, problem)


def _versions(versions: Sequence[Mapping[str, Any]]) -> Iterator[FieldError]:
    at = "spec.versions"
    known = [version.get("name") or "" for version in versions]
    for index, name in enumerate(known):
        for problem in name_problems(name, "service"):
            yield invalid_value(f"{at}[{index}].name", name, problem)
    if len(set(known)) != len(known):
        yield invalid_value(at, known, "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid_value(at, known, "must have exactly one version marked as storage version")
    for part, field, check in (
        ("schema", "validation", _schema),
        ("subresources", "subresources", _subresources),
        ("additionalPrinterColumns", "additionalPrinterColumns", _columns),
        ("selectableFields", "selectableFields", _selectable),
    ):
        parts = [version.get(part) for version in versions]
        # What all versions have in common stands above them (apis/apiextensions/v1/conversion.go).
        if parts and all(part == parts[0] for part in parts):
            yield from check(parts[0], f"spec.{field}")
        else:
            for index, one in enumerate(parts):
                yield from check(one, f"{at}[{index}].{part}")


def _schema(part: Mapping[str, Any] | None, path: str) -> Iterator[FieldError]:
    schema = (part or {}).get("openAPIV3Schema")
    if schema is None:
        yield required(f"{path}.openAPIV3Schema", "schemas are required")
        return
    found = list(structural.errors(schema, f"{path}.openAPIV3Schema"))
    yield from found
    if not found and parse(schema).has_rules:
        # Imported late: expressions take 50 ms to load, and most clusters never see one.
        from gitrel.cluster.api.crds import rulecheck

        yield from rulecheck.errors(schema, f"{path}.openAPIV3Schema")


def _subresources(part: Mapping[str, Any] | None, path: str) -> Iterator[FieldError]:
    scale = (part or {}).get("scale")
    if scale is None:
        return
    for key, roots in (
        ("specReplicasPath", (".spec",)),
        ("statusReplicasPath", (".status",)),
        ("labelSelectorPath", (".spec", ".status")),
    ):
        value, at = scale.get(key) or "", f"{path}.scale.{key}"
        if not value:
            if key != "labelSelectorPath":
                yield required(at)
        elif not _PATH.match(value):
            yield invalid_value(at, value, "is not a json path without the array notation")
        elif not any(value.startswith(f"{root}.") for root in roots):
            yield invalid_value(at, value, f"should be a json path under {' or '.join(roots)}")


def _columns(rows: Sequence[Mapping[str, Any]] | None, path: str) -> Iterator[FieldError]:
    for index, column in enumerate(rows or ()):
        at = f"{path}[{index}]"
        for key in ("name", "type", "jsonPath"):
            if not column.get(key):
                yield required(f"{at}.{key}")
        type_, format_ = column.get("type"), column.get("format")
        if type_ and type_ not in _COLUMN_TYPES:
            yield invalid_value(f"{at}.type", type_, f"must be one of {','.join(_COLUMN_TYPES)}")
        if format_ and format_ not in _COLUMN_FORMATS:
            yield invalid_value(f"{at}.format", format_, f"must be one of {','.join(_COLUMN_FORMATS)}")
        path_ = column.get("jsonPath") or ""
        if path_ and (problem := columns.path_problem(path_)):
            yield invalid_value(f"{at}.jsonPath", path_, problem)


def _selectable(fields: Sequence[Mapping[str, Any]] | None, path: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    if len(fields or ()) > 8:
        says = f"Too many: {len(fields or ())}: must have at most 8 items"
        yield FieldError("FieldValueTooMany", path, says)
    for index, field in enumerate(fields or ()):
        at, value = f"{path}[{index}].jsonPath", field.get("jsonPath") or ""
        if not value:
            yield required(at)
        elif not _PATH.match(value):
            yield invalid_value(at, value, "is an invalid path: must be a simple path of fields")
        elif value in seen:
            yield FieldError("FieldValueDuplicate", at, f'Duplicate value: "{value}"')
        seen.add(value)


def _conversion(conversion: Mapping[str, Any]) -> Iterator[FieldError]:
    strategy = conversion.get("strategy")
    if strategy != "None":
        yield unsupported("spec.conversion.strategy", strategy, ("None",))
    elif conversion.get("webhook"):
        says = "should not be set when strategy is not set to Webhook"
        yield forbidden_field("spec.conversion.webhook", says)


def validate_definition_update(new: Object, old: Object) -> Iterator[FieldError]:
    """What stays for ever: the group, the plural and, once established, scope and kind."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    yield from checks.immutable(spec.get("group"), before.get("group"), "spec.group")
    plural, was = get(spec, "names", "plural"), get(before, "names", "plural")
    yield from checks.immutable(plural, was, "spec.names.plural")
    if names.is_established(old):
        yield from checks.immutable(spec.get("scope"), before.get("scope"), "spec.scope")
        kind, was = get(spec, "names", "kind"), get(before, "names", "kind")
        yield from checks.immutable(kind, was, "spec.names.kind")
    there = {version.get("name") for version in spec.get("versions") or ()}
    for index, name in enumerate(get(old, "status", "storedVersions", default=())):
        if name not in there:
            says = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                "spec.versions until a storage migration ensures no data remains persisted in "
                f"{name} and removes {name} from status.storedVersions"
            )
            yield invalid_value(f"status.storedVersions[{index}]", name, says)


def validate_definition_status(new: Object, old: Object) -> Iterator[FieldError]:
    """Storage versions may be taken off when nothing is stored in them any more, all but the present one."""
    stored = get(new, "status", "storedVersions", default=())
    versions = get(new, "spec", "versions", default=())
    there = {version.get("name") for version in versions}
    if not stored:
        yield required("status.storedVersions", "must have at least one stored version")
    for index, name in enumerate(stored):
        if name not in there:
            yield not_found_value(f"status.storedVersions[{index}]", name)
    for version in versions:
        if version.get("storage") and version.get("name") not in stored:
            says = f"must have the storage version {version.get('name')}"
            yield invalid_value("status.storedVersions", list(stored), says)
