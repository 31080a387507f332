"""ResourceQuota: what is used is counted in the write that uses it, and given back afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.controllers.resourcequota.controller import ResourceQuotaController
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, container, deployment, mark, pod
from tests.cluster.kinds.tables import of, refusal


def ruled(hard: Any, *, controller: bool = True, **spec: Any) -> WatchedCluster:
    made = cluster(*([ResourceQuotaController] if controller else []))
    made.api.create(of("ResourceQuota", name="q", spec={"hard": hard, **spec}))
    made.settle()
    return made


def used(made: WatchedCluster) -> Any:
    return made.api.get("resourcequotas", "q", "default")["status"]["used"]


def asking(name: str, **requests: str) -> Object:
    return pod(name, containers=[container(resources={"requests": requests})])


def test_pods_are_counted_as_they_are_made() -> None:
    """Proves that the status is exact at once, and that the pod that is one too many is refused."""
    made = ruled({"pods": "2", "requests.memory": "1Gi"})
    assert used(made) == {"pods": "0", "requests.memory": "0"}
    made.api.create(asking("a", memory="256Mi"))
    made.api.create(asking("b", memory="512Mi"))
    assert used(made) == {"pods": "2", "requests.memory": "768Mi"}
    assert refusal(asking("c", memory="512Mi"), made) == (
        'pods "c" is forbidden: exceeded quota: q, requested: pods=1,requests.memory=512Mi, '
        "used: pods=2,requests.memory=768Mi, limited: pods=2,requests.memory=1Gi"
    )
    assert used(made) == {"pods": "2", "requests.memory": "768Mi"}
    made.verify()


def test_a_quota_counts_before_anybody_has_counted() -> None:
    """Proves that a new quota holds at once, with what was there before it."""
    made = cluster()
    made.api.create(pod("old"))
    made.api.create(of("ResourceQuota", name="q", spec={"hard": {"count/pods": "1"}}))
    assert "used: count/pods=1, limited: count/pods=1" in refusal(pod("new"), made)


def test_what_goes_is_given_back() -> None:
    """Proves that deleted and finished pods make room, and that a new limit is told."""
    made = ruled({"pods": "2"})
    for name in ("a", "b"):
        made.api.create(pod(name))
    made.api.delete("pods", "a", "default")
    made.settle()
    assert used(made) == {"pods": "1"}
    mark(made, "default", "b", phase="Succeeded", ready=False)
    made.settle()
    assert used(made) == {"pods": "0"}
    quota = made.api.get("resourcequotas", "q", "default")
    made.api.update({**quota, "spec": {"hard": {"pods": "5", "services": "1"}}})
    made.settle()
    assert used(made) == {"pods": "0", "services": "1"}  # `kubernetes` itself


def test_what_is_counted_has_to_be_said() -> None:
    """Proves that a pod without the requests that a quota counts is refused."""
    made = ruled({"requests.cpu": "1", "limits.memory": "1Gi"})
    assert refusal(pod("x"), made) == (
        'pods "x" is forbidden: failed quota: q: must specify limits.memory for: app; requests.cpu for: app'
    )


def test_dry_runs_cost_nothing() -> None:
    """Proves that a dry run is held to the quota and charges nothing."""
    made = ruled({"pods": "1"})
    made.api.acting_as("me", dry_run=True).create(pod("x"))
    assert used(made) == {"pods": "0"}
    made.api.create(pod("x"))
    with pytest.raises(ApiError, match="exceeded quota"):
        made.api.acting_as("me", dry_run=True).create(pod("y"))


def test_a_refused_write_costs_nothing() -> None:
    """Proves that what fails validation after admission is not charged."""
    made = ruled({"services": "5", "services.nodeports": "5"})
    bad = of("Service", spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]})
    assert "provided port is not in the valid range" in refusal(bad, made)
    assert used(made) == {"services": "1", "services.nodeports": "0"}


def test_updates_are_charged_by_their_difference() -> None:
    """Proves that a service that takes node ports is charged when it does."""
    made = ruled({"services.nodeports": "1"})
    service = made.api.create(of("Service", spec={"ports": [{"port": 80}], "selector": {"a": "b"}}))
    assert used(made) == {"services.nodeports": "0"}
    two = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
    with pytest.raises(ApiError, match=r"requested: services\.nodeports=2, used: services\.nodeports=0"):
        made.api.update({**service, "spec": {**service["spec"], "type": "NodePort", "ports": two}})
    made.api.update({**service, "spec": {**service["spec"], "type": "NodePort"}})
    assert used(made) == {"services.nodeports": "1"}


SCOPED: dict[str, tuple[str, Any, bool]] = {
    "best effort, plain": ("BestEffort", {}, True),
    "best effort, asking": ("BestEffort", {"containers": [container(resources={"requests": {"cpu": "1"}})]},
                            False),
    "terminating": ("Terminating", {"activeDeadlineSeconds": 5}, True),
    "not terminating": ("NotTerminating", {"activeDeadlineSeconds": 5}, False),
}  # fmt: skip


@pytest.mark.parametrize("case", SCOPED)
def test_scopes_choose_pods(case: str) -> None:
    """Proves that a quota with a scope counts the pods it means and no others."""
    scope, spec, counts = SCOPED[case]
    made = ruled({"pods": "9"}, scopes=[scope])
    made.api.create(pod("x", **spec))
    assert used(made) == {"pods": "1" if counts else "0"}


def test_priority_classes_have_quotas() -> None:
    """Proves that a scope selector chooses pods by their class."""
    row = {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
    made = ruled({"pods": "1"}, scopeSelector={"matchExpressions": [row]})
    made.api.create(pod("plain"))
    made.api.create(pod("a", priorityClassName="system-node-critical"))
    assert "exceeded quota" in refusal(pod("b", priorityClassName="system-node-critical"), made)


def test_everything_can_be_counted() -> None:
    """Proves that any kind is limited by its number."""
    made = ruled({"count/deployments.apps": "0", "configmaps": "1"})
    made.api.create(of("ConfigMap"))
    assert "configmaps=1, used: configmaps=1" in refusal(of("ConfigMap", name="y"), made)
    assert "count/deployments.apps=1" in refusal(deployment("x"), made)
