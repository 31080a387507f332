"""OpenAPI v2 documents in gnostic's protobuf encoding, the only one in which kubectl asks for them.

A table says for each message which key of the JSON document is which field (`openapiv2/OpenAPIv2.proto` of
google/gnostic-models); vendor extensions and free values travel as YAML, which JSON is. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

MEDIA = (
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
)
"""As clients ask for it, old and new; answers carry the second, whose name MIME allows."""

Encode = Callable[[Any], bytes]
Fields = Mapping[str, tuple[int, Encode]]

_NAME, _VALUE = 1, 2


def encoded(document: Mapping[str, Any]) -> bytes:
    """The whole document. What OpenAPI v2 does not know is left out."""
    return _message(document, _DOCUMENT)


# --- the wire ---------------------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _bytes_field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _message(value: Mapping[str, Any], fields: Fields, extensions: int = 0) -> bytes:
    """`extensions` is the number under which `x-…` travels; 0 where it is dropped."""
    parts = []
    for key, item in value.items():
        if key in fields:
            number, encode = fields[key]
            parts += [_bytes_field(number, encode(one)) for one in _each(item)]
        elif key.startswith("x-") and extensions:
            parts.append(_bytes_field(extensions, _named(key, _any(item))))
    return b"".join(parts)


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else (value,)


def _named(name: str, payload: bytes) -> bytes:
    return _bytes_field(_NAME, name.encode()) + _bytes_field(_VALUE, payload)


def _text(value: Any) -> bytes:
    return str(value).encode()


def _any(value: Any) -> bytes:
    return _bytes_field(2, orjson.dumps(value) + b"\n")


def _map(value: Mapping[str, Any], number: int, encode: Encode) -> bytes:
    return b"".join(_bytes_field(number, _named(name, encode(item))) for name, item in value.items())


# --- schemas ----------------------------------------------------------------------------------------------


def _schema(value: Mapping[str, Any]) -> bytes:
    return b"".join(_flags(value, _SCHEMA_FLAGS)) + _message(value, _SCHEMA, 31)


def _flags(value: Mapping[str, Any], numbers: Mapping[str, int]) -> Iterator[bytes]:
    """Switches that are on, and whole numbers that are not negative: all that Kubernetes' types have."""
    for key, number in numbers.items():
        item = value.get(key)
        if isinstance(item, int) and item > 0:
            yield _varint(number << 3) + _varint(int(item))


_SCHEMA_FLAGS = {
    "maxLength": 11,
    "minLength": 12,
    "maxItems": 14,
    "minItems": 15,
    "uniqueItems": 16,
    "maxProperties": 17,
    "minProperties": 18,
    "readOnly": 27,
}


def _properties(value: Mapping[str, Any]) -> bytes:
    return _map(value, 1, _schema)


def _schema_or_switch(value: Any) -> bytes:
    if isinstance(value, bool):
        return _varint(2 << 3) + _varint(int(value))
    return _bytes_field(1, _schema(value))


def _item(value: Mapping[str, Any]) -> bytes:
    return _bytes_field(1, _schema(value))


_SCHEMA: Fields = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "default": (5, _any),
    "pattern": (13, _text),
    "required": (19, _text),
    "enum": (20, _any),
    "additionalProperties": (21, _schema_or_switch),
    "type": (22, lambda value: _bytes_field(1, _text(value))),
    "items": (23, _item),
    "allOf": (24, _schema),
    "properties": (25, _properties),
    "example": (30, _any),
}


# --- paths ------------------------------------------------------------------------------------------------


def _parameter(value: Mapping[str, Any]) -> bytes:
    """One of a choice within a choice: in the body, or in the query or path."""
    if value["in"] == "body":
        required = b"".join(_flags(value, {"required": 4}))
        inner = _bytes_field(1, required + _message(value, _BODY_PARAMETER, 6))
    else:
        which, fields, unique = (4, _PATH, 19) if value["in"] == "path" else (3, _QUERY, 20)
        flags = b"".join(_flags(value, {"required": 1, "uniqueItems": unique}))
        inner = _bytes_field(2, _bytes_field(which, flags + _message(value, fields)))
    return _bytes_field(1, inner)


_BODY_PARAMETER: Fields = {
    "description": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "schema": (5, _schema),
}
_PATH: Fields = {"in": (2, _text), "description": (3, _text), "name": (4, _text), "type": (5, _text)}
_QUERY: Fields = {"in": (2, _text), "description": (3, _text), "name": (4, _text), "type": (6, _text)}

_RESPONSE: Fields = {"description": (1, _text), "schema": (2, _item)}


def _responses(value: Mapping[str, Any]) -> bytes:
    return _map(value, 1, lambda response: _bytes_field(1, _message(response, _RESPONSE, 5)))


_OPERATION: Fields = {
    "tags": (1, _text),
    "description": (3, _text),
    "operationId": (5, _text),
    "produces": (6, _text),
    "consumes": (7, _text),
    "parameters": (8, _parameter),
    "responses": (9, _responses),
}


def _operation(value: Mapping[str, Any]) -> bytes:
    return _message(value, _OPERATION, 13)


_PATH_ITEM: Fields = {
    "get": (2, _operation),
    "put": (3, _operation),
    "post": (4, _operation),
    "delete": (5, _operation),
    "patch": (8, _operation),
    "parameters": (9, _parameter),
}

_DOCUMENT: Fields = {
    "swagger": (1, _text),
    "info": (2, lambda value: _message(value, {"title": (1, _text), "version": (2, _text)})),
    "paths": (8, lambda value: _map(value, 2, lambda item: _message(item, _PATH_ITEM, 10))),
    "definitions": (9, lambda value: _map(value, 1, _schema)),
}
