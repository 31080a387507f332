"""What a set that is moved by pull requests waits for: every member, in every earlier wave."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitrel.app import read_catalog
from gitrel.orchestrator.already import already
from gitrel.orchestrator.sets import lagging
from gitrel.repo.model import Catalog
from gitrel.rollout.seen import Release
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout, Status
from tests import small

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The waves are `quiet` and `busy`; `web` is deployed in the first of them only."""
    folder = small.write(tmp_path_factory.mktemp("config"))
    (folder / "apps/web/busy").unlink()
    found, problems = read_catalog(folder)
    assert problems == ()
    return found


def record(version: str, phase: Phase, status: Status = "running") -> Rollout:
    release = Release(version, f"sha256:{version}", "1f0c3a9be271aa")
    progress = EnvironmentProgress(
        "quiet", release, phase, NOW, passed=NOW if phase is Phase.PASSED else None
    )
    return Rollout(
        "web", 2, version, status, ("quiet",), {"quiet": progress}, {"quiet": release},
        requested_at=NOW, requested_by="Ada", since=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "environment", "why"),
    [
        (record("v3", Phase.PASSED), "busy", ""),
        (record("v3", Phase.WATCHING), "busy", "web v3, which is watching in quiet"),
        (record("v2", Phase.PASSED), "busy", "web v3, which is not started in quiet"),
        (Rollout("web"), "busy", "web v3, which is not started in quiet"),
        (Rollout("web"), "quiet", ""),
    ],
)
def test_a_member_lags_until_it_has_passed(
    catalog: Catalog, found: Rollout, environment: str, why: str
) -> None:
    """Also one that is not deployed where the others go; what is at another version has not passed."""
    assert lagging(catalog, catalog.components["web"], found, "v3", environment) == why


@pytest.mark.parametrize(
    ("kind", "found", "to", "said"),
    [
        ("promote", record("v3", Phase.PASSED), "quiet",
         "web is already at v3 in quiet (since 2026-03-02T09:30:00Z, commit 1f0c3a9be271)"),
        ("promote", record("v3", Phase.WATCHING), None,
         "web: rollout 2 of v3 is under way already (asked by Ada at 2026-03-02T09:30:00Z)"),
        ("pause", record("v3", Phase.WATCHING, "paused"), None,
         "web: rollout 2 is paused already since 2026-03-02T09:30:00Z: nothing was recorded"),
    ],
)  # fmt: skip
def test_what_is_so_already_is_told_with_its_date(
    kind: str, found: Rollout, to: str | None, said: str
) -> None:
    """Asking again is answered with where, since when and at which commit."""
    assert already(kind, "web", "v3", to, found) == said
