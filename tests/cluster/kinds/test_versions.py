"""Kinds that are read in two versions from one storage."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.handler import Request
from gitrel.cluster.api.patching import Patcher
from gitrel.cluster.kinds import autoscaling_v1, events
from gitrel.kube.identity import Object
from tests.cluster.harness import cluster
from tests.cluster.kinds.tables import of

TARGET = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
AVERAGE = {"type": "AverageValue", "averageValue": "5"}
PODS = {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": AVERAGE}}


def cpu(percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def test_an_old_autoscaler_is_stored_as_a_new_one() -> None:
    """Proves that what v1 says becomes a metric, and is said again by v1 when it is read there."""
    made = cluster()
    spec = {"maxReplicas": 3, "scaleTargetRef": TARGET, "targetCPUUtilizationPercentage": 50}
    old = of("HorizontalPodAutoscaler", "autoscaling/v1", spec=spec)
    answer = made.api.create(old)
    assert answer["apiVersion"] == "autoscaling/v1"
    assert answer["spec"]["targetCPUUtilizationPercentage"] == 50
    stored = made.api.get("horizontalpodautoscalers.autoscaling", "x", "default")
    assert (stored["apiVersion"], stored["spec"]["metrics"]) == ("autoscaling/v2", [cpu(50)])


def test_what_v1_cannot_say_travels_in_annotations() -> None:
    """Proves that nothing is lost on the way through v1 and back."""
    made = cluster()
    new = of("HorizontalPodAutoscaler", "autoscaling/v2",
             spec={"maxReplicas": 3, "scaleTargetRef": TARGET, "metrics": [cpu(60), PODS]})  # fmt: skip
    stored = made.api.create(new)
    old = autoscaling_v1.to_v1(stored)
    assert "autoscaling.alpha.kubernetes.io/metrics" in old["metadata"]["annotations"]
    assert autoscaling_v1.to_v2(old)["spec"]["metrics"] == [cpu(60), PODS]


metrics = st.lists(st.one_of(st.integers(1, 99).map(cpu), st.just(PODS)), max_size=3)


@given(metrics, st.dictionaries(st.sampled_from(("a", "b")), st.text("xy", max_size=3)))
@settings(deadline=None, max_examples=60)
def test_conversion_there_and_back_changes_nothing(found: Any, annotations: Any) -> None:
    """Proves the round trip of any autoscaler; the one cpu target that v1 can say comes first."""
    found.sort(key=lambda metric: metric["type"] != "Resource")
    spec = {"maxReplicas": 1, **({"metrics": found} if found else {})}
    obj = {"apiVersion": "autoscaling/v2", "metadata": {"annotations": annotations}, "spec": spec}
    back = autoscaling_v1.to_v2(autoscaling_v1.to_v1(obj))
    assert back["spec"] == obj["spec"]
    assert back["metadata"].get("annotations", {}) == annotations


def test_events_are_one_storage() -> None:
    """Proves that an event of either group is read in both, under the names of each."""
    made = cluster()
    sent = of(
        "Event", events.NEW_VERSION, eventTime="2026-01-01T00:00:00.000000Z", reportingController="me",
        reportingInstance="me-1", action="Try", reason="Tried", type="Normal", note="well",
        regarding={"kind": "Pod", "namespace": "default", "name": "p"},
    )  # fmt: skip
    assert made.api.create(sent)["note"] == "well"
    core = made.api.get("events", "x", "default")
    assert (core["apiVersion"], core["message"], core["reportingComponent"]) == ("v1", "well", "me")
    new = made.api.get("events.events.k8s.io", "x", "default")
    assert (new["apiVersion"], new["note"], new["regarding"]["name"]) == (events.NEW_VERSION, "well", "p")


def test_patches_work_in_the_version_they_name() -> None:
    """Proves that a patch of v1 changes what is stored as v2."""
    made = cluster()
    made.api.create(
        of("HorizontalPodAutoscaler", "autoscaling/v1",
           spec={"maxReplicas": 3, "scaleTargetRef": TARGET, "targetCPUUtilizationPercentage": 50})
    )  # fmt: skip
    Patcher(made.handler).patch(
        "horizontalpodautoscalers.autoscaling", "default", "x",
        {"spec": {"targetCPUUtilizationPercentage": 70}}, "application/merge-patch+json", Request("me"),
        api_version="autoscaling/v1",
    )  # fmt: skip
    stored = made.api.get("horizontalpodautoscalers.autoscaling", "x", "default")
    assert stored["spec"]["metrics"] == [cpu(70)]
