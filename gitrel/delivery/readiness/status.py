"""Six words for readiness, each with a sentence (kstatus, cli-utils `pkg/kstatus/status`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gitrel.clock import parse_instant
from gitrel.kube.fields import get

Word = Literal["current", "in-progress", "failed", "terminating", "not-found", "unknown"]


@dataclass(frozen=True, slots=True)
class Status:
    """`since` is when the object became Current by its own conditions, or for a failed one when its
    controller gave up; None where they do not say."""

    word: Word
    message: str
    since: datetime | None = None


def current(message: str, since: datetime | None = None) -> Status:
    return Status("current", message, since)


def in_progress(message: str) -> Status:
    return Status("in-progress", message)


def failed(message: str, since: datetime | None = None) -> Status:
    return Status("failed", message, since)


def number(obj: Mapping[str, Any], *path: str, default: int = 0) -> int:
    """The integer at `path`; `default` where it is missing or is something else."""
    value = get(obj, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def raw_conditions(obj: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Status conditions in their order; a garbled list is taken as empty."""
    listed = get(obj, "status", "conditions")
    if not isinstance(listed, list):
        return []
    return [c for c in listed if isinstance(c, Mapping) and isinstance(c.get("type"), str)]


def conditions(obj: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Status conditions by type."""
    return {condition["type"]: condition for condition in raw_conditions(obj)}


def is_stale(obj: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    """Whether a condition says of itself that it was found for an earlier generation of the object."""
    seen, generation = condition.get("observedGeneration"), get(obj, "metadata", "generation")
    return isinstance(seen, int) and isinstance(generation, int) and seen < generation


def instant(value: Any) -> datetime | None:
    """An RFC 3339 instant; None for anything else, as one odd field must not stop a pass."""
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def transition(condition: Mapping[str, Any] | None) -> datetime | None:
    return instant((condition or {}).get("lastTransitionTime"))


def latest(*instants: datetime | None) -> datetime | None:
    return max((i for i in instants if i is not None), default=None)
