"""What a set that is moved by pull requests waits for: every member, in every earlier wave."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from gitrel.orchestrator.already import already
from gitrel.orchestrator.sets import lagging
from gitrel.rollout.seen import Release
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WAVES = [SimpleNamespace(environments=("asia",)), SimpleNamespace(environments=("europe",))]
CATALOG = SimpleNamespace(pipeline=SimpleNamespace(waves=WAVES))
API = SimpleNamespace(name="api", pointers={"asia": None})


def record(version: str, phase: Phase, status: str = "running") -> Rollout:
    release = Release(version, f"sha256:{version}", "1f0c3a9be271aa")
    progress = EnvironmentProgress("asia", release, phase, NOW, passed=NOW if phase is Phase.PASSED else None)
    return Rollout(
        "api", 2, version, status, ("asia",), {"asia": progress}, {"asia": release},  # type: ignore[arg-type]
        requested_at=NOW, requested_by="Ada", since=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "environment", "why"),
    [
        (record("v3", Phase.PASSED), "europe", ""),
        (record("v3", Phase.WATCHING), "europe", "api v3, which is watching in asia"),
        (record("v2", Phase.PASSED), "europe", "api v3, which is not started in asia"),
        (Rollout("api"), "europe", "api v3, which is not started in asia"),
        (Rollout("api"), "asia", ""),
    ],
)
def test_a_member_lags_until_it_has_passed(found: Rollout, environment: str, why: str) -> None:
    """Also one that is not deployed where the others go; what is at another version has not passed."""
    assert lagging(CATALOG, API, found, "v3", environment) == why  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "found", "to", "said"),
    [
        ("promote", record("v3", Phase.PASSED), "asia",
         "api is already at v3 in asia (since 2026-03-02T09:30:00Z, commit 1f0c3a9be271)"),
        ("promote", record("v3", Phase.WATCHING), None,
         "api: rollout 2 of v3 is under way already (asked by Ada at 2026-03-02T09:30:00Z)"),
        ("pause", record("v3", Phase.WATCHING, "paused"), None,
         "api: rollout 2 is paused already since 2026-03-02T09:30:00Z: nothing was recorded"),
    ],
)  # fmt: skip
def test_what_is_so_already_is_told_with_its_date(
    kind: str, found: Rollout, to: str | None, said: str
) -> None:
    """Asking again is answered with where, since when and at which commit."""
    assert already(kind, "api", "v3", to, found) == said
