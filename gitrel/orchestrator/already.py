"""What is told when a command asks for what is so already: since when, and at which commit. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gitrel.clock import format_second
from gitrel.rollout.state import Phase, Rollout

NAMED_MAX = 5
"""How many environments are told one by one."""


def already(kind: str, component: str, version: str | None, to: str | None, record: Rollout) -> str:
    """One sentence. `to` is the one environment that was asked about; None for all."""
    if kind == "promote" and version is not None:
        return _promoted(component, version, [to] if to else _scope(record, version), record)
    since = f" since {format_second(record.since)}" if record.since else ""
    state = {"pause": "paused", "resume": "running"}.get(kind, record.status)
    return f"{component}: rollout {record.number} is {state} already{since}: nothing was recorded"


def _scope(record: Rollout, version: str) -> list[str]:
    """The environments that run it, in the order of the waves as far as the record knows it."""
    names = [*record.scope, *(name for name in record.in_force if name not in record.scope)]
    return [name for name in names if name in record.in_force and record.in_force[name].version == version]


def _promoted(component: str, version: str, names: Sequence[str], record: Rollout) -> str:
    if record.status == "running" and record.version == version and not _has_passed(names, record):
        asked = f" (asked by {record.requested_by}" if record.requested_by else " ("
        since = f" at {format_second(record.requested_at)})" if record.requested_at else ")"
        return f"{component}: rollout {record.number} of {version} is under way already{asked}{since}"
    places = [_place(name, record) for name in names[:NAMED_MAX]]
    places += [f"{len(names) - NAMED_MAX} more"] if len(names) > NAMED_MAX else []
    told = ", ".join(places[:-1]) + (" and " if len(places) > 1 else "") + (places[-1] if places else "")
    return f"{component} is already at {version}" + (f" in {told}" if told else "")


def _has_passed(names: Sequence[str], record: Rollout) -> bool:
    found = [record.environments.get(name) for name in names]
    return bool(found) and all(one is not None and one.phase is Phase.PASSED for one in found)


def _place(name: str, record: Rollout) -> str:
    progress, release = record.environments.get(name), record.in_force.get(name)
    at = progress and (progress.passed or progress.started)
    facts = [f"since {format_second(at)}"] if at else []
    facts += [f"commit {release.commit[:12]}"] if release and release.commit else []
    return f"{name} ({', '.join(facts)})" if facts else name
