"""What a pod asks for, summed as Kubernetes sums it."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.scheduler.demand import demand_of

MI = 1024 * 1024


def container(cpu: str | None = None, memory: str | None = None, **more: Any) -> dict[str, Any]:
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value is not None}
    return {"name": "a", "resources": {"requests": requests}, **more}


@pytest.mark.parametrize(
    ("spec", "cpu", "memory"),
    [
        pytest.param(
            {"containers": [container("100m", "10Mi"), container("1", "1Mi")]}, 1100, 11 * MI, id="sum"
        ),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("3"), container("2")]},
            3000,
            0,
            id="the hungriest init container",
        ),
        pytest.param(
            {
                "containers": [container("1")],
                "initContainers": [container("1", restartPolicy="Always"), container("3")],
            },
            4000,
            0,
            id="an init container beside an earlier sidecar",
        ),
        pytest.param(
            {
                "containers": [container("4")],
                "initContainers": [container("3"), container("1", restartPolicy="Always")],
            },
            5000,
            0,
            id="the main containers beside all sidecars",
        ),
        pytest.param({"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1250, 0, id="overhead"),
        pytest.param(
            {"containers": [{"name": "a", "resources": {"limits": {"cpu": "2"}}}]}, 2000, 0, id="limits alone"
        ),
        pytest.param(
            {"containers": [container("1")], "resources": {"requests": {"cpu": "3"}}},
            3000,
            0,
            id="the pod's own",
        ),
        pytest.param({"containers": [container("0.0001")]}, 1, 0, id="rounded up"),
    ],
)
def test_requests(spec: dict[str, Any], cpu: int, memory: int) -> None:
    """Milli-CPUs and bytes."""
    basic = demand_of(spec).basic
    assert basic[:2] == (cpu, memory)
    assert basic[3] == 1


def test_scoring_fills_in_what_is_not_requested() -> None:
    """100m and 200Mi for each container that asks for nothing, in scores only."""
    demand = demand_of({"containers": [container(), container("1", "1Mi")]})
    assert demand.basic[:2] == (1000, MI)
    assert (demand.scored_cpu, demand.scored_memory) == (1100, 201 * MI)
    assert demand_of({"containers": [container()]}).is_best_effort


def test_extended_resources_are_counted() -> None:
    """Anything with a name of its own is an integer like the others."""
    spec = {"containers": [{"name": "a", "resources": {"requests": {"example.org/gpu": "2"}}}]}
    assert demand_of(spec).extended == (("example.org/gpu", 2),)
