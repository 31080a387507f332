"""`pod-template-hash`: the short name of a template, which names its ReplicaSet and tells its pods apart.

Kubernetes hashes Go's dump of the struct, which nothing but Go can reproduce; clients may only rely on its
alphabet and length. Here it is a hash of the template's canonical JSON, in the same alphabet.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

HASH_LABEL = "pod-template-hash"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' safe letters: no vowels, so no words."""
_SAFE = str.maketrans({digit: _ALPHABET[ord(digit) % len(_ALPHABET)] for digit in "0123456789"})


def calculate_hash(template: Mapping[str, Any], collisions: int = 0) -> str:
    """At most ten safe letters; stable for equal templates, different for each count of collisions."""
    canonical = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    salt = collisions.to_bytes(8, "little") if collisions else b""
    digest = blake2b(canonical, digest_size=4, salt=salt).digest()
    return str(int.from_bytes(digest, "little")).translate(_SAFE)


def same_template(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two templates are equal but for the hash that the controller itself adds."""
    return a.get("spec") == b.get("spec") and _metadata(a) == _metadata(b)


def _metadata(template: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**metadata, "labels": labels}


def with_hash(template: Mapping[str, Any], hash_: str) -> dict[str, Any]:
    metadata = template.get("metadata") or {}
    return {
        **template,
        "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), HASH_LABEL: hash_}},
    }


def without_hash(template: Mapping[str, Any]) -> dict[str, Any]:
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}
