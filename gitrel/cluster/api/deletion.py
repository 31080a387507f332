"""Deletion as a pure decision: remove now, mark and wait, or leave as it is.

The rules of apiserver `pkg/registry/rest/delete.go` (BeforeDelete) and `registry/generic/registry/store.go`
(deletionFinalizersForGarbageCollection): grace for pods, finalizers for everybody, dependents by policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gitrel.clock import format_instant, parse_instant
from gitrel.cluster.api.errors import Propagation
from gitrel.cluster.kinds.kind import Kind
from gitrel.kube.identity import Object

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """As in meta/v1: preconditions, grace in seconds, and what becomes of the dependents."""

    grace_seconds: int | None = None
    propagation: Propagation | None = None
    uid: str | None = None
    resource_version: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`object` is what to store (mark), or the last state (remove, keep)."""

    act: Literal["remove", "mark", "keep"]
    object: Object


def decide(obj: Object, kind: Kind, options: DeleteOptions, now: datetime) -> Verdict:
    """What a delete of `obj` comes to. Applied again to its own outcome it keeps or shortens, never
    restarts.
    """
    metadata = obj["metadata"]
    graceful, seconds = False, 0
    if kind.grace is not None:
        already = metadata.get("deletionGracePeriodSeconds")
        if metadata.get("deletionTimestamp") is None:
            graceful, seconds = True, kind.grace(obj, options.grace_seconds)
        elif already is not None:
            asked = options.grace_seconds
            if asked is None or max(asked, 0) >= already:
                finished = already == 0 and not metadata.get("finalizers")
                return Verdict("remove" if finished else "keep", obj)
            graceful, seconds = True, asked if asked >= 0 else 1
    finalizers = _finalizers(metadata.get("finalizers") or [], kind, options)
    if seconds == 0 and not finalizers and not kind.held(obj):
        return Verdict("remove", obj)
    marked = _marked(obj, finalizers, seconds if graceful else 0, now, restart=graceful)
    return Verdict("keep", obj) if marked == obj else Verdict("mark", kind.terminating(marked))


def _marked(obj: Object, finalizers: list[str], seconds: int, now: datetime, *, restart: bool) -> Object:
    old = obj["metadata"]
    metadata = {key: value for key, value in old.items() if key != "finalizers"}
    if finalizers:
        metadata["finalizers"] = finalizers
    if old.get("deletionTimestamp") is None:
        metadata["deletionTimestamp"] = format_instant(
            now.replace(microsecond=0) + timedelta(seconds=seconds)
        )
        metadata["deletionGracePeriodSeconds"] = seconds
        if old.get("generation"):
            metadata["generation"] = old["generation"] + 1
    elif restart:
        # A shorter grace counts from when the deletion was first asked for.
        asked_at = parse_instant(old["deletionTimestamp"]) - timedelta(
            seconds=old["deletionGracePeriodSeconds"]
        )
        metadata["deletionTimestamp"] = format_instant(asked_at + timedelta(seconds=seconds))
        metadata["deletionGracePeriodSeconds"] = seconds
    return {**obj, "metadata": metadata}


def _finalizers(existing: list[str], kind: Kind, options: DeleteOptions) -> list[str]:
    """An explicit policy wins over finalizers that are there already, those over the kind's default."""
    policy = options.propagation
    if policy is None:
        if FOREGROUND in existing:
            policy = "Foreground"
        elif ORPHAN in existing or kind.orphans_by_default:
            policy = "Orphan"
    others = [name for name in existing if name not in (FOREGROUND, ORPHAN)]
    if policy == "Foreground":
        return [*others, FOREGROUND]
    return [*others, ORPHAN] if policy == "Orphan" else others


def finished(obj: Object, kind: Kind) -> bool:
    """Whether an update took away the last thing that kept a deleted object."""
    metadata = obj["metadata"]
    return (
        metadata.get("deletionTimestamp") is not None
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not kind.held(obj)
    )
