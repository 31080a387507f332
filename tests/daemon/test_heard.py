"""How old what the remote said is: in the journal's own clock, as a metric, and in the answer of /readyz."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitrel.clock import VirtualClock
from gitrel.daemon.pulse import Pulse
from gitrel.errors import Unreachable
from gitrel.ledger.git import GitLedger
from gitrel.repo.git import GitRepository
from gitrel.telemetry.metrics import Metrics
from tests.repo_git.sandbox import clone
from tests.sources.support import config, remote_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_the_last_answer_is_remembered(tmp_path: Path) -> None:
    """An answer moves it, silence does not, and another process reads it; without a remote there is none."""
    remote = remote_of(config(tmp_path / "config"))
    work = clone(tmp_path / "work", remote)
    clock = VirtualClock(NOW)
    with GitRepository(work) as repository:
        ledger = GitLedger(repository, "origin", clock=clock)
        assert ledger.heard() is None
        ledger.load()
        assert ledger.heard() == NOW
        clock.advance(timedelta(minutes=5))
        away = remote.rename(tmp_path / "away")
        with pytest.raises(Unreachable, match="last heard 5m ago, at 2026-03-01T12:00:00Z"):
            ledger.load()
        assert ledger.heard() == NOW
        assert GitLedger(repository, "origin", clock=clock).heard() == NOW
        away.rename(remote)
        ledger.load()
        assert ledger.heard() == NOW + timedelta(minutes=5)
        assert GitLedger(repository).heard() is None


def test_it_is_a_metric_and_a_line() -> None:
    """A timestamp, as Prometheus wants ages; no series where there is no remote; the line says both."""
    metrics, pulse = Metrics(), Pulse(VirtualClock(NOW))
    name = b"gitrel_remote_last_heard_timestamp_seconds"
    metrics.note_heard("", None)
    assert name + b"{" not in metrics.text()
    metrics.note_heard("main", NOW)
    assert name + b'{branch="main"} 1.7723664e+09' in metrics.text()
    assert pulse.told() == ""
    pulse.begin()
    pulse.end()
    assert pulse.told() == "last pass 2026-03-01T12:00:00Z"
    pulse.heard = NOW - timedelta(hours=1)
    assert pulse.told() == "last pass 2026-03-01T12:00:00Z; the remote was last heard 2026-03-01T11:00:00Z"
