"""The engine and its paces: when a served cluster's time passes, and how long anybody waits."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from gitrel.clock import VirtualClock
from gitrel.cluster.cluster import EPOCH, Cluster
from gitrel.cluster.controllers.controller import Change, Context, Key, Reader
from gitrel.cluster.server.engine import Engine
from gitrel.cluster.server.hub import Hub
from gitrel.cluster.server.pace import JUMP, Flowing, Jumping
from gitrel.cluster.spec import ClusterSpec, NodePool

SECOND = timedelta(seconds=1)


def test_time_flows_with_the_machines_clock() -> None:
    """From wherever the cluster stood, so many times as fast, and never back."""
    machine = VirtualClock(datetime.fromisoformat("2030-01-01T00:00:00Z"))
    pace = Flowing(machine, EPOCH, speed=60)
    assert pace.until(EPOCH) == EPOCH
    machine.advance(SECOND)
    assert pace.until(EPOCH) == EPOCH + timedelta(minutes=1)
    assert pace.seconds_to(EPOCH + timedelta(minutes=3)) == 2
    assert pace.seconds_to(EPOCH) == 0
    later = EPOCH + timedelta(hours=1)
    assert pace.until(later) == later


def test_time_jumps_to_what_is_due_but_not_for_ever() -> None:
    """Up to ten minutes after each change from outside: what is due later waits for the next."""
    pace = Jumping(EPOCH)
    assert pace.seconds_to(EPOCH + JUMP) == 0
    assert pace.seconds_to(EPOCH + JUMP + SECOND) is None
    pace.touched(EPOCH + JUMP)
    assert pace.seconds_to(EPOCH + JUMP + SECOND) == 0


def test_what_was_before_is_not_taken_for_quiet() -> None:
    """Only what a hub has seen itself lets a watch skip the log: not what came before a restart."""
    cluster = Cluster(ClusterSpec(nodes=()), controllers=lambda spec: [])
    before = cluster.revision - 1
    hub = Hub(cluster.store)
    assert not hub.quiet_since("nodes", before)
    assert hub.quiet_since("nodes", cluster.revision)
    now = cluster.revision
    tick(cluster)
    assert hub.quiet_since("nodes", now)
    assert not hub.quiet_since("configmaps", now)


class Ticker:
    """A controller that looks at a ConfigMap again a minute later, for ever."""

    name = "ticker"

    def __init__(self) -> None:
        self.watches = {"configmaps": self._wake}
        self.at: list[datetime] = []

    def _wake(self, change: Change, read: Reader) -> list[Key]:
        return [Key("default", "tick")]

    def reconcile(self, key: Key, context: Context) -> None:
        self.at.append(context.now)
        context.requeue_at(key, context.now + timedelta(minutes=1))


class Broken:
    """A controller that fails on everything."""

    name = "broken"

    def __init__(self) -> None:
        self.watches = {"configmaps": self._wake}

    def _wake(self, change: Change, read: Reader) -> list[Key]:
        return [Key("default", "broken")]

    def reconcile(self, key: Key, context: Context) -> None:
        raise ZeroDivisionError


def tick(cluster: Cluster) -> None:
    cluster.api.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tick", "namespace": "default"}}
    )


def test_a_jumping_cluster_comes_to_rest() -> None:
    """A controller that never has enough is played for ten minutes, not for ever."""
    ticker = Ticker()

    async def story() -> None:
        cluster = Cluster(ClusterSpec(nodes=()), controllers=lambda spec: [ticker])
        engine = Engine(cluster, Jumping(cluster.now), durable=False)
        engine.start()
        tick(cluster)
        await engine.written()
        for _ in range(50):
            await asyncio.sleep(0)
        engine.stop()

    asyncio.run(story())
    assert ticker.at == [EPOCH + timedelta(minutes=n) for n in range(11)]


def test_a_controller_that_fails_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """The others go on, and the log says what happened."""
    ticker = Ticker()

    async def story() -> None:
        cluster = Cluster(ClusterSpec(nodes=()), controllers=lambda spec: [Broken(), ticker])
        engine = Engine(cluster, Jumping(cluster.now), durable=False)
        tick(cluster)
        await engine.written()
        for _ in range(50):
            await asyncio.sleep(0)
        engine.stop()

    asyncio.run(story())
    assert len(ticker.at) == 11
    assert "a controller failed" in caplog.text


def test_writes_of_one_turn_are_committed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty clients at once wait for one commit, and none is answered before it."""
    cluster = Cluster(ClusterSpec(nodes=(NodePool(count=0),)), controllers=lambda spec: [])
    commits = 0

    def commit() -> None:
        nonlocal commits
        commits += 1

    monkeypatch.setattr(cluster, "commit", commit)

    async def story() -> list[int]:
        engine = Engine(cluster, Jumping(cluster.now), durable=True)
        seen = []

        async def write() -> None:
            await engine.written()
            seen.append(commits)

        await asyncio.gather(*(write() for _ in range(20)))
        return seen

    assert asyncio.run(story()) == [1] * 20


def test_a_commit_that_fails_is_told_to_who_waits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk is no success."""
    cluster = Cluster(ClusterSpec(nodes=()), controllers=lambda spec: [])

    def commit() -> None:
        raise OSError("disk full")

    monkeypatch.setattr(cluster, "commit", commit)

    async def story() -> None:
        engine = Engine(cluster, Jumping(cluster.now), durable=True)
        with pytest.raises(OSError, match="disk full"):
            await engine.written()

    asyncio.run(story())
