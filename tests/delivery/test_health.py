"""The health of a whole release: its objects' words, and what its own pods say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from gitrel.clock import format_instant, parse_instant
from gitrel.delivery.health import LONG_AGO, release_health
from gitrel.kube.identity import Object
from gitrel.rollout.seen import Health
from tests.delivery.support import NOW, by_ref, load, manifests

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "containers": [{"name": "app", "image": "web:2", "resources": {"limits": {"cpu": "1000m"}}}],
    },
}
DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE},
}
CONFIG: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"}}


def at(minutes_ago: float) -> str:
    return format_instant(NOW - timedelta(minutes=minutes_ago))


def instant(minutes_ago: float) -> datetime:
    return parse_instant(at(minutes_ago))


def live(obj: Object = DEPLOYMENT, *, available: float = 60, complete: float = 50, **status: Any) -> Object:
    full = {
        "observedGeneration": 2,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
    }
    conditions = [
        {"type": "Available", "status": "True", "lastTransitionTime": at(available)},
        {
            "type": "Progressing",
            "status": "True",
            "reason": "NewReplicaSetAvailable",
            "lastUpdateTime": at(complete),
        },
    ]
    metadata = {**obj["metadata"], "generation": 2, "creationTimestamp": at(600)}
    return {**obj, "metadata": metadata, "status": {**full, "conditions": conditions, **status}}


def pod(
    name: str, *, ready: float | None = 40, image: str = "web:2", waiting: str = "", restarts: int = 0
) -> Object:
    container = {
        "name": "app",
        "image": image,
        "imagePullPolicy": "Always",
        "resources": {"limits": {"cpu": "1"}},
    }
    status: dict[str, Any] = {"name": "app", "restartCount": restarts, "state": {}}
    if waiting:
        status["state"] = {"waiting": {"reason": waiting}}
    conditions = [
        {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": at(ready or 1)}
    ]
    tolerations = [*TEMPLATE["spec"]["tolerations"], {"key": "node.kubernetes.io/not-ready"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web", "pod-template-hash": "x"}},
        "spec": {"containers": [container], "tolerations": tolerations, "nodeName": "n1"},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [status]},
    }


def health(*pods: Object, deployment: Object | None = None, now: datetime = NOW) -> Health:
    return release_health(manifests(DEPLOYMENT), by_ref(deployment or live()), list(pods), now)


def test_current_since_the_last_pod_became_ready() -> None:
    """`since` is the latest of the Deployment's and its ready pods' own transition times."""
    assert health(pod("a", ready=40), pod("b", ready=7)) == Health(
        "current", "everything is current", instant(7)
    )


def test_current_since_the_rollout_completed() -> None:
    """A Deployment that completed after its pods were ready counts from then."""
    assert health(pod("a", ready=40), deployment=live(complete=3)).since == instant(3)


def test_a_flap_moves_since() -> None:
    """A pod that lost and regained readiness restarts the count, even if nobody watched."""
    assert health(pod("a", ready=40), pod("b", ready=0.5)).since == instant(0.5)


def test_an_old_transition_does_not_count_for_a_new_configuration() -> None:
    """A ConfigMap that was applied a minute ago is Current since a minute ago."""
    entry = {"manager": "gitrel", "operation": "Apply", "time": at(1)}
    config = {
        **CONFIG,
        "metadata": {**CONFIG["metadata"], "creationTimestamp": at(900), "managedFields": [entry]},
    }
    assert release_health(manifests(CONFIG), by_ref(config), [], NOW).since == instant(1)


def test_since_is_never_in_the_future() -> None:
    """A cluster whose clock is ahead cannot make the soak start later than now."""
    assert health(pod("a", ready=-30)).since == NOW


def test_an_empty_release_is_current() -> None:
    """Nothing to wait for, and a start that does not move with each look."""
    assert release_health((), {}, [], NOW) == Health("current", "everything is current", LONG_AGO)


def test_restarts_are_summed_over_the_releases_own_pods() -> None:
    """Old pods' restarts are not the new release's."""
    found = health(pod("a", restarts=2), pod("b", restarts=1), pod("old", image="web:1", restarts=50))
    assert found.restarts == 3


def test_a_crashing_pod_fails_an_available_deployment() -> None:
    """The Deployment still says Available; the release has failed, and says on how many pods."""
    pods = [pod("a"), pod("b", ready=None, waiting="CrashLoopBackOff", restarts=4), pod("c")]
    assert health(*pods) == Health("failed", "CrashLoopBackOff app on 1 of 3 pods", None, 4)


def test_a_crashing_pod_of_the_old_revision_does_not() -> None:
    """What runs the old template says nothing about the new one."""
    old = pod("old", image="web:1", ready=None, waiting="CrashLoopBackOff")
    assert health(pod("a"), old).status == "current"


def test_a_pod_that_is_going_does_not_count() -> None:
    """Terminating pods are on their way out, whatever they say."""
    going = pod("a", ready=None, waiting="CrashLoopBackOff", restarts=9)
    going["metadata"]["deletionTimestamp"] = at(0)
    assert health(pod("b"), going) == Health("current", "everything is current", instant(40))


def test_pods_rewritten_by_a_webhook_count_once_rolled_out() -> None:
    """Where no pod matches the template to the letter, the controller's word is taken."""
    crashing = pod("a", image="mirror/web:2", ready=None, waiting="CrashLoopBackOff")
    assert health(crashing).status == "failed"
    assert health(crashing, deployment=live(updatedReplicas=1)).status == "in-progress"


@pytest.mark.parametrize(
    ("waiting", "status", "because"),
    [
        ("ImagePullBackOff", "in-progress", "ImagePullBackOff app on 1 of 1 pods"),
        ("ErrImagePull", "in-progress", "ErrImagePull app on 1 of 1 pods"),
        ("CreateContainerConfigError", "in-progress", "CreateContainerConfigError app on 1 of 1 pods"),
        ("InvalidImageName", "failed", "InvalidImageName app on 1 of 1 pods"),
    ],
)
def test_a_stuck_rollout_gives_the_pods_own_reason(waiting: str, status: str, because: str) -> None:
    """What can still pass is in progress with its reason; what cannot has failed."""
    found = health(pod("a", ready=None, waiting=waiting), deployment=live(readyReplicas=1))
    assert found.status == status
    assert because in found.because


def test_an_unschedulable_pod_gives_the_schedulers_words() -> None:
    """The deadline decides; until then the message says what to do."""
    stuck = pod("a", ready=None)
    message = "0/3 nodes are available: 3 Insufficient cpu."
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    stuck["status"] = {"phase": "Pending", "conditions": [unschedulable]}
    found = health(stuck, deployment=live(availableReplicas=1))
    assert found == Health(
        "in-progress",
        "Deployment.apps shop/web: 1 of 2 updated replicas are available; "
        f"Unschedulable 1 of 1 pods: {message}",
    )


def test_a_generation_that_is_not_observed_is_not_healthy() -> None:
    """The status of the old generation is no evidence for the new one."""
    found = health(pod("a"), deployment=live(observedGeneration=1))
    assert (found.status, found.since) == ("in-progress", None)


def test_an_object_that_is_missing_is_not_healthy() -> None:
    """Everything of the release must be there."""
    found = release_health(manifests(DEPLOYMENT, CONFIG), by_ref(live()), [], NOW)
    assert found == Health("in-progress", "ConfigMap shop/web: the object does not exist")


def test_failed_wins_over_in_progress() -> None:
    """One failed object fails the release, whatever the others still do."""
    job = load("{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: shop}}")
    failed = {**job, "status": {"conditions": [{"type": "Failed", "status": "True", "message": "too often"}]}}
    found = release_health(manifests(DEPLOYMENT, job), by_ref(live(readyReplicas=1), failed), [], NOW)
    assert found == Health("failed", "Job.batch shop/j: too often")


def test_a_deadline_that_passed_is_a_failure_with_its_cause() -> None:
    """The controller's verdict comes with what kept the pods from running."""
    exceeded = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": "timed out",
    }
    found = health(pod("a", ready=None, waiting="ImagePullBackOff"), deployment=live(conditions=[exceeded]))
    assert found == Health(
        "failed", "Deployment.apps shop/web: timed out; ImagePullBackOff app on 1 of 1 pods"
    )


def test_pods_of_others_are_ignored() -> None:
    """Another namespace's or another app's pods do not count, even if they are handed in."""
    other = pod("x", ready=None, waiting="CrashLoopBackOff")
    other["metadata"]["namespace"] = "tools"
    another = pod("y", ready=None, waiting="CrashLoopBackOff")
    another["metadata"]["labels"] = {"app": "api"}
    assert health(pod("a"), other, another).status == "current"
