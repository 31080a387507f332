"""How containers end when they are told to: hooks, patience, order, and the floor of two seconds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.kubelet.termination import Ending, Stopping, plan, pre_stop_seconds


@pytest.mark.parametrize(
    ("stopping", "grace", "ending"),
    [
        pytest.param(Stopping("a", False, 0, 1), 30, Ending(1, 143), id="heeds SIGTERM"),
        pytest.param(Stopping("a", False, 0, None), 30, Ending(30, 137), id="ignores SIGTERM"),
        pytest.param(Stopping("a", False, 0, 45), 30, Ending(30, 137), id="too slow"),
        pytest.param(
            Stopping("a", False, 10, None), 30, Ending(30, 137), id="the hook spends from the grace"
        ),
        pytest.param(
            Stopping("a", False, 30, None), 30, Ending(32, 137), id="the hook spends all: floor of 2 s"
        ),
        pytest.param(Stopping("a", False, 99, 1), 30, Ending(31, 143), id="an endless hook is cut off"),
        pytest.param(Stopping("a", False, 5, 1), 0, Ending(1, 143), id="grace 0 skips the hook"),
    ],
)
def test_one_container(stopping: Stopping, grace: float, ending: Ending) -> None:
    """The instant of the end and the exit code, for each way to go."""
    assert plan([stopping], grace) == {"a": ending}


def test_sidecars_go_last_and_in_reverse() -> None:
    """Main containers at once; then the last sidecar, then the first."""
    endings = plan(
        [Stopping("log", True, 0, 1), Stopping("proxy", True, 0, 1), Stopping("app", False, 0, 5)], 30
    )
    assert {name: ending.after_seconds for name, ending in endings.items()} == {
        "app": 5,
        "proxy": 6,
        "log": 7,
    }


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 60), st.one_of(st.none(), st.integers(0, 60))),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 60),
)
def test_nobody_outlives_the_grace_by_more_than_the_floor(
    rows: list[tuple[bool, int, int | None]], grace: int
) -> None:
    """Whatever hooks and processes do, a pod is over at most 2 s after its grace, and nobody ends before he
    began.
    """
    stopping = [Stopping(f"c{i}", *row) for i, row in enumerate(rows)]
    endings = plan(stopping, grace)
    assert set(endings) == {one.name for one in stopping}
    for ending in endings.values():
        assert 0 <= ending.after_seconds <= grace + 2


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        (None, 0),
        ({"sleep": {"seconds": 7}}, 7),
        ({"exec": {"command": ["sleep", "15"]}}, 15),
        ({"exec": {"command": ["/bin/sh", "-c", "nginx -s quit; sleep 20"]}}, 20),
        ({"exec": {"command": ["/bin/drain"]}}, 3),
        ({"httpGet": {"path": "/drain"}}, 3),
    ],
)
def test_how_long_a_hook_takes(hook: object, seconds: float) -> None:
    """A hook that sleeps says so itself; for any other the image's behaviour does (3 s here)."""
    container = {"name": "a"} | ({"lifecycle": {"preStop": hook}} if hook else {})
    assert pre_stop_seconds(container, 3) == seconds
