"""Where a rehearsal is played: a world on virtual clusters, in which what runs today has to be well first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gitrel.errors import GitrelError
from gitrel.events import EventStream
from gitrel.ledger.memory import MemoryLedger
from gitrel.orchestrator.clusters import Clusters
from gitrel.orchestrator.world import PassReport, Renderer, World
from gitrel.rehearsal.fleet import Fleet
from gitrel.rehearsal.source import CatalogSource

ACTOR = "rehearsal <rehearsal@gitrel.invalid>"


class BaselineFailed(GitrelError):
    """What runs today does not become ready in the bundled clusters, so nothing can be said of the new."""

    exit_code = 5


@contextmanager
def staged(fleet: Fleet, source: CatalogSource, render: Renderer) -> Iterator[World]:
    """The world that the reconciler acts in: the fleet's clock and clusters, and a journal in memory."""
    world = World(
        clock=fleet.clock,
        source=source,
        ledger=MemoryLedger(source.move),
        render=render,
        clusters=Clusters(fleet.connect),
        events=EventStream(),
        actor=ACTOR,
    )
    try:
        yield world
    finally:
        world.clusters.close()


def expect_ready(report: PassReport) -> None:
    """Raises BaselineFailed naming every rollout that failed, and every error of the last pass."""
    failed = (name for name, rollout in sorted(report.rollouts.items()) if rollout.status == "failed")
    reasons = [f"{name}: {report.because[name]}" for name in failed]
    reasons += [f"{o.component} in {o.environment}: {o.error}" for o in report.errors]
    if reasons:
        raise BaselineFailed("what runs today does not become ready: " + "; ".join(reasons))
