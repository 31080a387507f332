"""Carrying out a plan: stage by stage, each ready before the next, then the deletions.

Nothing is waited for in here. Where something has to happen in the cluster first, the attempt ends as being
on its way, and the next pass plans anew and finds what was done already unchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from tenacity import Retrying, retry_if_exception, stop_after_attempt

from gitrel.backends.backend import Backend, Refused
from gitrel.delivery.conflicts import is_race
from gitrel.delivery.labels import is_terminating
from gitrel.delivery.migration import hand_over
from gitrel.delivery.plan import Entry, Plan
from gitrel.delivery.prune import deletion
from gitrel.delivery.readiness import assess
from gitrel.kube.identity import Object, Ref, ref_of
from gitrel.kube.masking import Masker
from gitrel.kube.ordering import stage_of
from gitrel.orchestrator.underway import OnItsWay, PartlyApplied, StillDeleting

ATTEMPTS_MAX = 5
"""How often an object that somebody else writes at the same moment is tried."""
NAMED_MAX = 20


def carry_out(
    backend: Backend, planned: Plan, secrets: Iterable[Mapping[str, object]], now: datetime
) -> None:
    """Applies, then deletes. What the cluster says when it refuses is told without `secrets`.

    Raises `OnItsWay` between two stages, `StillDeleting`, and `PartlyApplied`.
    """
    done: list[Entry] = []
    mine = [entry for entry in planned.entries if entry.origin]
    stages = [list(stage) for _, stage in groupby(mine, key=lambda entry: stage_of(entry.object))]
    try:
        for number, stage in enumerate(stages, 1):
            _apply_stage(backend, stage, done)
            if number < len(stages):
                _wait_for(backend, stage, now, f"stage {number} of {len(stages)}", done)
        for entry in planned.to_apply:
            if not entry.origin:
                _apply(backend, entry, done)
        for entry in planned.to_delete:
            backend.delete(entry.object)
    except Refused as refused:
        raise PartlyApplied(_told(planned, done, refused, Masker(secrets))) from None


def counts(entries: Iterable[Entry]) -> dict[str, int]:
    return dict(Counter(entry.word for entry in entries))


def _apply_stage(backend: Backend, stage: Sequence[Entry], done: list[Entry]) -> None:
    for entry in stage:
        if entry.word in ("created", "configured", "recreated"):
            _apply(backend, entry, done)
    if leaving := [entry for entry in stage if entry.word == "skipped"]:
        raise StillDeleting("; ".join(f"{entry.ref} {entry.reason}" for entry in leaving), counts(done))


def _apply(backend: Backend, entry: Entry, done: list[Entry]) -> None:
    if entry.word == "recreated" and entry.before is not None:
        backend.delete(entry.before)
        if (left := backend.read([entry.before]).get(entry.ref)) is not None:
            why = deletion(left) if is_terminating(left) else "is there still"
            raise StillDeleting(f"{entry.ref} {why}, and is made anew then", counts(done))
    for attempt in Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, Refused) and is_race(error)),
        stop=stop_after_attempt(ATTEMPTS_MAX),
        reraise=True,
    ):
        with attempt:
            if entry.adopted and (live := backend.read([entry.object]).get(entry.ref)) is not None:
                _take_over(backend, live)
            backend.apply(entry.object, force=entry.force)
    done.append(entry)


def _take_over(backend: Backend, live: Object) -> None:
    """What was applied on the client's side becomes gitrel's, so that what its manifest lacks goes."""
    if operations := hand_over(live):
        backend.patch(live, operations)


def _wait_for(
    backend: Backend, stage: Sequence[Entry], now: datetime, name: str, done: Sequence[Entry]
) -> None:
    live = backend.read([entry.object for entry in stage])
    if reason := unready((ref_of(entry.object) for entry in stage), live, now):
        raise OnItsWay(f"{reason} ({name})", name, counts(done))


def unready(refs: Iterable[Ref], live: Mapping[Ref, Object], now: datetime) -> str:
    """The first object that is not Current, with its reason; empty where all are."""
    for ref in refs:
        status = assess(live.get(ref), now)
        if status.word != "current":
            return f"{ref} is not ready: {status.message}"
    return ""


def _told(planned: Plan, done: Sequence[Entry], refused: Refused, masker: Masker) -> str:
    """`object 7 of 20 was refused: apps/web/v2/web.yaml:1: …`, with what was applied and what was not."""
    names = [entry.ref for entry in done]
    rest = [entry for entry in planned.to_apply if entry.ref not in names]
    origin = next((f"{entry.origin}: " for entry in rest if entry.ref == refused.ref and entry.origin), "")
    total = len(names) + len(rest)
    what = f"object {len(names) + 1} of {total}" if rest else "a deletion"
    lines = [f"{what} was refused: {origin}{masker.text(str(refused))}"]
    if names:
        lines.append(f"applied: {_list(names)}")
    if rest:
        lines.append(f"not applied: {_list([entry.ref for entry in rest])}")
    return "\n".join(lines)


def _list(refs: Sequence[Ref]) -> str:
    more = f" and {len(refs) - NAMED_MAX} more" if len(refs) > NAMED_MAX else ""
    return ", ".join(map(str, refs[:NAMED_MAX])) + more
