"""Status conditions: finding one, and replacing one while keeping its transition time honest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Condition = Mapping[str, Any]


def find(conditions: Iterable[Condition] | None, type_: str) -> Condition | None:
    return next((c for c in conditions or () if c.get("type") == type_), None)


def is_true(obj: Mapping[str, Any], type_: str) -> bool:
    """Whether `status.conditions` says `True` for `type_`; a missing condition is not true."""
    condition = find((obj.get("status") or {}).get("conditions"), type_)
    return condition is not None and condition.get("status") == "True"


def with_condition(
    conditions: Iterable[Condition] | None,
    type_: str,
    status: str,
    *,
    now: str,
    reason: str = "",
    message: str = "",
    **extra: Any,
) -> list[dict[str, Any]]:
    """The list with one condition set, in place where it was, or at the end.

    `lastTransitionTime` moves only when `status` does (meta/v1 SetStatusCondition).
    """
    new: dict[str, Any] = {"type": type_, "status": status, "lastTransitionTime": now, **extra}
    if reason:
        new["reason"] = reason
    if message:
        new["message"] = message
    result: list[dict[str, Any]] = []
    found = False
    for old in conditions or ():
        if old.get("type") != type_:
            result.append(dict(old))
            continue
        found = True
        if old.get("status") == status:
            new["lastTransitionTime"] = old.get("lastTransitionTime", now)
        result.append(new)
    if not found:
        result.append(new)
    return result
