"""Whether two JSON values are the same: as Python compares, but that true is not 1."""

from __future__ import annotations

from typing import Any


def same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, dict):
        if not isinstance(other, dict) or len(one) != len(other):
            return False
        return all(key in other and same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        if not isinstance(other, list) or len(one) != len(other):
            return False
        return all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
