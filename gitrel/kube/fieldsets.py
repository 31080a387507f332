"""The keys of `fieldsV1`, in which the server writes down who manages what: `f:` fields, `k:` items by their
keys, `v:` items by their value (apimachinery `fieldpath/serialize-pe.go`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def names_item(key: str, item: Any, *, as_written: bool = False) -> bool:
    """Whether the key names this item of a list. An item as people write it may leave a key to its default,
    as the protocol of a port."""
    if key[:2] not in ("k:", "v:"):
        return False
    try:
        named = json.loads(key[2:])
    except ValueError:
        return False
    if key.startswith("v:"):
        return bool(named == item)
    if not isinstance(named, Mapping) or not isinstance(item, Mapping) or not item.keys() & named.keys():
        return False
    return all(item.get(name, value if as_written else None) == value for name, value in named.items())
