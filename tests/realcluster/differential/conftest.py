"""Both clusters for all the scripts, and every script that was asked for played on both at once.

The bundled cluster plays first and alone, for that is quick; a real one plays several scripts at a time, in
namespaces of their own, and those that need the nodes for themselves at the end, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.realcluster.differential import byhand
from tests.realcluster.differential.play import SCENARIOS, Play, Scenario, Trace
from tests.realcluster.differential.sides import Bundled, Real, Side, bundled
from tests.realcluster.plane import Plane

AT_ONCE = 8
Runs = Callable[[str], tuple[Trace, Trace]]
"""A script's name → what it saw on the bundled cluster, and on the real one."""


def play(side: Side, scenario: Scenario, expected: Trace | None) -> Trace:
    made = Play(side, scenario.namespace, expected, nodes_matter=scenario.alone)
    return made.perform(scenario.script)


@pytest.fixture(scope="module")
def bundled_side(tmp_path_factory: pytest.TempPathFactory, real_side: Real) -> Iterator[Bundled]:
    """It has the real one's nodes too: the scheduler tells how many there are."""
    with bundled(tmp_path_factory.mktemp("bundled")) as side:
        for node in real_side.client.list("nodes")[0]:
            side.add_node(byhand.copied(node))
        yield side


@pytest.fixture(scope="module")
def real_side(control_plane_of_session: Plane) -> Iterator[Real]:
    """Its node goes with the last script: nobody would start the pods that other tests get on it."""
    side = Real(Path(control_plane_of_session.kubeconfig))
    side.add_node(byhand.node(byhand.HOST, {}))
    yield side
    side.remove_node(byhand.HOST)
    side.close()


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, bundled_side: Bundled, real_side: Real) -> Iterator[Runs]:
    wanted = [_name_of(item) for item in request.session.items]
    chosen = [SCENARIOS[name] for name in wanted if name in SCENARIOS]
    together = [one for one in chosen if not one.alone]
    with ThreadPoolExecutor(AT_ONCE) as pool, ThreadPoolExecutor(1) as single:
        here: dict[str, Trace] = {}
        there: dict[str, Future[Trace]] = {}
        for one in chosen:
            here[one.name] = play(bundled_side, one, None)

        def expected(one: Scenario) -> Trace | None:
            return None if one.waits_for else here[one.name]

        for one in together:
            there[one.name] = pool.submit(play, real_side, one, expected(one))

        def by_itself(one: Scenario) -> Trace:
            for other in together:
                there[other.name].result()
            return play(real_side, one, expected(one))

        for one in chosen:
            if one.alone:
                there[one.name] = single.submit(by_itself, one)
        yield lambda name: (here[name], there[name].result())


def _name_of(item: pytest.Item) -> str:
    return str(getattr(item, "callspec", None) and item.callspec.params.get("name", ""))  # type: ignore[attr-defined]
