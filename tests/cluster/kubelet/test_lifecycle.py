"""Lives of pods on a clock we own: what their status shows, and at which second."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.kube import conditions
from tests.cluster.harness import get
from tests.cluster.kubelet.stories import Story, container, containers


def test_a_plain_pod_runs_and_is_ready_after_two_seconds() -> None:
    """One second to pull, one to start, ready at once; then nothing is due any more."""
    story = Story()
    story.start()
    story.play(60)
    assert story.of("app") == [(0, "ContainerCreating"), (2, "running #0 ready")]
    assert story.of("web") == [(0, "Pending"), (2, "Running ready")]
    assert story.cluster.next_due() is None
    assert sorted(story.events()) == ["Created", "Pulled", "Started"]
    story.close()


def test_a_running_pod_has_addresses_and_conditions() -> None:
    """What others rely on: pod IP, host IP, start time, and all five conditions True."""
    story = Story()
    story.start()
    story.play(2)
    status = story.pod()["status"]
    assert status["podIP"] == "10.128.0.2"
    assert status["hostIP"] == "172.18.0.2"
    assert status["startTime"] == "2026-01-01T00:00:00Z"
    assert {c["type"]: c["status"] for c in status["conditions"]} == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"), "True"
    )
    ready = conditions.find(status["conditions"], "Ready")
    assert ready is not None and ready["lastTransitionTime"] == "2026-01-01T00:00:02Z"


def test_readiness_follows_the_probe() -> None:
    """Delay 5, period 10, threshold 2, answering from second 12 of its life: tried at 5, 15, 25 s, ready at
    25 s.
    """
    story = Story({"readyAfter": 12})
    probe = {"initialDelaySeconds": 5, "periodSeconds": 10, "successThreshold": 2}
    story.start(containers=[container(readinessProbe=probe)])
    story.play(300)
    assert story.of("app")[1:] == [(2, "running #0"), (27, "running #0 ready")]
    assert story.of("web")[1:] == [(2, "Running"), (27, "Running ready")]
    assert story.cluster.next_due() is None


def test_a_spell_of_illness_takes_readiness_away_and_gives_it_back() -> None:
    """Sick from 60 to 100 s of its life, tried each 10 s, 3 failures needed: unready at 80 s, ready at 100
    s.
    """
    story = Story({"unhealthy": {"after": 60, "for": 40}})
    story.start(containers=[container(readinessProbe={"periodSeconds": 10})])
    story.play(600)
    assert story.of("app")[1:] == [(2, "running #0 ready"), (82, "running #0"), (102, "running #0 ready")]
    assert "Unhealthy" in story.events()


def test_a_startup_probe_holds_the_others_back() -> None:
    """Liveness and readiness do not count before the startup probe succeeded, at 35 s of its life."""
    story = Story({"readyAfter": 31})
    story.start(
        containers=[
            container(
                startupProbe={"periodSeconds": 5, "failureThreshold": 30},
                livenessProbe={"periodSeconds": 1, "failureThreshold": 1},
                readinessProbe={"periodSeconds": 7},
            )
        ]
    )
    story.play(300)
    assert story.of("app")[1:] == [(2, "running #0"), (37, "running #0 ready")]


def test_a_startup_probe_that_gives_up_restarts_the_container() -> None:
    """3 failures 10 s apart from the start: killed at 20 s of its life, gone 1 s later, running again 1 s
    after that.
    """
    story = Story({"readyAfter": "1h"})
    story.start(containers=[container(startupProbe={"periodSeconds": 10})])
    story.play(25)
    assert story.of("app")[1:] == [(2, "running #0"), (23, "exit 143 Error"), (24, "running #1")]
    assert "Killing" in story.events()


def test_liveness_restarts_a_container_that_hangs() -> None:
    """Sick from 60 s of its life, tried each 10 s, 3 failures: killed at 80 s; the next life is as sick."""
    story = Story({"unhealthy": {"after": 60}})
    story.start(containers=[container(livenessProbe={"periodSeconds": 10})])
    story.play(170)
    assert story.of("app")[1:] == [
        (2, "running #0 ready"),
        (83, "exit 143 Error"),
        (84, "running #1 ready"),
        (165, "CrashLoopBackOff"),
    ]


def test_a_probe_may_bring_its_own_grace() -> None:
    """A process deaf to SIGTERM has the probe's 5 s, not the pod's 60."""
    story = Story({"unhealthy": {"after": 60}, "ignoresSigterm": True})
    probe = {"periodSeconds": 10, "terminationGracePeriodSeconds": 5}
    story.start(containers=[container(livenessProbe=probe)], terminationGracePeriodSeconds=60)
    story.play(90)
    assert story.of("app")[2] == (87, "exit 137 Error")


def test_crashes_are_restarted_after_0_10_20_40_seconds() -> None:
    """40 minutes of peace, then a crash every 5 s of life: restarts at once, then after 10, 20, 40, 80 s (+1
    s start).
    """
    story = Story({"crash": {"after": "40m", "again": "5s"}})
    story.start()
    story.play(3000)
    starts = [second for second, what in story.of("app") if what.startswith("running")]
    ends = [second for second, what in story.of("app") if what[:4] in ("exit", "Cras")]
    assert starts[:2] == [2, 2403]
    assert ends[0] == 2402
    assert [start - end - 1 for end, start in zip(ends, starts[1:], strict=False)] == [0, 10, 20, 40, 80, 160]
    assert story.pod()["status"]["containerStatuses"][0]["restartCount"] == 6


def test_a_long_run_makes_the_next_restart_immediate() -> None:
    """A container that crashes every 11 minutes never backs off."""
    story = Story({"crash": {"after": "11m"}})
    story.start()
    story.play(3600)
    waits = [what for _, what in story.of("app") if what == "CrashLoopBackOff"]
    assert waits == []
    assert story.pod()["status"]["containerStatuses"][0]["restartCount"] == 5


def test_an_image_that_cannot_be_pulled() -> None:
    """ErrImagePull after the first try, then ImagePullBackOff, and silence while it stays so."""
    story = Story({"pullFails": True})
    story.start()
    story.play(3600)
    assert story.of("app") == [(0, "ContainerCreating"), (1, "ErrImagePull"), (2, "ImagePullBackOff")]
    assert story.pod()["status"]["phase"] == "Pending"
    assert story.cluster.next_due() is None


def test_a_registry_that_comes_back() -> None:
    """Broken for 60 s: tried at 0, 11, 31 and 71 s, so it runs at 71 + 1 to pull + 1 to start."""
    story = Story({"pullFails": 60})
    story.start()
    story.play(120)
    assert story.of("app")[-1] == (73, "running #0 ready")


def test_a_job_pod_succeeds() -> None:
    """A pod that restarts only on failure is done after 5 s, is no longer ready, and stays as it is."""
    story = Story()
    story.start(restartPolicy="OnFailure")
    story.play(60)
    assert story.of("web") == [(0, "Pending"), (2, "Running ready"), (7, "Succeeded")]
    ready = conditions.find(story.pod()["status"]["conditions"], "Ready")
    assert ready is not None and ready["reason"] == "PodCompleted"


def test_a_failing_pod_that_never_restarts_fails() -> None:
    """restartPolicy Never: one crash, and the pod has Failed for good."""
    story = Story({"crash": {"after": 3}})
    story.start(restartPolicy="Never")
    story.play(60)
    assert story.of("web")[-1] == (5, "Failed")
    assert story.of("app")[-1] == (5, "exit 1 Error")


def test_a_pod_is_over_when_all_its_containers_are() -> None:
    """Two containers that end at different times: Running until the later one, and the failure decides."""
    story = Story({"image": "short:*", "completeAfter": 3}, {"image": "long:*", "crash": {"after": 9}})
    story.start(
        containers=[{"name": "a", "image": "short:1"}, {"name": "b", "image": "long:1"}],
        restartPolicy="Never",
    )
    story.play(60)
    assert story.of("web") == [(0, "Pending"), (2, "Running ready"), (5, "Running"), (11, "Failed")]


def test_init_containers_run_one_after_another() -> None:
    """Each takes 1 s to pull, 1 to start, 1 to run; the main container comes when the last has succeeded."""
    story = Story()
    story.start(initContainers=containers("one", "two"), containers=containers("app"))
    story.play(60)
    assert story.of("one") == [(0, "PodInitializing"), (2, "running #0"), (3, "exit 0 Completed")]
    assert story.of("two")[1:] == [(5, "running #0"), (6, "exit 0 Completed")]
    assert story.of("app")[1:] == [(8, "running #0 ready")]
    assert story.of("web") == [(0, "Pending"), (8, "Running ready")]
    initialized = conditions.find(story.pod()["status"]["conditions"], "Initialized")
    assert initialized is not None and initialized["lastTransitionTime"] == "2026-01-01T00:00:06Z"


def test_a_failing_init_container_keeps_the_pod_pending() -> None:
    """It is restarted with back-off, and the main container never comes."""
    story = Story({"image": "bad:*", "crash": {"after": 0.5}})
    story.start(initContainers=[{"name": "one", "image": "bad:1"}], containers=containers("app"))
    story.play(60)
    assert story.of("web") == [(0, "Pending")]
    assert (2, "CrashLoopBackOff") not in story.of("one")
    assert [what for _, what in story.of("one")].count("CrashLoopBackOff") >= 2
    assert story.of("app") == [(0, "PodInitializing")]


def test_a_failed_init_container_fails_a_pod_that_never_restarts() -> None:
    """The main container is written off."""
    story = Story({"image": "bad:*", "crash": {"after": 1}})
    story.start(
        initContainers=[{"name": "one", "image": "bad:1"}],
        containers=containers("app"),
        restartPolicy="Never",
    )
    story.play(60)
    assert story.of("web") == [(0, "Pending"), (3, "Failed")]


def test_a_sidecar_starts_first_and_ends_last() -> None:
    """It counts as initialised once started, does not keep the job from finishing, and ends after the main
    one.
    """
    story = Story()
    story.start(
        initContainers=[container("proxy", restartPolicy="Always")],
        containers=containers("app"),
        restartPolicy="Never",
    )
    story.play(60)
    assert story.of("proxy") == [(0, "PodInitializing"), (2, "running #0 ready"), (10, "exit 143 Error")]
    assert story.of("app") == [(0, "PodInitializing"), (4, "running #0 ready"), (9, "exit 0 Completed")]
    assert story.of("web")[-1] == (10, "Succeeded")


@pytest.mark.parametrize(
    ("rule", "spec", "seconds"),
    [
        pytest.param({}, {}, 1, id="heeds SIGTERM"),
        pytest.param({"stopSeconds": 12}, {}, 12, id="takes its time"),
        pytest.param({"ignoresSigterm": True}, {}, 30, id="is killed at the end of the grace"),
        pytest.param({"ignoresSigterm": True}, {"terminationGracePeriodSeconds": 5}, 5, id="own grace"),
    ],
)
def test_a_deleted_pod_ends_gracefully(rule: dict[str, Any], spec: dict[str, Any], seconds: int) -> None:
    """The pod is gone at the very second at which its container ends."""
    story = Story(rule)
    story.start(**spec)
    story.play(10)
    story.cluster.writer.delete("pods", "default", "web")
    story.play(120)
    assert story.lines[-1] == (10 + seconds, "web", "gone")
    story.close()


def test_a_pre_stop_hook_delays_sigterm() -> None:
    """`sleep 15` in preStop, then 1 s to stop."""
    story = Story()
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "sleep 15"]}}}
    story.start(containers=[container(lifecycle=hook)])
    story.play(10)
    story.cluster.writer.delete("pods", "default", "web")
    story.play(60)
    assert story.lines[-1] == (26, "web", "gone")


def test_a_pod_deleted_before_it_ran_goes_at_once() -> None:
    """Nothing runs yet, so there is nothing to wait for."""
    story = Story({"pullSeconds": 60})
    story.start()
    story.play(10)
    story.cluster.writer.delete("pods", "default", "web")
    story.play(1)
    assert story.lines[-1] == (10, "web", "gone")


def test_a_finalizer_keeps_the_object_with_its_final_phase() -> None:
    """A job's controller can still read how the pod ended."""
    story = Story()
    story.start()
    story.play(10)
    held = story.pod()
    story.cluster.writer.update(
        "pods", {**held, "metadata": {**held["metadata"], "finalizers": ["batch.kubernetes.io/job-tracking"]}}
    )
    story.cluster.writer.delete("pods", "default", "web")
    story.play(60)
    assert story.pod()["status"]["phase"] == "Failed"
    assert story.cluster.next_due() is None


def test_the_deadline_ends_a_pod() -> None:
    """activeDeadlineSeconds counts from the pod's start; what runs is stopped, and the pod has Failed."""
    story = Story()
    story.start(activeDeadlineSeconds=20)
    story.play(60)
    assert story.of("web")[-1] == (21, "Failed")
    assert story.pod()["status"]["reason"] == "DeadlineExceeded"


def test_readiness_gates_are_somebody_elses_word() -> None:
    """The pod is ready only once the named condition is True, whoever writes it."""
    story = Story()
    story.start(readinessGates=[{"conditionType": "example.org/in-service"}])
    story.play(10)
    assert story.of("web")[-1] == (2, "Running")
    found = story.pod()
    rows = conditions.with_condition(found["status"]["conditions"], "example.org/in-service", "True", now="")
    story.cluster.writer.update_status("pods", {**found, "status": {**found["status"], "conditions": rows}})
    story.play(10)
    assert story.of("web")[-1] == (10, "Running ready")


def with_image(story: Story, image: str) -> None:
    """Sets another image in the running pod, as `kubectl set image pod/web` does."""
    found = story.pod()
    changed = [{**found["spec"]["containers"][0], "image": image}]
    story.cluster.writer.update("pods", {**found, "spec": {**found["spec"], "containers": changed}})
    story.cluster.settle()


def test_another_image_restarts_the_container_in_its_pod() -> None:
    """Stopped in that second, pulled and started again after two; the address stays."""
    story = Story()
    story.start()
    story.play(100)
    ip = story.pod()["status"]["podIP"]
    with_image(story, "example.org/app:2")
    story.play(60)
    assert story.of("app")[2:] == [(100, "exit 143 Error"), (102, "running #1 ready")]
    status = story.pod()["status"]
    assert (status["podIP"], status["containerStatuses"][0]["image"]) == (ip, "example.org/app:2")


def test_a_better_image_ends_a_crash_loop_and_a_failed_pull() -> None:
    """Neither back-off is waited for: the new image runs in the second in which it is set."""
    crashing = Story({"image": "*:1", "crash": {"after": 5}})
    unpullable = Story({"image": "*:1", "pullFails": True})
    for story, restarts in ((crashing, 3), (unpullable, 0)):
        story.start()
        story.play(45)
        assert story.of("app")[-1][1].endswith("BackOff")
        with_image(story, "example.org/app:2")
        assert story.of("app")[-1] == (45, f"running #{restarts} ready")
        assert story.cluster.next_due() is None


def test_addresses_are_given_back() -> None:
    """The lowest free address is used again once its pod is gone."""
    story = Story()
    for name in ("a", "b", "c"):
        story.start(name)
    story.play(5)
    story.cluster.writer.delete("pods", "default", "b")
    story.play(5)
    story.start("d")
    ips = {name: story.pod(name)["status"]["podIP"] for name in ("a", "c", "d")}
    assert ips == {"a": "10.128.0.2", "c": "10.128.0.4", "d": "10.128.0.3"}


def test_a_node_is_reported_by_its_kubelet() -> None:
    """A bare Node gets addresses, a range for its pods, and the conditions of a healthy node."""
    story = Story(nodes=2)
    node = get(story.cluster, "nodes", "", "node-1")
    assert node["spec"]["podCIDR"] == "10.128.4.0/22"
    assert node["status"]["addresses"][0] == {"type": "InternalIP", "address": "172.18.0.3"}
    assert conditions.is_true(node, "Ready")
    story.cluster.writer.create("nodes", {"metadata": {"name": "late"}, "spec": {}})
    story.cluster.settle()
    late = get(story.cluster, "nodes", "", "late")
    assert late["status"]["allocatable"]["pods"] == "110"
    assert late["spec"]["podCIDR"] == "10.128.8.0/22"
