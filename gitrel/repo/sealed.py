"""What SOPS leaves readable: which files and values are encrypted, and of which type a value is.

    password: ENC[AES256_GCM,data:…,iv:…,tag:…,type:str]
    sops: {mac: …, age: […], version: …}

Nothing is decrypted here: the catalog holds the ciphertext, which is what explaining, comparing and listing
parameters work on. Only rendering decrypts; see `render.sops`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KEY = "sops"
"""The top-level key under which SOPS keeps its metadata."""
MARK = "ENC[AES256_GCM,"
"""How every encrypted value begins."""
_SEALED = re.compile(
    r"ENC\[AES256_GCM,data:[^,\]]*,iv:[^,\]]*,tag:[^,\]]*,type:(str|int|float|bool|bytes|comment)\]\Z"
)
ADVICE = "encrypt parameters only: sops encrypt --encrypted-regex '^parameters$'"


def is_sealed(text: str) -> bool:
    """Whether the text is a value that SOPS encrypted."""
    return text.startswith(MARK) and _SEALED.match(text) is not None


def type_of(text: str) -> str:
    """`str`, `int`, `float` or `bool`: what the sealed text decrypts to. ValueError for other texts."""
    match = _SEALED.match(text)
    if match is None:
        raise ValueError("not encrypted by SOPS")
    return match[1]


def holds_sealed(value: Any) -> bool:
    """Whether an encrypted value stands anywhere in plain data."""
    if isinstance(value, str):
        return is_sealed(value)
    if isinstance(value, Mapping):
        return any(map(holds_sealed, value.values()))
    return isinstance(value, list) and any(map(holds_sealed, value))


def is_encrypted(document: Any) -> bool:
    """Whether a YAML document is a file that SOPS wrote."""
    metadata = document.get(KEY) if isinstance(document, Mapping) else None
    return isinstance(metadata, Mapping) and "mac" in metadata


def without_metadata(document: Any) -> Any:
    """The document without what SOPS keeps for itself: the same for the same values, whoever may decrypt."""
    if not isinstance(document, Mapping):
        return document
    return {key: value for key, value in document.items() if key != KEY}
