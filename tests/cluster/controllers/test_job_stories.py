"""Jobs on a virtual clock: what is created and counted, and when."""

from __future__ import annotations

from typing import Any

from gitrel.cluster.controllers.job.spec import FINALIZER
from gitrel.kube.identity import Object
from tests.cluster.controllers.podstarter import PodStarter
from tests.cluster.controllers.stories import (
    JOBS,
    change,
    cluster,
    each_instant,
    elapsed,
    events,
    forward,
    pods,
)
from tests.cluster.harness import WatchedCluster, container, get


def job(name: str = "j", image: str = "job:1", **spec: Any) -> Object:
    template = {
        "spec": {"restartPolicy": "Never", "containers": [container(image=f"example.org/{image}")]},
    }
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"template": template, **spec}}


def status(c: WatchedCluster, name: str = "j") -> dict[str, Any]:
    found: dict[str, Any] = get(c, JOBS, "default", name)["status"]
    return found


def conditions(c: WatchedCluster, name: str = "j") -> list[tuple[str, str]]:
    return [(x["type"], x["reason"]) for x in status(c, name).get("conditions", []) if x["status"] == "True"]


def births(c: WatchedCluster, seconds: float) -> list[float]:
    """The instants at which pods were created while playing that long."""
    known: dict[str, float] = {}
    for now in each_instant(c, seconds):
        for pod in pods(c):
            known.setdefault(pod["metadata"]["uid"], now)
    return sorted(known.values())


def test_a_job_runs_to_its_completions() -> None:
    """Proves width, counts, both conditions in order, times and events."""
    c = cluster()
    c.writer.create(JOBS, job(completions=3, parallelism=2))
    assert births(c, 60) == [0, 0, 8]
    # Two seconds to start, five to run, one for the batch; twice.
    assert status(c) == {
        "startTime": "2026-01-01T00:00:00Z",
        "completionTime": "2026-01-01T00:00:16Z",
        "succeeded": 3,
        "ready": 0,
        "terminating": 0,
        "uncountedTerminatedPods": {},
        "conditions": status(c)["conditions"],
    }
    assert conditions(c) == [
        ("SuccessCriteriaMet", "CompletionsReached"),
        ("Complete", "CompletionsReached"),
    ]
    assert events(c, "Completed") == ["Job completed"]
    assert [FINALIZER in p["metadata"].get("finalizers", ()) for p in pods(c)] == [False] * 3
    c.verify()


def test_a_crashing_job_is_retried_after_ten_twenty_and_forty_seconds() -> None:
    """Proves the instants of the backoff, which run from each failure, and the end."""
    c = cluster(PodStarter(start_seconds=1, run_seconds=2))
    c.writer.create(JOBS, job(image="crash:1", backoffLimit=3))
    born = births(c, 300)
    # Each runs for three seconds: 0 +3+10 = 13, +3+20 = 36, +3+40 = 79.
    assert born == [0, 13, 36, 79]
    assert status(c)["failed"] == 4
    assert conditions(c) == [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]
    assert "completionTime" not in status(c)
    assert events(c, "BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


def test_a_deadline_stops_the_job_and_waits_for_its_pods() -> None:
    """Proves the instant of the deadline, and that the end comes only when the last pod is gone."""
    c = cluster(PodStarter(stop_seconds=4))
    c.writer.create(JOBS, job(image="app:1", completions=2, parallelism=2, activeDeadlineSeconds=60))
    seen: dict[str, float] = {}
    for now in each_instant(c, 100):
        for type_, _ in conditions(c):
            seen.setdefault(type_, now)
    # Four seconds to stop, one for the batch.
    assert seen == {"FailureTarget": 60, "Failed": 65}
    assert status(c)["failed"] == 2
    assert pods(c) == []


def test_an_indexed_job_names_what_is_done() -> None:
    """Proves indexes in order, the text of the status, and one pod per index."""
    c = cluster()
    c.writer.create(JOBS, job(completions=5, parallelism=2, completionMode="Indexed"))
    forward(c, 10)
    assert status(c)["completedIndexes"] == "0,1"
    forward(c, 60)
    assert status(c)["completedIndexes"] == "0-4"
    assert status(c)["succeeded"] == 5
    assert sorted(p["spec"]["hostname"] for p in pods(c)) == [f"j-{i}" for i in range(5)]


def test_indexes_fail_for_themselves() -> None:
    """Proves backoffLimitPerIndex: each index is tried twice, and the Job fails when all have ended."""
    c = cluster(PodStarter(start_seconds=1, run_seconds=2))
    c.writer.create(
        JOBS,
        job(image="crash:1", completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=1),
    )
    assert births(c, 120) == [0, 0, 13, 13]
    assert status(c)["failedIndexes"] == "0,1"
    assert status(c)["failed"] == 4
    assert conditions(c) == [("FailureTarget", "FailedIndexes"), ("Failed", "FailedIndexes")]


def test_suspension_takes_the_pods_away_and_resumption_starts_anew() -> None:
    """Proves that nothing counts as failed, the pods come back at once, and the time starts again."""
    c = cluster()
    c.writer.create(JOBS, job(image="app:1", completions=2, parallelism=2))
    forward(c, 10)
    change(c, JOBS, "j", "spec", "suspend", to=True)
    forward(c, 10)
    assert pods(c) == []
    assert conditions(c) == [("Suspended", "JobSuspended")]
    assert "failed" not in status(c)
    change(c, JOBS, "j", "spec", "suspend", to=False)
    c.settle()
    assert len(pods(c)) == 2
    assert status(c)["startTime"] == "2026-01-01T00:00:20Z"
    assert events(c, "Suspended") == ["Job suspended"]
    assert events(c, "Resumed") == ["Job resumed"]


def test_a_job_created_suspended_does_not_start() -> None:
    """Proves that neither pods nor a start time appear."""
    c = cluster()
    c.writer.create(JOBS, job(suspend=True))
    forward(c, 60)
    assert pods(c) == []
    assert "startTime" not in status(c)


def test_a_work_queue_ends_when_its_workers_do() -> None:
    """Proves that without completions no worker is replaced after the first success."""
    c = cluster()
    c.writer.create(JOBS, job(parallelism=3))
    assert births(c, 60) == [0, 0, 0]
    assert status(c)["succeeded"] == 3
    assert ("Complete", "CompletionsReached") in conditions(c)


def test_a_deleted_pod_counts_as_failed_and_is_replaced_after_its_delay() -> None:
    """Proves that a pod taken away by somebody else is a failure, ten seconds of patience included."""
    c = cluster(PodStarter(run_seconds=600, stop_seconds=20))
    c.writer.create(JOBS, job())
    forward(c, 5)
    c.writer.delete("pods", "default", pods(c)[0]["metadata"]["name"])
    assert births(c, 20)[-1] == 15
    assert status(c)["failed"] == 1


def test_a_pod_that_vanishes_with_its_job_is_set_free() -> None:
    """Proves that the finalizer does not outlive the Job that would have removed it."""
    c = cluster()
    c.writer.create(JOBS, job(image="app:1"))
    forward(c, 5)
    c.writer.delete(JOBS, "default", "j", propagation="Background")
    forward(c, 60)
    assert c.reader.list(JOBS) == []
    assert pods(c) == []


def test_a_finished_job_goes_when_its_time_to_live_is_over() -> None:
    """Proves the instant of the deletion, and that its pods go with it."""
    c = cluster()
    c.writer.create(JOBS, job(ttlSecondsAfterFinished=100))
    gone_at = None
    for now in each_instant(c, 300):
        if gone_at is None and not c.reader.list(JOBS):
            gone_at = now
    assert gone_at == 8 + 100
    assert pods(c) == []
    assert elapsed(c) == 300


def test_a_time_to_live_may_be_given_afterwards() -> None:
    """Proves that the instant hangs on the recorded end: it may even lie in the past."""
    c = cluster()
    c.writer.create(JOBS, job())
    forward(c, 500)
    change(c, JOBS, "j", "spec", "ttlSecondsAfterFinished", to=60)
    c.settle()
    assert c.reader.list(JOBS) == []


def test_a_policy_may_fail_the_job_at_once() -> None:
    """Proves podFailurePolicy in the whole: one failure, no retry, and the message of the rule."""
    rules = [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}}]
    c = cluster()
    c.writer.create(JOBS, job(image="crash:1", podFailurePolicy={"rules": rules}))
    assert births(c, 120) == [0]
    assert conditions(c) == [("FailureTarget", "PodFailurePolicy"), ("Failed", "PodFailurePolicy")]
    assert "failed with exit code 1 matching FailJob rule at index 0" in events(c, "PodFailurePolicy")[0]
