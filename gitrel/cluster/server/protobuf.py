"""Kubernetes' protobuf encoding, read: what client-go's typed clients send. Answers to them are JSON.

A body is four bytes of magic and an envelope (`runtime.Unknown`) around the message of the kind that the
envelope names. Types come from the OpenAPI definitions, numbers from fieldnumbers.json. The outcome is what
the same client would have sent as JSON: without the zeros of fields that JSON omits.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from struct import unpack
from typing import Any, NamedTuple

import orjson

from gitrel.cluster.api import schema
from gitrel.cluster.api.apply.types import QUANTITY, Type
from gitrel.cluster.api.errors import ApiError, bad_request
from gitrel.cluster.server.fieldnumbers import FILE
from gitrel.kube.identity import Object

MAGIC = b"k8s\0"
MEDIA = "application/vnd.kubernetes.protobuf"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEPTH_MAX = 100
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_TIMES = frozenset((f"{_META}Time", f"{_META}MicroTime"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPTIONS = frozenset(("DeleteOptions",))
"""Kinds of meta/v1 that travel under the group and version of what they are about."""


class _Field(NamedTuple):
    name: str
    type: Type | None
    """None for a struct whose fields belong to the parent: then `name` is its definition."""
    says_zero: bool


def decoded(body: bytes) -> Object:
    """The object in a body. Raises ApiError 400."""
    if not body.startswith(MAGIC):
        raise bad_request("the body is not in Kubernetes' protobuf encoding")
    try:
        envelope = dict(_entries(memoryview(body)[len(MAGIC) :]))
        names = dict(_entries(envelope.get(1, memoryview(b""))))
        api_version, kind = (bytes(names.get(number, b"")).decode() for number in (1, 2))
        if bytes(envelope.get(3, b"")) or bytes(envelope.get(4, b"")) not in (b"", MEDIA.encode()):
            raise bad_request("the content of the protobuf envelope is encoded in an unknown way")
        message = _struct(envelope.get(2, memoryview(b"")), _type_of(api_version, kind), 0)
    except (ValueError, IndexError, TypeError, OverflowError) as wrong:
        raise bad_request(f"the protobuf message cannot be read: {wrong}") from None
    return {"apiVersion": api_version, "kind": kind, **message}


def _type_of(api_version: str, kind: str) -> Type:
    try:
        if kind in _OPTIONS:
            return schema.type_of("v1", kind)
        return schema.type_of(api_version, kind)
    except LookupError:
        message = f'no kind "{kind}" is registered for version "{api_version}"'
        raise ApiError(400, "BadRequest", message) from None


# --- the wire ---------------------------------------------------------------------------------------------


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _entries(data: memoryview) -> Iterator[tuple[int, Any]]:
    """(field number, int or bytes) in the order in which they stand. Raises ValueError, IndexError."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"unknown wire type {wire}")
        if at + size > end:
            raise ValueError("the message ends too early")
        yield number, data[at : at + size]
        at += size


# --- types ------------------------------------------------------------------------------------------------


@cache
def _numbers() -> Mapping[str, Mapping[str, int]]:
    table: Mapping[str, Mapping[str, int]] = orjson.loads(FILE.read_bytes())
    return table


_layouts: dict[tuple[str, str], Mapping[int, _Field]] = {}


def _layout(definition: str, type_: Type) -> Mapping[int, _Field]:
    """Number → field of one definition, whose fields have the types that `type_` gives them."""
    found = _layouts.get((definition, type_.name))
    if found is None:
        rows = {}
        for name, number in _numbers().get(definition, {}).items():
            if name.startswith("="):
                rows[abs(number)] = _Field(name[1:], None, True)
            elif (of := type_.fields.get(name)) is not None:
                rows[abs(number)] = _Field(name, of, number < 0)
        found = _layouts[definition, type_.name] = rows
    return found


def _struct(data: memoryview, type_: Type, depth: int, definition: str = "") -> Object:
    if depth > _DEPTH_MAX:
        raise ValueError("the message is nested too deeply")
    layout = _layout(definition or type_.name, type_)
    found: Object = {}
    for number, raw in _entries(data):
        field = layout.get(number)
        if field is None:
            continue
        if field.type is None:
            found |= _struct(raw, type_, depth + 1, field.name)
        elif field.type.shape == "list" and field.type.name == "":
            found.setdefault(field.name, []).append(_value(raw, field.type.element, depth))
        elif field.type.shape == "map":
            key, value = _pair(raw, field.type.element, depth)
            found.setdefault(field.name, {})[key] = value
        else:
            value = _value(raw, field.type, depth)
            if value is not None and (value or field.says_zero or isinstance(value, dict)):
                found[field.name] = value
    return found


def _pair(data: memoryview, type_: Type, depth: int) -> tuple[str, Any]:
    """An entry of a map: a message of its key and its value, either of which is left out where it is zero."""
    parts = dict(_entries(data))
    key = bytes(parts.get(1, b"")).decode()
    if type_.shape == "list":  # `map[string]ExtraValue`: a message of its items
        items = [_value(raw, type_.element, depth) for _, raw in _entries(parts.get(2, memoryview(b"")))]
        return key, items
    return key, _value(parts.get(2, memoryview(b"")), type_, depth)


def _value(raw: Any, type_: Type, depth: int) -> Any:
    if type_.name == QUANTITY:
        return bytes(dict(_entries(raw)).get(1, b"0")).decode() or "0"
    if type_.name == _INT_OR_STRING:
        parts = dict(_entries(raw))
        return bytes(parts.get(3, b"")).decode() if parts.get(1) else _signed(parts.get(2, 0))
    if type_.name in _TIMES:
        return _time(raw, micro=type_.name.endswith("MicroTime"))
    if type_.shape == "struct":
        return _struct(raw, type_, depth + 1)
    if type_.shape == "any":
        return _free(raw)
    if isinstance(raw, int):
        return bool(raw) if type_.scalar == "boolean" else _signed(raw)
    if type_.scalar == "number":
        return unpack("<d", raw)[0]
    return b64encode(raw).decode() if type_.format == "byte" else bytes(raw).decode()


def _free(raw: memoryview) -> Any:
    """RawExtension, FieldsV1, JSON: a message whose first field is JSON already."""
    text = bytes(dict(_entries(raw)).get(1, b""))
    return orjson.loads(text) if text else {}


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _time(raw: memoryview, *, micro: bool) -> str | None:
    parts = dict(_entries(raw))
    if not parts:
        return None
    instant = _EPOCH + timedelta(seconds=_signed(parts.get(1, 0)), microseconds=parts.get(2, 0) // 1000)
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")
