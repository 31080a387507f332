"""Namespace deletion: the quiet at its start, the order, the conditions, and the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.namespace import content
from gitrel.kube.conditions import find
from tests.cluster.controllers.build import at, pod
from tests.cluster.controllers.podstarter import PodStarter
from tests.cluster.controllers.stories import DEPLOYMENTS, JOBS, cluster, each_instant, elapsed, forward
from tests.cluster.harness import WatchedCluster, container, deployment, get


def furnished(stop_seconds: int = 1) -> WatchedCluster:
    """A namespace `shop` with a Deployment, a Service, a Secret and a Job that runs."""
    c = cluster(PodStarter(stop_seconds=stop_seconds))
    c.writer.create("namespaces", {"metadata": {"name": "shop"}})
    c.writer.create(DEPLOYMENTS, deployment("web", namespace="shop"))
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    c.writer.create("services", {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
    c.writer.create("secrets", {"metadata": {"name": "key", "namespace": "shop"}})
    template = {"spec": {"restartPolicy": "Never", "containers": [container()]}}
    c.writer.create(JOBS, {"metadata": {"name": "j", "namespace": "shop"}, "spec": {"template": template}})
    forward(c, 10)
    return c


def reason(c: WatchedCluster, type_: str) -> str:
    condition = find(get(c, "namespaces", "", "shop")["status"]["conditions"], type_)
    assert condition is not None
    text: str = condition["reason"]
    return text


def test_a_namespace_is_quiet_for_five_seconds_and_then_loses_its_pods_first() -> None:
    """Proves the instants: pods at five seconds, everything else with the next look, then the namespace."""
    c = furnished()
    c.writer.delete("namespaces", "", "shop")
    begun, seen = elapsed(c), dict[str, float]()
    for now in each_instant(c, 60):
        alive = [p for p in c.reader.list("pods", "shop") if "deletionTimestamp" not in p["metadata"]]
        for what, gone in {
            "pods": not alive,
            "secrets": not c.reader.list("secrets", "shop"),
            "namespace": c.reader.get("namespaces", "", "shop") is None,
        }.items():
            if gone:
                seen.setdefault(what, now - begun)
    # The longest grace is 30 s: looked at again after half of that and a second.
    assert seen == {"pods": 5, "secrets": 21, "namespace": 21}
    assert not [r for r in c.reader.resources() if c.reader.list(r, "shop")]
    c.verify()


def test_it_says_what_is_left_and_refuses_what_is_new() -> None:
    """Proves the phase, that nothing is said of pods alone while they stop, and the refusal."""
    c = furnished(stop_seconds=25)
    c.writer.delete("namespaces", "", "shop")
    forward(c, 6)
    found = get(c, "namespaces", "", "shop")
    assert found["status"]["phase"] == "Terminating"
    assert reason(c, "NamespaceContentRemaining") == "ContentRemoved"
    assert reason(c, "NamespaceDeletionContentFailure") == "ContentDeleted"
    with pytest.raises(ApiError, match="because it is being terminated"):
        c.writer.create("secrets", {"metadata": {"name": "late", "namespace": "shop"}})
    forward(c, 120)
    assert c.reader.get("namespaces", "", "shop") is None


def test_a_finalizer_holds_the_namespace_until_it_is_gone() -> None:
    """Proves the condition that names the finalizer, and the end after the next look."""
    c = furnished()
    held = {"metadata": {"name": "held", "namespace": "shop", "finalizers": ["example.org/hold"]}}
    c.writer.create("configmaps", held)
    c.writer.delete("namespaces", "", "shop")
    forward(c, 60)
    assert reason(c, "NamespaceFinalizersRemaining") == "SomeFinalizersRemain"
    condition = find(get(c, "namespaces", "", "shop")["status"]["conditions"], "NamespaceContentRemaining")
    assert condition is not None
    assert condition["message"] == "Some resources are remaining: configmaps. has 1 resource instances"
    found = get(c, "configmaps", "shop", "held")
    c.writer.update("configmaps", {**found, "metadata": {**found["metadata"], "finalizers": []}})
    # Finalizers are given fifteen seconds at a time, halved and one more.
    forward(c, 8)
    assert c.reader.get("namespaces", "", "shop") is None


ESTIMATES = [
    pytest.param([30, 60], 0, 60, id="the longest grace"),
    pytest.param([30, 60], 60, 0, id="it has been as long as that"),
    pytest.param([], 0, 0, id="no pods"),
]


@pytest.mark.parametrize(("graces", "age", "expected"), ESTIMATES)
def test_the_estimate_is_the_longest_grace(graces: list[int], age: int, expected: int) -> None:
    """Proves the sum; a pod at its end counts for nothing."""
    pods = [pod(phase="Failed")]
    pods[0]["spec"]["terminationGracePeriodSeconds"] = 999
    for grace in graces:
        pods.append(pod())
        pods[-1]["spec"]["terminationGracePeriodSeconds"] = grace
    assert content.estimate_seconds(pods, timedelta(seconds=age)) == expected


def test_what_should_be_gone_and_is_not_is_a_failure() -> None:
    """Proves the three kinds of remains."""
    plain = pod("a")
    held: Any = {"metadata": {"finalizers": ["f"]}}
    assert content.calculate_remains("ns", "pods", [plain], 30).estimate_seconds == 30
    assert content.calculate_remains("ns", "x", [held], 0).estimate_seconds == content.FINALIZER_SECONDS
    stuck = content.calculate_remains("ns", "x", [plain], 0)
    assert stuck.failures == ("unexpected items still remain in namespace: ns for gvr: x",)
    assert content.calculate_remains("ns", "x", [], 0).empty


def test_conditions_turn_from_failure_to_success_and_keep_their_times() -> None:
    """Proves that all five are always there and only a changed status moves the time."""
    bad = content.Remains({"pods": 2}, {"f": 1}, 0, ("no",))
    first = content.calculate_conditions(None, bad, at(0))
    assert [c["status"] for c in first] == ["False", "False", "True", "True", "True"]
    second = content.calculate_conditions(first, content.Remains(), at(9))
    assert {c["status"] for c in second} == {"False"}
    times = [c["lastTransitionTime"] for c in second]
    assert times == ["2026-01-01T00:00:00Z"] * 2 + ["2026-01-01T00:00:09Z"] * 3
