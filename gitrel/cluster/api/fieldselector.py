"""Field selectors: `metadata.name=web,status.phase!=Running`, on the value at any path of an object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gitrel.cluster.api.errors import bad_request
from gitrel.kube import fields
from gitrel.kube.identity import Object


def parse(text: str) -> Callable[[Object], bool]:
    """A predicate. Raises ApiError 400. A field that is not set is the empty string (or `false`, `0`)."""
    terms = [_term(part.strip()) for part in text.split(",") if part.strip()]

    def matches(obj: Object) -> bool:
        return all((_text(fields.get(obj, *path)) == value) is equal for path, equal, value in terms)

    return matches


def _term(part: str) -> tuple[tuple[str, ...], bool, str]:
    for operator, equal in (("!=", False), ("==", True), ("=", True)):
        path, found, value = part.partition(operator)
        if found:
            return tuple(path.strip().split(".")), equal, value.strip()
    raise bad_request(f"invalid field selector: {part!r}: write it as metadata.name=web")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
