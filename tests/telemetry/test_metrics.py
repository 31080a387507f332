"""What a daemon counts of clusters that stray, as Prometheus scrapes it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gitrel.telemetry.metrics import Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """The line of the page with exactly these labels; None where there is none."""
    wanted = name + "{" + ",".join(f'{key}="{text}"' for key, text in sorted(labels.items())) + "} "
    lines = [line for line in metrics.text().decode().splitlines() if line.startswith(wanted)]
    return float(lines[0].removeprefix(wanted)) if lines else None


def test_drift_is_a_number_for_as_long_as_it_lasts() -> None:
    """A daemon that begins anew knows it from the record, and nothing of it stays behind."""
    metrics = Metrics()
    metrics.note_drift("web", {"asia": 2})
    metrics.note_drift("api", {"asia": 1})
    assert value(metrics, "gitrel_drifted_objects", component="web", environment="asia") == 2
    metrics.note_drift("web", {})
    assert value(metrics, "gitrel_drifted_objects", component="web", environment="asia") is None
    assert value(metrics, "gitrel_drifted_objects", component="api", environment="asia") == 1


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        pytest.param([{"silent": 2}, {"silent": 2}, {"silent": 5}], 5, id="only what is new is added"),
        pytest.param([{"silent": 2}, {}, {"silent": 3}], 3, id="nothing said, nothing lost"),
        pytest.param([{"silent": 2}, {"silent": 1}], 3, id="a new connection begins at nothing"),
    ],
)
def test_troubles_of_watches_add_up(told: list[Mapping[str, int]], counted: int) -> None:
    """A backend tells all that it has met; the counter never goes back, whatever becomes of the backend."""
    metrics = Metrics()
    for troubles in told:
        metrics.note_watches("asia", troubles)
    assert value(metrics, "gitrel_watch_troubles_total", environment="asia", trouble="silent") == counted
