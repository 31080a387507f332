"""The format in which people say what an image does: what it means, and how mistakes are told."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.kubelet.behaviours import DEFAULT, Series, Window, parse
from gitrel.cluster.kubelet.runtimes.simulated import Exit, answers, exit_of
from gitrel.errors import InvalidRepository


def test_the_last_matching_rule_wins() -> None:
    """A later rule replaces an earlier one as a whole; an image no rule names has the default."""
    behaviours = parse(
        [
            {"image": "example/*", "startSeconds": 9},
            {"image": "example/worker:*", "pullSeconds": "2s"},
        ]
    )
    assert behaviours.of("example/api:1").start_seconds == 9
    worker = behaviours.of("example/worker:v3")
    assert (worker.pull_seconds, worker.start_seconds) == (2, 1)
    assert behaviours.of("example/worker").pull_seconds == 2, "no tag means :latest"
    assert behaviours.of("nginx:1") is DEFAULT


def test_a_crash_has_a_first_and_a_later_time() -> None:
    """`after` counts for the first run, `again` for the others, and only the first `times` runs crash."""
    behaviours = parse([{"image": "*", "crash": {"after": "40m", "again": "5s", "exitCode": 3, "times": 2}}])
    does = behaviours.of("a")
    ends = [exit_of(does, "main", "Always", run, None) for run in range(3)]
    assert ends == [Exit(2400, 3, "Error"), Exit(5, 3, "Error"), None]


def test_defaults_by_role() -> None:
    """Servers run for ever, init containers take 1 s, the containers of Jobs 5 s."""
    assert exit_of(DEFAULT, "main", "Always", 0, None) is None
    assert exit_of(DEFAULT, "sidecar", "Always", 0, None) is None
    assert exit_of(DEFAULT, "init", "OnFailure", 0, None) == Exit(1, 0, "Completed")
    assert exit_of(DEFAULT, "main", "Never", 0, None) == Exit(5, 0, "Completed")


def test_memory_above_the_limit_kills() -> None:
    """The container ends at the step at which its memory first exceeds the limit, as the kernel ends it."""
    does = parse(
        [{"image": "*", "memory": [{"after": 0, "value": "64Mi"}, {"after": "1h", "value": "300Mi"}]}]
    )
    assert exit_of(does.of("a"), "main", "Always", 0, 256 * 2**20) == Exit(3600, 137, "OOMKilled")
    assert exit_of(does.of("a"), "main", "Always", 0, 512 * 2**20) is None


def test_when_probes_are_answered() -> None:
    """From readyAfter on, but not in the unhealthy window; readiness never, where neverReady says so."""
    sick = parse([{"image": "*", "readyAfter": 10, "unhealthy": {"after": "1m", "for": "30s"}}]).of("a")
    assert answers(sick, "liveness") == (Window(10, 60), Window(90))
    mute = parse([{"image": "*", "neverReady": True}]).of("a")
    assert answers(mute, "readiness") == ()
    assert answers(mute, "liveness") == (Window(0),)


def test_series_are_steps() -> None:
    """A value holds from its step until the next, and is zero before the first."""
    series = Series(((10, 0.5), (20, 0.1)))
    assert [series.at(second) for second in (0, 10, 19, 20, 99)] == [0, 0.5, 0.5, 0.1, 0.1]


def test_all_mistakes_are_told_at_once() -> None:
    """Every problem names the rule, the key, what is wrong and what to write instead."""
    rules: list[Any] = [  # as YAML gives them: whatever a person wrote
        {"startSeconds": "40"},
        {"image": "a", "crash": {"after": "soon", "exitCode": 0}, "neverReady": "yes"},
        {"image": "b", "crsh": {}, "cpu": "lots"},
        "nonsense",
    ]
    with pytest.raises(InvalidRepository) as caught:
        parse(rules, "cluster.yaml")
    text = str(caught.value)
    for expected in (
        "[0].image: a text is missing",
        "[0].startSeconds: '40' is not a duration",
        "[1].crash.after: 'soon' is not a duration",
        "[1].crash.exitCode: 0 is out of range: write an integer from 1 to 255",
        "[1].neverReady: 'yes' is neither true nor false",
        "[2].crsh: unknown key",
        "[2].cpu: 'lots' is not a quantity",
        "[3]: 'nonsense' is not a mapping",
    ):
        assert f"cluster.yaml: {expected}" in text
