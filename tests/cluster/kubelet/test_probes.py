"""Probes without ticking: the arithmetic must agree with a probe that is really tried, attempt by attempt."""

from __future__ import annotations

from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.kubelet.behaviours import Window
from gitrel.cluster.kubelet.probes import Probe, changes, first_attempt, read


def tried_one_by_one(
    probe: Probe, anchor: int, good: list[Window], initial: bool | None, until: int
) -> list[tuple[float, bool]]:
    """kubelet `prober/worker.go` doProbe, literally."""
    seen, result, last, streak = [], initial, None, 0
    at: float = anchor
    while at <= until:
        answer = any(w.after_seconds <= at < w.until_seconds for w in good)
        streak = streak + 1 if answer == last else 1
        last = answer
        needed = probe.success_threshold if answer else probe.failure_threshold
        if streak >= needed and answer != result:
            result = answer
            seen.append((at, answer))
        at += probe.period_seconds
    return seen


windows = st.lists(st.integers(0, 120), min_size=0, max_size=6, unique=True).map(
    lambda edges: [
        Window(a, b) for a, b in zip(sorted(edges)[::2], [*sorted(edges)[1::2], inf], strict=False)
    ]
)


@settings(deadline=None, max_examples=150)
@given(
    period=st.integers(1, 15),
    success=st.integers(1, 3),
    failure=st.integers(1, 4),
    anchor=st.integers(0, 40),
    good=windows,
    initial=st.sampled_from([True, False, None]),
)
def test_arithmetic_agrees_with_trying(
    period: int, success: int, failure: int, anchor: int, good: list[Window], initial: bool | None
) -> None:
    """For any spec and any answers, results change at the very instants at which real attempts change
    them.
    """
    probe = Probe(0, period, success, failure)
    expected = tried_one_by_one(probe, anchor, good, initial, until=400)
    assert list(changes(probe, anchor, good, initial)) == expected


def test_a_probe_that_always_succeeds_changes_once() -> None:
    """Steady health has one change and no end: nothing is left that could wake anybody."""
    assert list(changes(Probe(), 5, [Window(0)], False)) == [(5, True)]


def test_a_recovery_shorter_than_the_threshold_is_not_seen() -> None:
    """Two good answers do not make a success where three are asked for."""
    probe = Probe(period_seconds=10, success_threshold=3)
    assert list(changes(probe, 0, [Window(0, 15), Window(40)], False)) == [(60, True)]


def test_the_grid_starts_after_the_initial_delay_and_skips_what_came_before_the_start() -> None:
    """Attempts lie at begin + delay + k × period, the first one not before the container counts as
    started.
    """
    probe = Probe(initial_delay_seconds=5, period_seconds=10)
    assert first_attempt(probe, begun=100, started=100) == 105
    assert first_attempt(probe, begun=100, started=105) == 105
    assert first_attempt(probe, begun=100, started=106) == 115


def test_missing_fields_have_kubernetes_defaults() -> None:
    """period 10, success 1, failure 3, no delay."""
    assert read({"httpGet": {}}) == Probe(0, 10, 1, 3, None)
