"""Many clusters at once: the slow and the dead hold nobody up, and are not asked for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitrel.app import read_catalog
from gitrel.backends.backend import Backend, Scope
from gitrel.backends.embedded import EmbeddedBackend, new_cluster
from gitrel.clock import VirtualClock
from gitrel.errors import Unreachable
from gitrel.orchestrator.lookahead import Ahead, Lookahead, ahead_of
from gitrel.repo.model import Environment
from tests import small

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Distant(EmbeddedBackend):
    """A bundled cluster that is asked as a distant one is: it may be slow, and it may be dead."""

    def __init__(self, environment: Environment) -> None:
        clock = VirtualClock(START)
        super().__init__(new_cluster(environment, start=START), clock)
        self.answers = threading.Event()
        self.answers.set()
        self.is_dead = False
        self.asked = 0

    def hold(self, wanted: Mapping[Scope, int], selector: Mapping[str, str], count_by: str) -> None:
        self.asked += 1
        assert self.answers.wait(20)
        if self.is_dead:
            raise Unreachable("cluster quiet: no connection in time")


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[tuple[Ahead, Backend]]]:
    catalog, _ = read_catalog(small.write(tmp_path))
    made: list[tuple[Ahead, Backend]] = []
    for name in small.ENVIRONMENTS:
        environment = catalog.environments[name]
        made.append((Ahead(environment, frozenset({("web", "shop")})), Distant(environment)))
    yield made
    for _, backend in made:
        assert isinstance(backend, Distant)
        backend.answers.set()
        backend.close()


def distant(places: list[tuple[Ahead, Backend]], name: str) -> Distant:
    (found,) = [backend for ahead, backend in places if ahead.environment.name == name]
    assert isinstance(found, Distant)
    return found


def test_a_slow_cluster_is_left_out_and_not_waited_for_again(places: list[tuple[Ahead, Backend]]) -> None:
    """The others answer; while it is still thinking it is not asked a second time; then it is back."""
    ahead = Lookahead(patience=timedelta(milliseconds=200))
    quiet = distant(places, "quiet")
    quiet.answers.clear()
    assert ahead.read(places, START) == {"quiet": "cluster quiet: no answer in 200ms"}
    later = START + timedelta(seconds=30)
    assert ahead.read(places, later) == {"quiet": "cluster quiet: no answer for 30s and still waiting"}
    assert quiet.asked == 1
    assert distant(places, "busy").asked > 1
    quiet.answers.set()
    ahead.close()
    assert ahead.read(places, later + timedelta(seconds=1)) == {}


def test_nobody_silent_is_waited_for_at_the_end(places: list[tuple[Ahead, Backend]]) -> None:
    """Whoever leaves in the middle of a wait, from a signal or another thread, is not held up by it."""
    ahead = Lookahead(patience=timedelta(hours=1))
    distant(places, "quiet").answers.clear()
    leaving = threading.Timer(0.2, ahead.leave)
    leaving.start()
    assert ahead.read(places[:1], START) == {"quiet": "cluster quiet: no answer in 2s"}
    leaving.join()
    distant(places, "quiet").answers.set()
    ahead.close()


def test_a_dead_cluster_is_asked_less_and_less(places: list[tuple[Ahead, Backend]]) -> None:
    """After 5, 10, 20 … seconds, at most two minutes; with its own words all the while."""
    ahead = Lookahead()
    quiet = distant(places, "quiet")
    quiet.is_dead = True
    asked = []
    for second in range(600):
        before = quiet.asked
        left_out = ahead.read([places[0]], START + timedelta(seconds=second))
        assert left_out["quiet"].startswith("cluster quiet: no connection in time")
        if quiet.asked > before:
            asked.append(second)
    assert asked == [0, 5, 15, 35, 75, 155, 275, 395, 515]
    quiet.is_dead = False
    assert ahead.read([places[0]], START + timedelta(hours=1)) == {}
    ahead.close()


def test_whoever_failed_is_tried_without_waiting(places: list[tuple[Ahead, Backend]]) -> None:
    """One that is dead and slow costs one long wait, not one for each try; and then it is back."""
    ahead = Lookahead(patience=timedelta(seconds=15))
    quiet = distant(places, "quiet")
    quiet.is_dead = True
    ahead.read(places, START)
    quiet.answers.clear()
    began = time.monotonic()
    later = START + timedelta(seconds=6)
    assert ahead.read(places, later) == {"quiet": "cluster quiet: no connection in time"}
    assert time.monotonic() - began < 10
    quiet.is_dead = False
    quiet.answers.set()
    ahead.close()
    assert ahead.read(places, later + timedelta(seconds=1)) == {}


def test_what_is_asked_ahead_is_what_the_pass_will_ask(tmp_path: Path) -> None:
    """Only real clusters, with their components and the namespaces of those."""
    small.write(tmp_path)
    path = tmp_path / "environments/quiet.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("{embedded: {nodes: 1}}", "{kubernetes: {context: x}}"), encoding="utf-8")
    catalog, _ = read_catalog(tmp_path)
    (one,) = ahead_of(catalog, catalog.components.values())
    assert (one.environment.name, one.components) == ("quiet", frozenset({("web", "shop")}))
