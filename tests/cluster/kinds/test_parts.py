"""Parts of objects that are written by themselves: approvals, debugging containers, resources, evictions."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.api import ownership
from gitrel.cluster.api.apply import applying, managers
from gitrel.cluster.api.apply.managers import Manager
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.eviction import decide
from gitrel.cluster.api.schema import type_for
from gitrel.kube.fields import get
from gitrel.kube.identity import Object
from tests.cluster.harness import cluster, container, mark, pod
from tests.cluster.kinds.tables import of, on
from tests.cluster.kinds.test_families import CASES

REQUEST = CASES["a CertificateSigningRequest is not approved by being made"][0]
APPROVED = [{"type": "Approved", "status": "True", "reason": "Seen"}]


def test_requests_are_approved_apart() -> None:
    """Proves that approval is written by its own subresource alone, and is not taken back."""
    made = cluster()
    found = made.api.create(REQUEST)
    status = {"conditions": APPROVED}
    assert "conditions" not in made.api.update({**found, "status": status}, "status")["status"]
    approved = made.api.update({**found, "status": status}, "approval")
    assert approved["status"]["conditions"][0]["type"] == "Approved"
    denied = [{"type": "Denied", "status": "True", "reason": "No"}]
    with pytest.raises(ApiError, match="may not remove a condition"):
        made.api.update({**approved, "status": {"conditions": denied}}, "approval")


def test_debugging_containers_are_added_and_stay() -> None:
    """Proves that they come by their subresource, get defaults, and cannot serve anybody."""
    made = cluster()
    found = made.api.create(pod("x"))
    debug = {"name": "debug", "image": "busybox:1", "targetContainerName": "app"}
    new = made.api.update(on(found, ("spec.ephemeralContainers", [debug])), "ephemeralcontainers")
    assert new["spec"]["ephemeralContainers"][0]["imagePullPolicy"] == "IfNotPresent"
    with pytest.raises(ApiError, match='existing ephemeral containers "debug" may not be removed'):
        made.api.update(on(new, ("spec.ephemeralContainers", None)), "ephemeralcontainers")
    ported = [*new["spec"]["ephemeralContainers"], {**debug, "name": "b", "ports": [{"containerPort": 1}]}]
    with pytest.raises(ApiError, match="cannot be set for an Ephemeral Container"):
        made.api.update(on(new, ("spec.ephemeralContainers", ported)), "ephemeralcontainers")


def test_pods_are_resized_within_their_class() -> None:
    """Proves that resources change by `resize` alone, and never the class of service."""
    made = cluster()

    def of_size(cpu: str) -> list[Any]:
        return [container(resources={"requests": {"cpu": cpu}})]

    found = made.api.create(pod("x", containers=of_size("1")))
    bigger = on(found, ("spec.containers", of_size("2")))
    with pytest.raises(ApiError, match="pod updates may not change fields"):
        made.api.update(bigger)
    new = made.api.update(bigger, "resize")
    assert new["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "2"}}
    assert new["metadata"]["generation"] == 2
    with pytest.raises(ApiError, match="Pod QOS Class may not change"):
        made.api.update(on(new, ("spec.containers", [container()])), "resize")


def budget(allowed: int, **spec: Any) -> Object:
    found = of("PodDisruptionBudget", "policy/v1", spec={"selector": {"matchLabels": {"app": "x"}}, **spec})
    found["metadata"]["generation"] = 1
    healthy = {"desiredHealthy": 2, "currentHealthy": 1}
    return {**found, "status": {"disruptionsAllowed": allowed, "observedGeneration": 1, **healthy}}


def running(*, ready: bool = True, phase: str = "Running") -> Object:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {**pod("x"), "status": {"phase": phase, "conditions": conditions}}


EVICTIONS: dict[str, tuple[Object, list[Object], str]] = {
    "nobody minds": (running(), [], "delete"),
    "allowed": (running(), [budget(1)], "charge"),
    "not begun": (running(phase="Pending"), [budget(0)], "delete"),
    "over": (running(phase="Succeeded"), [budget(0)], "delete"),
    "unready, always let go": (
        running(ready=False), [budget(0, unhealthyPodEvictionPolicy="AlwaysAllow")], "delete",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EVICTIONS)
def test_who_may_be_evicted(case: str) -> None:
    """Proves each way in which a budget has no say, or has one left."""
    found, budgets, act = EVICTIONS[case]
    assert decide(found, budgets).act == act


def test_who_has_to_wait() -> None:
    """Proves that a spent budget, one not yet looked at, and two budgets stop an eviction, each its way."""
    with pytest.raises(ApiError) as spent:
        decide(running(), [budget(0)])
    assert (spent.value.code, spent.value.details["causes"][0]["reason"]) == (429, "DisruptionBudget")
    assert spent.value.message == "Cannot evict pod as it would violate the pod's disruption budget."
    stale = budget(1)
    stale["metadata"]["generation"] = 2
    with pytest.raises(ApiError) as unseen:
        decide(running(), [stale])
    assert unseen.value.details["retryAfterSeconds"] == 10
    with pytest.raises(ApiError, match="more than one PodDisruptionBudget"):
        decide(running(), [budget(1), budget(1)])


def test_an_eviction_is_charged_and_told() -> None:
    """Proves that the budget has one less left, remembers the pod, and that the pod says why it goes."""
    made = cluster()
    made.api.create(pod("x", nodeName="n"))
    mark(made, "default", "x")
    made.writer.create("poddisruptionbudgets.policy", budget(1))
    found = made.api.get("poddisruptionbudgets.policy", "x", "default")
    made.writer.update_status("poddisruptionbudgets.policy", {**found, "status": budget(1)["status"]})
    left = made.api.evict("x", "default")
    assert left is not None and left["metadata"]["deletionGracePeriodSeconds"] == 30
    reasons = [row.get("reason") for row in get(left, "status", "conditions")]
    assert "EvictionByEvictionAPI" in reasons
    status = made.api.get("poddisruptionbudgets.policy", "x", "default")["status"]
    assert status["disruptionsAllowed"] == 0 and list(status["disruptedPods"]) == ["x"]


def test_who_makes_an_object_owns_it_as_any_writer_would() -> None:
    """Proves that the short way of recording the owner of a new object gives what the long way gives."""
    made = cluster()
    for sent, _ in CASES.values():
        named = {**sent["metadata"], "labels": {"a": "b"}, "name": "own"}
        found = made.api.create({**sent, "metadata": named})
        kind = made.handler.scheme.kind(found["apiVersion"], found["kind"])
        metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
        manager = Manager("gitrel", "Update", kind.api_version)
        long = applying.update(
            None, {**found, "metadata": metadata}, type_for(kind), {}, manager,
            now=metadata["creationTimestamp"],
        )  # fmt: skip
        assert found["metadata"]["managedFields"] == managers.written(long)
    assert ownership.owners_of(kind, found, "")[manager].fields


def test_pods_that_say_the_same_share_their_spec() -> None:
    """Proves that decoding, defaults and admission give one object to pods sent apart."""
    made = cluster()
    first, second = made.api.create(pod("a")), made.api.create(pod("b"))
    assert first["spec"] is second["spec"]
    made.verify()
