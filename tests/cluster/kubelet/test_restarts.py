"""The two back-offs, and that their level can be read back from what a status shows."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.kubelet.restarts import (
    crash_delay_seconds,
    delay_of_message,
    pull_succeeds_at,
    should_restart,
    waiting_message,
)


def test_delays_double_from_ten_to_three_hundred() -> None:
    """Immediate, then 10, 20, 40, 80, 160, 300, 300 seconds, each derived from the wait before it."""
    delays, put_off = [], None
    for _ in range(9):
        put_off = crash_delay_seconds(5, put_off)
        delays.append(put_off)
    assert delays == [0, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_run_of_more_than_ten_minutes_forgets_the_past() -> None:
    """600 s are not enough, 601 are; the restart after is immediate, and the one after that waits 10 s."""
    assert crash_delay_seconds(600, 160) == 300
    assert crash_delay_seconds(601, 160) == 0
    assert crash_delay_seconds(5, 0) == 10


@settings(deadline=None, max_examples=50)
@given(st.sampled_from([0, 10, 20, 40, 80, 160, 300]), st.floats(-1, 1))
def test_a_wait_read_from_whole_seconds_keeps_its_level(level: int, error: float) -> None:
    """Stamps cut to whole seconds put a wait off by up to one; the level must not slip."""
    assert crash_delay_seconds(5, level + error) == crash_delay_seconds(5, level)


@pytest.mark.parametrize(
    ("policy", "code", "restarts"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", 1, True),
        ("Never", 1, False),
    ],
)
def test_restart_policies(policy: str, code: int, restarts: bool) -> None:
    """Always; OnFailure for a failure only; Never not at all."""
    assert should_restart(policy, code) is restarts


@pytest.mark.parametrize("delay", [10, 20, 40, 80, 160, 300])
def test_the_message_is_the_record_of_the_delay(delay: int) -> None:
    """What CrashLoopBackOff says can be read back exactly; a stranger's message means the longest delay."""
    assert delay_of_message(waiting_message(delay, "app", "web_default(uid)")) == delay
    assert delay_of_message("something else") == 300


def test_a_pull_is_retried_after_10_20_40_seconds() -> None:
    """The first retry that finds the registry working counts; one that never works has no instant."""
    assert pull_succeeds_at(100, 105) == 110
    assert pull_succeeds_at(100, 110) == 110
    assert pull_succeeds_at(100, 111) == 130
    assert pull_succeeds_at(100, 131) == 170
    assert pull_succeeds_at(100, inf) == inf
