"""Kubernetes' own schemas, compiled once per kind, and their errors in words that name the field.

Two things are added to what the published definitions say: the grammar of quantities, and the ranges that
the API server checks in code. No value appears in a message: it may be a secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any

import jsonschema_rs
import orjson

from gitrel.kube import openapi, quantities
from gitrel.render.objects import Found
from gitrel.render.source import Path

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
_COUNT = {"minimum": 0}
_POSITIVE = {"minimum": 1}
_PORT = {"minimum": 1, "maximum": 65535}
_RANGES: dict[str, dict[str, int]] = {
    # Integer properties whose name has one meaning throughout the API (pkg/apis/*/validation).
    **dict.fromkeys(
        (
            "replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds", "parallelism",
            "completions", "backoffLimit", "ttlSecondsAfterFinished", "startingDeadlineSeconds",
            "successfulJobsHistoryLimit", "failedJobsHistoryLimit", "terminationGracePeriodSeconds",
            "initialDelaySeconds", "partition", "runAsUser", "runAsGroup", "fsGroup", "backoffLimitPerIndex",
        ),
        _COUNT,
    ),
    **dict.fromkeys(("maxReplicas", "periodSeconds", "successThreshold", "failureThreshold"), _POSITIVE),
    **dict.fromkeys(("activeDeadlineSeconds",), _POSITIVE),
    **dict.fromkeys(("containerPort", "port"), _PORT),
    "hostPort": {"minimum": 0, "maximum": 65535},
    "nodePort": {"minimum": 0, "maximum": 65535},
    "weight": {"minimum": 0},
}  # fmt: skip
_TYPE_WORDS = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "object": "a map", "array": "a list",
}  # fmt: skip


def _is_quantity(text: str) -> bool:
    try:
        quantities.parse(text)
    except ValueError:
        return False
    return True


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_FORMATS = {"quantity": _is_quantity, "byte": _is_base64}
_FORMAT_WORDS = {
    "quantity": ("is not a quantity", "write it as 500m, 2, 128Mi or 1.5Gi"),
    "byte": ("is not base64", "encode it, with the filter b64encode in a template, or use stringData"),
    "date-time": ("is not an instant", "write it as 2026-01-31T12:00:00Z"),
}


@cache
def _document(version: str) -> dict[str, Any]:
    """The definitions with quantities and ranges; our own copy, as the shared one is never edited."""
    document: dict[str, Any] = orjson.loads(orjson.dumps(openapi.document(version, strict=True)))
    definitions = document["$defs"]
    for definition in definitions.values():
        for name, field in definition.get("properties", {}).items():
            _add_ranges(name, field)
    definitions[_QUANTITY] = {"type": ["string", "number", "null"], "format": "quantity"}
    definitions[_INT_OR_STRING] = {"type": ["string", "integer", "null"]}
    return document


def _add_ranges(name: str, field: dict[str, Any]) -> None:
    types = field.get("type")
    if types != "integer" and (not isinstance(types, list) or "integer" not in types):
        return
    if field.get("format") == "int32":
        field.update(_INT32)
    field.update(_RANGES.get(name, {}))


@cache
def _registry(version: str) -> jsonschema_rs.Registry:
    document = _document(version)
    return jsonschema_rs.Registry([(document["$id"], document)])


@cache
def _validator(version: str, definition: str) -> Any:
    schema = {"$ref": f"{_document(version)['$id']}#/$defs/{definition}"}
    return jsonschema_rs.validator_for(
        schema,
        registry=_registry(version),
        formats=_FORMATS,
        validate_formats=True,
        mask="the value",
        offline=True,
    )


def schema_errors(found: Found, version: str, definition: str) -> Iterator[tuple[Path, str, str]]:
    """(path, what is wrong, what to do) for each field that the definition does not allow."""
    validator = _validator(version, definition)
    if validator.is_valid(found.object):
        return
    for error in validator.iter_errors(found.object):
        path = tuple(error.instance_path)
        for tail, what, todo in _words(error, version):
            field = dotted((*path, *tail))
            yield (*path, *tail), f"{field}: {what}" if field else what, todo


def _words(error: Any, version: str) -> Iterator[tuple[Path, str, str]]:
    """(rest of the path, what, todo) in plain words for one error of the validator."""
    kind = error.kind
    match kind.name:
        case "additionalProperties":
            known = _siblings(error, version)
            for name in kind.unexpected:
                yield (name,), "unknown field", _did_you_mean(name, known)
        case "required":
            yield (kind.property,), "is missing", "write it"
        case "type":
            types = [word for name in kind.types if (word := _TYPE_WORDS.get(name))]
            yield (), f"should be {' or '.join(types)}, is {_type_of(error.instance)}", _type_hint(error)
        case "minimum":
            yield (), f"may not be less than {kind.limit:,}", ""
        case "maximum":
            yield (), f"may not be more than {kind.limit:,}", ""
        case "format":
            what, todo = _FORMAT_WORDS.get(kind.format, (f"is not in the form {kind.format}", ""))
            yield (), what, todo
        case "enum":
            yield (), f"must be one of {', '.join(map(str, kind.options))}", ""
        case _:
            yield (), error.message, ""


def _siblings(error: Any, version: str) -> list[str]:
    """The fields that are allowed where an unknown one was found."""
    schema: Any = _document(version)
    for step in error.schema_path[:-1]:
        schema = schema[step] if isinstance(schema, list) else schema.get(step, {})
    return list(schema.get("properties", ()))


def _did_you_mean(name: str, known: list[str]) -> str:
    lower = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), lower, 1)
    if close:
        return f"did you mean {lower[close[0]]}?"
    return f"known fields: {', '.join(sorted(known))}" if 0 < len(known) <= 12 else "remove it"


def _type_of(value: Any) -> str:
    words: tuple[tuple[Any, str], ...] = (
        (type(None), "null"), (bool, "true or false"), (int | float, "a number"), (str, "text"),
        (dict, "a map"),
    )  # fmt: skip
    return next((word for kind, word in words if isinstance(value, kind)), "a list")


_WRITE = {
    "integer": "write a number such as 3",
    "number": "write a number such as 1.5",
    "boolean": "write true or false",
    "array": "start each item with '- '",
    "object": "write 'key: value' lines below it",
    "string": "write text",
}
"""Type of JSON Schema → what to write for it, the narrowest first."""


def _type_hint(error: Any) -> str:
    types, value = error.kind.types, error.instance
    if "string" in types and isinstance(value, bool | int | float):
        return "put it in quotes"
    quoted = isinstance(value, str) and (value.lstrip("-").isdigit() or value in ("true", "false"))
    if quoted and ("integer" in types or "boolean" in types):
        return "remove the quotes"
    return next((hint for kind, hint in _WRITE.items() if kind in types), "")


def dotted(path: Path) -> str:
    """`("spec", "containers", 0, "image")` → `spec.containers[0].image`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif "." in step or "/" in step:
            text += f"[{step!r}]"
        else:
            text += f".{step}" if text else step
    return text
