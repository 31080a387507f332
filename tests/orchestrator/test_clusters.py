"""Bundled clusters are one process's at a time, and nobody keeps them while asleep."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitrel.app import read_catalog
from gitrel.backends.backend import Backend
from gitrel.backends.embedded import open_embedded
from gitrel.clock import SystemClock
from gitrel.errors import Unreachable
from gitrel.orchestrator.clusters import Clusters, Sighting
from gitrel.repo.model import Environment
from tests.small import write


@pytest.fixture
def place(tmp_path: Path) -> Environment:
    catalog, _ = read_catalog(write(tmp_path / "small"))
    return catalog.environments["quiet"]


def test_letting_go_opens_the_door_to_others(place: Environment, tmp_path: Path) -> None:
    """While one has the cluster open nobody else gets it; before a sleep it is let go, and comes back."""

    def connect(environment: Environment, patience_seconds: float = 0.0) -> Backend:
        return open_embedded(tmp_path / "cluster", environment, SystemClock(), patience_seconds)

    ours = Clusters(connect)
    mark, _ = ours.of(place).changed_since("")
    ours.remember("web", place.name, Sighting(mark, "", None, None))
    with pytest.raises(Unreachable, match="in use by process"):
        connect(place)
    ours.let_go()
    assert list(ours.connected()) == []
    assert ours.recall("web", place.name) is None
    theirs = connect(place)
    theirs.close()
    assert ours.of(place).changed_since(mark) == (mark, False)
    ours.close()
