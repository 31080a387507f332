"""Entries and records to put in a journal, as a pass would make them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gitrel.ledger.git import GitLedger
from gitrel.ledger.ledger import Entry
from gitrel.rollout import wire
from gitrel.rollout.actions import MovePointer
from gitrel.rollout.seen import Health, Release, Seen
from gitrel.rollout.spec import RolloutSpec, WaveSpec
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout

CANARY = ("frontend", MovePointer("canary", "v2", "soaked for 3h45m"))
STAGING = ("frontend", MovePointer("staging", "v2", "its turn"))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RELEASE = Release("v2", "sha256:" + "ab" * 32, "c0" * 20)
SPEC = RolloutSpec(
    component="frontend",
    waves=(WaveSpec("canary", ("canary",), 1), WaveSpec("world", ("eastus", "staging"), 2)),
    min_ready=timedelta(seconds=30),
    mean_time_to_smoke=timedelta(hours=1, minutes=30),
    soak_factor=2.5,
    progress_deadline=timedelta(minutes=10),
    max_restarts=3,
    max_setbacks=2,
    max_active_versions=3,
    on_failure="hold",
    soak_first_release=True,
)


def record(component: str = "frontend", number: int = 1) -> Rollout:
    progress = EnvironmentProgress("canary", RELEASE, Phase.WATCHING, NOW, started=NOW, because="soaking")
    return Rollout(
        component,
        number,
        "v2",
        "running",
        ("canary", "eastus"),
        {"canary": progress},
        in_force={"canary": RELEASE},
        proven={"canary": (RELEASE,)},
        rejected={"sha256:" + "cd" * 32: "it crashed"},
        requested_at=NOW,
    )


def entry(component: str = "frontend", number: int = 1, *, commit: str = "", **changes: Any) -> Entry:
    spec = wire.spec_to_json(SPEC)
    seen = Seen("canary", RELEASE, None, True, RELEASE.digest, Health("current", since=NOW))
    values: dict[str, Any] = {
        "at": NOW + timedelta(minutes=number),
        "component": component,
        "kind": "decision",
        "actor": "gitrel <gitrel@example.com>",
        "commit": commit or "0" * 40,
        "because": f"step {number}",
        "spec": wire.digest(spec),
        "spec_json": spec,
        "inputs": {"seen": {"canary": wire.seen_to_json(seen)}},
        "actions": (wire.action_to_json(MovePointer("canary", "v2", "its turn")),),
        "after": record(component, number),
    }
    return Entry(**values | changes)


def save(ledger: GitLedger, number: int, *moves: tuple[str, MovePointer], commit: str = "") -> str:
    """Saves entry `number` with its moves on top of what the journal holds; gives its id."""
    head, _ = ledger.load()
    return ledger.save([entry(number=number, commit=commit or ledger.tip())], moves, head=head)
