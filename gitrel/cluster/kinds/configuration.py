"""ConfigMaps and Secrets: keys, sizes, and what `immutable` forbids."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, forbidden_field, invalid_value, required, too_long
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

SIZE_MAX = 1024 * 1024
_KEY = re.compile(r"[-._a-zA-Z0-9]+\Z", re.ASCII)
_KEY_SAYS = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_NEEDS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
"""Secret type → the keys that its data must have."""


def _key_errors(data: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    for key in data:
        if len(key) > 253:
            yield invalid_value(f"{at}[{key}]", key, "must be no more than 253 characters")
        if not _KEY.match(key):
            yield invalid_value(f"{at}[{key}]", key, _KEY_SAYS)
        elif key in (".", "..") or key.startswith(".."):
            says = (
                "must not be '.'"
                if key == "."
                else "must not be '..'"
                if key == ".."
                else "must not start with '..'"
            )
            yield invalid_value(f"{at}[{key}]", key, says)


def validate_config_map(obj: Object) -> Iterator[FieldError]:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    yield from _key_errors(data, "data")
    yield from _key_errors(binary, "binaryData")
    for key in data:
        if key in binary:
            yield invalid_value(f"data[{key}]", key, "duplicate of key present in binaryData")
    size = sum(len((value or "").encode()) for value in data.values())
    if size + sum(_decoded_size(value) for value in binary.values()) > SIZE_MAX:
        yield too_long("", SIZE_MAX)


def _decoded_size(text: str | None) -> int:
    return len(text or "") * 3 // 4


def _immutable_errors(new: Object, old: Object, *keys: str) -> Iterator[FieldError]:
    if not old.get("immutable"):
        return
    says = "field is immutable when `immutable` is set"
    for key in ("immutable", *keys):
        if new.get(key) != old.get(key):
            yield forbidden_field(key, says)


def validate_config_map_update(new: Object, old: Object) -> Iterator[FieldError]:
    yield from _immutable_errors(new, old, "data", "binaryData")


def default_secret(obj: Object) -> Object:
    """`stringData` is for writing only: it becomes base64 in `data`, winning over what is there."""
    if obj.get("type") and "stringData" not in obj:
        return obj
    new = {**obj, "type": obj.get("type") or "Opaque"}
    text = new.pop("stringData", None)
    if text:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
        new["data"] = {**(obj.get("data") or {}), **encoded}
    return new


def validate_secret(obj: Object) -> Iterator[FieldError]:
    data = obj.get("data") or {}
    yield from _key_errors(data, "data")
    for key, value in data.items():
        try:
            base64.b64decode(value or "", validate=True)
        except binascii.Error:
            # The value itself is never shown: it is a secret, if a broken one.
            yield FieldError("FieldValueInvalid", f"data[{key}]", "Invalid value: illegal base64 data")
    if sum(_decoded_size(value) for value in data.values()) > SIZE_MAX:
        yield too_long("data", SIZE_MAX)
    for key in _NEEDS.get(obj.get("type", ""), ()):
        if key not in data:
            yield required(f"data[{key}]")


def validate_secret_update(new: Object, old: Object) -> Iterator[FieldError]:
    yield from checks.immutable(new.get("type"), old.get("type"), "type")
    yield from _immutable_errors(new, old, "data")


KINDS = (
    Kind(
        "configmaps", "v1", "ConfigMap", short_names=("cm",), validate=validate_config_map,
        validate_update=validate_config_map_update,
    ),
    Kind(
        "secrets", "v1", "Secret", default=default_secret, validate=validate_secret,
        validate_update=validate_secret_update,
    ),
)  # fmt: skip
