"""The health of a whole release: its objects' words, and what its own pods say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from gitrel.clock import format_instant, parse_instant
from gitrel.delivery import symptoms
from gitrel.delivery.health import LONG_AGO, release_health
from gitrel.kube.identity import Object
from gitrel.repo.model import HealthRule
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
        ("ImagePullBackOff", "in-progress", "ImagePullBackOff web:2 on 1 of 1 pods"),
        ("ErrImagePull", "in-progress", "ErrImagePull web:2 on 1 of 1 pods"),
        ("CreateContainerConfigError", "in-progress", "CreateContainerConfigError app on 1 of 1 pods"),
        ("InvalidImageName", "failed", "InvalidImageName web:2 on 1 of 1 pods"),
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
    exceeded["lastUpdateTime"] = at(3)
    found = health(pod("a", ready=None, waiting="ImagePullBackOff"), deployment=live(conditions=[exceeded]))
    assert found == Health(
        "failed",
        "Deployment.apps shop/web: timed out; ImagePullBackOff web:2 on 1 of 1 pods",
        given_up=instant(3),
    )


def test_pods_of_others_are_ignored() -> None:
    """Another namespace's or another app's pods do not count, even if they are handed in."""
    other = pod("x", ready=None, waiting="CrashLoopBackOff")
    other["metadata"]["namespace"] = "tools"
    another = pod("y", ready=None, waiting="CrashLoopBackOff")
    another["metadata"]["labels"] = {"app": "api"}
    assert health(pod("a"), other, another).status == "current"


def crashed(name: str, *, code: int = 1, message: str = "", image: str = "web:2") -> Object:
    made = pod(name, ready=None, waiting="CrashLoopBackOff", image=image)
    ended = {"terminated": {"exitCode": code, "reason": "Error", "message": message}}
    made["status"]["containerStatuses"][0]["lastState"] = ended
    return made


def test_reasons_are_counted_over_the_pods() -> None:
    """Three of five pods cannot get their image: one sentence, with the image that they asked for."""
    pods = [pod(f"p{n}", ready=None, waiting="ImagePullBackOff") for n in range(3)]
    found = health(*pods, pod("a"), pod("b"), deployment=live(readyReplicas=1))
    assert found.because.endswith("; ImagePullBackOff web:2 on 3 of 5 pods")


def test_a_crash_loop_says_how_it_ended() -> None:
    """The last exit code and the container's own last words; the commonest where they differ."""
    pods = [crashed("a", message="no\nconfig"), crashed("b", message="no\nconfig"), crashed("c", code=137)]
    assert health(*pods).because == "CrashLoopBackOff app on 3 of 3 pods: exit code 1 (Error): no config"


def test_last_words_show_no_secret_and_are_no_novel() -> None:
    """A container that prints its password: hidden first and cut after, as half a secret is still one."""
    secret = load("{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: shop}}")
    secret["stringData"] = {"password": "correct-horse-battery"}
    words = "x" * (symptoms.TEXT_MAX - 80) + " login with correct-horse-battery failed " + "y" * 5000
    found = release_health(
        manifests(DEPLOYMENT, secret), by_ref(live(), secret), [crashed("a", message=words)], NOW
    )
    assert "correct" not in found.because
    assert "(hidden" in found.because
    assert len(found.because) <= symptoms.TEXT_MAX


def test_what_a_container_lacks_is_named() -> None:
    """A missing Secret or ConfigMap is told by the kubelet; its words are passed on."""
    stuck = pod("a", ready=None, waiting="CreateContainerConfigError")
    stuck["status"]["containerStatuses"][0]["state"]["waiting"]["message"] = 'secret "web" not found'
    found = health(stuck, deployment=live(readyReplicas=1))
    assert 'CreateContainerConfigError app on 1 of 1 pods: secret "web" not found' in found.because


def test_a_gated_pod_and_an_evicted_one() -> None:
    """Neither has a waiting container to ask."""
    gated = pod("a", ready=None)
    condition = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "waits"}
    gated["status"] = {"phase": "Pending", "conditions": [condition]}
    evicted = pod("b", ready=None)
    evicted["status"] = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
    found = health(gated, evicted, deployment=live(readyReplicas=1)).because
    assert "SchedulingGated 1 of 2 pods: waits" in found
    assert "Failed 1 of 2 pods: Evicted: low on memory" in found


def test_a_container_that_runs_and_is_not_ready() -> None:
    """Where nothing else is wrong, that is what is said; the probe's own words come from the events."""
    slow = pod("a", ready=None)
    slow["metadata"]["uid"] = "u1"
    slow["status"]["containerStatuses"][0] |= {"ready": False, "state": {"running": {}}}
    probe = warning("Pod", "a", "u1", "Unhealthy", "Readiness probe failed: 503")
    found = release_health(
        manifests(DEPLOYMENT), by_ref(live(readyReplicas=1)), [slow, pod("b")], NOW, events=[probe]
    )
    assert found.because == (
        "Deployment.apps shop/web: 1 of 2 replicas are ready; app runs but is not ready on 1 of 2 pods; "
        "Unhealthy on 1 of 2 pods: Readiness probe failed: 503"
    )


def warning(kind: str, name: str, uid: str, reason: str, message: str, minutes_ago: float = 1) -> Object:
    return {
        "kind": "Event",
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": at(minutes_ago),
        "involvedObject": {"kind": kind, "namespace": "shop", "name": name, "uid": uid},
    }


SET: Object = {**DEPLOYMENT, "kind": "StatefulSet", "metadata": {**DEPLOYMENT["metadata"], "uid": "s1"}}


def test_a_quota_that_lets_no_pod_be_made_is_told_by_its_event() -> None:
    """A StatefulSet has no condition for it: the words are the API server's, through the event."""
    message = 'create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: exceeded quota'
    events = [
        warning("StatefulSet", "web", "s1", "FailedCreate", message, 1),
        warning("StatefulSet", "web", "s1", "FailedUpdate", "before this release", 900),
        warning("StatefulSet", "other", "s2", "FailedCreate", "of somebody else"),
        {**warning("StatefulSet", "web", "s1", "SuccessfulCreate", "fine"), "type": "Normal"},
    ]
    there = {**SET, "metadata": {**SET["metadata"], "creationTimestamp": at(600)}, "status": {}}
    found = release_health(manifests(SET), by_ref(there), [], NOW, events=events)
    missing, quota = found.because.split("; ")
    assert missing == "StatefulSet.apps shop/web: 0 of 2 replicas exist"
    assert quota == f"StatefulSet.apps shop/web: FailedCreate: {message}"


def test_a_disruption_budget_that_blocks_is_named() -> None:
    """A drain waits for it, and so does whoever waits for the drain."""
    budget = load(
        "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: shop}}"
    )
    counts = {"disruptionsAllowed": 0, "expectedPods": 2, "currentHealthy": 1, "desiredHealthy": 2}
    there = by_ref(live(readyReplicas=1), {**budget, "status": counts})
    found = release_health(manifests(DEPLOYMENT, budget), there, [], NOW)
    assert found.because.endswith(
        "PodDisruptionBudget.policy shop/web lets no pod be evicted: 1 are healthy, 2 must be"
    )


def test_the_status_of_the_old_replica_set_is_no_evidence() -> None:
    """All counts are full, but they are those of the generation before: the pods still run the old image."""
    old = [pod(f"old{n}", image="web:1") for n in range(2)]
    behind = live(observedGeneration=1)
    assert health(*old, deployment=behind).status == "in-progress"
    rolling = live(updatedReplicas=1, replicas=3, readyReplicas=3, availableReplicas=3)
    assert health(*old, pod("new"), deployment=rolling).status == "in-progress"


WIDGET = load(
    "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: shop, generation: 2}}"
)
RULE = HealthRule(
    "example.com",
    "Widget",
    healthy="object.status.phase == 'Running'",
    failed="object.status.phase == 'Broken' || object.status.retries > 3",
    progressing="has(object.status.rollout) && object.status.rollout < 100",
    message="'it is ' + object.status.phase",
)


@pytest.mark.parametrize(
    ("status", "word", "because"),
    [
        ({"phase": "Running", "retries": 0}, "current", "everything is current"),
        ({"phase": "Broken"}, "failed", "Widget.example.com shop/w: it is Broken"),
        ({"phase": "Running", "retries": 9}, "failed", "Widget.example.com shop/w: it is Running"),
        ({"phase": "Running", "rollout": 40}, "in-progress", "Widget.example.com shop/w: it is Running"),
        ({"phase": "New"}, "in-progress", "Widget.example.com shop/w: it is New"),
        (
            {},
            "in-progress",
            "Widget.example.com shop/w: not healthy yet: object.status.phase == 'Running': "
            "no such key: phase",
        ),
        (
            {"phase": "Running", "observedGeneration": 1},
            "in-progress",
            "Widget.example.com shop/w: generation 2 is not observed yet (observed: 1)",
        ),
        (
            {"phase": "Running", "conditions": [{"type": "Stalled", "status": "True"}]},
            "current",
            "everything is current",
        ),
    ],
)
def test_a_components_own_rule_decides(status: dict[str, Any], word: str, because: str) -> None:
    """`failed`, then `progressing`, then `healthy`; what is not there yet is no failure."""
    there = by_ref({**WIDGET, "status": status})
    found = release_health(manifests(WIDGET), there, [], NOW, rules=[RULE])
    assert (found.status, found.because) == (word, because)


def test_a_rule_holds_for_its_kind_only_and_for_built_in_kinds_too() -> None:
    """Whoever needs a load balancer's address says so."""
    service = load("{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}}")
    address = "object.status.loadBalancer.ingress.exists(i, has(i.ip))"
    rule = HealthRule("", "Service", address, "", "", "")
    waits = release_health(manifests(service, WIDGET), by_ref(service, WIDGET), [], NOW, rules=[rule])
    assert waits.because == f"Service shop/web: not healthy yet: {address}: no such key: status"
    given = {**service, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}}
    found = release_health(manifests(service, WIDGET), by_ref(given, WIDGET), [], NOW, rules=[rule])
    assert found.status == "current"


def test_current_since_the_last_condition_changed() -> None:
    """A rule has no instant of its own: the object's conditions have, and the latest counts."""
    conditions = [{"type": "A", "lastTransitionTime": at(9)}, {"type": "B", "lastTransitionTime": at(4)}]
    there = by_ref({**WIDGET, "status": {"phase": "Running", "retries": 0, "conditions": conditions}})
    assert release_health(manifests(WIDGET), there, [], NOW, rules=[RULE]).since == instant(4)


def test_a_rule_that_takes_for_ever_is_stopped() -> None:
    """A list of lists of lists is walked for so many steps and no more; the object is not healthy then."""
    rule = HealthRule("", "ConfigMap", "object.l.all(a, object.l.all(b, object.l.all(c, true)))", "", "", "")
    large = by_ref({**CONFIG, "l": list(range(300))})
    found = release_health(manifests(CONFIG), large, [], NOW, rules=[rule])
    assert "it takes more than 100,000 steps" in found.because
