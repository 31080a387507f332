"""How rollouts, environments and journal entries look as JSON objects and as rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from gitrel.cli.output import PHASE_STYLE, Column, Item
from gitrel.clock import format_duration, format_instant, parse_instant
from gitrel.ledger.ledger import Entry
from gitrel.rollout.state import EnvironmentProgress, Rollout

MILESTONES = ("started", "applied", "ready", "steady", "passed")
DIGEST_SHOWN = len("sha256:") + 12


def instant(at: datetime | None) -> str | None:
    return format_instant(at) if at else None


def rollout_item(rollout: Rollout) -> Item:
    return {
        "component": rollout.component,
        "number": rollout.number,
        "version": rollout.version,
        "status": rollout.status,
        "scope": list(rollout.scope),
        "requestedAt": instant(rollout.requested_at),
        "requestedBy": rollout.requested_by,
        "reason": rollout.reason,
        "passed": sum(_passed(rollout, name) for name in rollout.scope),
    }


def _passed(rollout: Rollout, environment: str) -> bool:
    progress = rollout.environments.get(environment)
    return progress is not None and progress.passed is not None


def progress_item(rollout: Rollout, progress: EnvironmentProgress) -> Item:
    return {
        "component": rollout.component,
        "environment": progress.environment,
        "version": progress.target.version,
        "digest": progress.target.digest,
        "commit": progress.target.commit,
        "previous": progress.previous.version if progress.previous else "",
        "phase": progress.phase.value,
        "since": format_instant(progress.since),
        **{name: instant(getattr(progress, name)) for name in MILESTONES},
        "restarts": progress.restarts,
        "setbacks": progress.setbacks,
        "because": progress.because,
    }


def entry_item(entry: Entry) -> Item:
    return {
        "sequence": entry.sequence,
        "id": entry.id,
        "at": format_instant(entry.at),
        "component": entry.component,
        "kind": entry.kind,
        "actor": entry.actor,
        "commit": entry.commit,
        "spec": entry.spec,
        "because": entry.because,
        "actions": [dict(action) for action in entry.actions],
    }


def phase_column(field: str = "phase", title: str = "PHASE") -> Column:
    return Column(title, lambda i: i[field], style=lambda i: PHASE_STYLE.get(i[field], ""))


def age(field: str, now: datetime) -> Callable[[Item], str]:
    """How long ago the instant in `field` was, in its two largest units."""

    def since(item: Item) -> str:
        return short(now - parse_instant(item[field])) if item[field] else ""

    return since


def short(duration: timedelta) -> str:
    """`3d4h`, `5m20s`: the two largest units, which is as exact as people read it."""
    whole = timedelta(seconds=max(int(duration.total_seconds()), 0))
    for size in (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)):
        if whole >= size:
            next_size = {86400: 3600, 3600: 60, 60: 1}[int(size.total_seconds())]
            return format_duration(whole - whole % timedelta(seconds=next_size))
    return format_duration(whole)


def rollout_columns(now: datetime) -> tuple[Column, ...]:
    return (
        Column("COMPONENT", lambda i: i["component"]),
        Column("ROLLOUT", lambda i: str(i["number"])),
        Column("VERSION", lambda i: i["version"]),
        phase_column("status", "STATUS"),
        Column("PASSED", lambda i: f"{i['passed']}/{len(i['scope'])}"),
        Column("AGE", age("requestedAt", now)),
        Column("BY", lambda i: i["requestedBy"], wide=True),
        Column("REASON", lambda i: i["reason"]),
    )


def progress_columns(now: datetime) -> tuple[Column, ...]:
    return (
        Column("COMPONENT", lambda i: i["component"]),
        Column("ENVIRONMENT", lambda i: i["environment"]),
        Column("VERSION", lambda i: i["version"]),
        phase_column(),
        Column("FOR", age("since", now)),
        Column("PREVIOUS", lambda i: i["previous"], wide=True),
        Column("DIGEST", lambda i: i["digest"][:DIGEST_SHOWN], wide=True),
        Column("RESTARTS", lambda i: str(i["restarts"]), wide=True),
        Column("SETBACKS", lambda i: str(i["setbacks"]), wide=True),
        Column("BECAUSE", lambda i: i["because"]),
    )


def entry_columns() -> tuple[Column, ...]:
    return (
        Column("#", lambda i: str(i["sequence"])),
        # Whole seconds for people; the JSON has it to the microsecond.
        Column("AT", lambda i: format_instant(parse_instant(i["at"]).replace(microsecond=0))),
        Column("COMPONENT", lambda i: i["component"]),
        Column("KIND", lambda i: i["kind"]),
        Column("ACTOR", lambda i: i["actor"], wide=True),
        Column("COMMIT", lambda i: i["commit"][:12], wide=True),
        Column("SCHEDULE", lambda i: i["spec"][:DIGEST_SHOWN], wide=True),
        Column("BECAUSE", lambda i: i["because"]),
    )
