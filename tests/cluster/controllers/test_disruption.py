"""Budgets: what their status says as pods come, go and are evicted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitrel.cluster import Cluster
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.disruption import sums
from gitrel.kube.conditions import find
from tests.cluster.controllers.build import at, pod, stamp

RESOURCE = "poddisruptionbudgets.policy"


def deployment(replicas: int) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": "nginx"}]},
            },
        },
    }


def budget(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "default"}
    selector = {"matchLabels": {"app": "web"}}
    kind = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
    return {**kind, "metadata": metadata, "spec": {"selector": selector, **spec}}


def running(replicas: int, **spec: Any) -> Cluster:
    cluster = Cluster()
    cluster.api.create(deployment(replicas))
    cluster.api.create(budget(**spec))
    cluster.advance(timedelta(minutes=1))
    return cluster


def status(cluster: Cluster) -> Any:
    return cluster.api.get(RESOURCE, "web", "default")["status"]


@pytest.mark.parametrize(
    ("spec", "desired", "allowed"),
    [
        ({"minAvailable": 3}, 3, 2),
        ({"minAvailable": "50%"}, 3, 2),
        ({"maxUnavailable": 1}, 4, 1),
        ({"maxUnavailable": "30%"}, 3, 2),
        ({"maxUnavailable": "100%"}, 0, 5),
        ({"minAvailable": 7}, 7, 0),
        ({}, 0, 5),
    ],
)
def test_a_budget_of_five_healthy_pods(spec: dict[str, Any], desired: int, allowed: int) -> None:
    """Percentages round up; what is more than there is allows nothing."""
    found = status(running(5, **spec))
    assert (found["currentHealthy"], found["expectedPods"]) == (5, 5)
    assert (found["desiredHealthy"], found["disruptionsAllowed"]) == (desired, allowed)
    condition = find(found["conditions"], "DisruptionAllowed")
    assert condition is not None
    assert condition["reason"] == ("SufficientPods" if allowed else "InsufficientPods")


def test_evictions_wait_for_replacements() -> None:
    """One may go at a time; the next only when the replacement is ready, as a drain sees it."""
    cluster = running(3, maxUnavailable=1)
    names = [p["metadata"]["name"] for p in cluster.api.list("pods", "default")]
    cluster.api.evict(names[0], "default", grace_seconds=0)
    cluster.settle()
    with pytest.raises(ApiError) as refused:
        cluster.api.evict(names[1], "default", grace_seconds=0)
    assert refused.value.code == 429
    cluster.advance(timedelta(minutes=1))
    assert status(cluster)["disruptionsAllowed"] == 1
    cluster.api.evict(names[1], "default", grace_seconds=0)


def test_pods_of_nobody_can_only_be_counted() -> None:
    """A relative budget over a bare pod does not count it; a plain minimum counts what is there."""
    cluster = Cluster()
    cluster.settle()
    bare = {"name": "bare", "namespace": "default", "labels": {"app": "web"}}
    spec = {"containers": [{"name": "main", "image": "nginx"}]}
    cluster.api.create({"apiVersion": "v1", "kind": "Pod", "metadata": bare, "spec": spec})
    cluster.api.create(budget(maxUnavailable=1))
    cluster.advance(timedelta(minutes=1))
    assert status(cluster)["expectedPods"] == 0
    assert status(cluster)["disruptionsAllowed"] == 0
    cluster.api.update(budget(minAvailable=0, maxUnavailable=None))
    cluster.settle()
    assert status(cluster)["disruptionsAllowed"] == 1


def test_owners_without_a_number_let_nobody_go() -> None:
    """A Job has no scale: the condition says that counting failed, and nothing is allowed."""
    cluster = Cluster()
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "nginx"}]},
    }
    metadata = {"name": "job", "namespace": "default"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}
    cluster.api.create(job)
    cluster.api.create(budget(maxUnavailable=1))
    cluster.advance(timedelta(seconds=30))
    condition = find(status(cluster)["conditions"], "DisruptionAllowed")
    assert condition is not None
    assert condition["reason"] == "SyncFailed"
    assert status(cluster)["disruptionsAllowed"] == 0


def test_an_eviction_that_was_never_carried_out_is_forgotten() -> None:
    """Two minutes after it was charged, the pod counts again, and is named as late."""
    there = [pod("a", ready=0), pod("b", ready=0)]
    disrupted = {"a": stamp(0), "gone": stamp(0)}
    assert sums.healthy(there, disrupted, at(60)) == 1
    assert sums.still_disrupted(disrupted, there, at(60)) == ({"a": stamp(0)}, [])
    kept, late = sums.still_disrupted(disrupted, there, at(120))
    assert (kept, [p["metadata"]["name"] for p in late]) == ({}, ["a"])
    assert sums.healthy(there, kept, at(120)) == 2


@given(
    healthy=st.integers(0, 50),
    scale=st.integers(0, 50),
    bound=st.one_of(st.integers(0, 60), st.integers(0, 100).map(lambda n: f"{n}%")),
    most=st.booleans(),
)
def test_what_is_allowed_never_breaks_the_bound(
    healthy: int, scale: int, bound: int | str, most: bool
) -> None:
    """Taking away all that is allowed leaves what the budget desires, for any numbers."""
    pods = [pod(str(n), ready=0) for n in range(healthy)]
    spec = {"maxUnavailable" if most else "minAvailable": bound}
    expected, desired = sums.expected_and_desired(spec, pods, lambda: scale)
    allowed = sums.Budget(expected, desired, healthy).allowed
    assert allowed == 0 or healthy - allowed >= desired
    assert 0 <= allowed <= healthy
