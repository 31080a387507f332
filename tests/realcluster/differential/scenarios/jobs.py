"""Jobs: retries, the failure and success policies, indexes, suspension and clean-up."""

from __future__ import annotations

from typing import Any

from gitrel.kube.identity import Object
from tests.realcluster.differential.play import Play, scenario
from tests.realcluster.differential.scenarios.deployments import template

BACKOFF_SECONDS = 11
"""A little more than a Job waits before its first retry."""


def job(**spec: Any) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work"},
        "spec": {"template": template("work", 1, restartPolicy="Never"), **spec},
    }


def index(number: int) -> str:
    return f"batch.kubernetes.io/job-completion-index={number}"


@scenario()
def job_completes(play: Play) -> None:
    play.create(job())
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.end(*play.pods())
    play.settle("complete")


@scenario()
def job_in_parallel(play: Play) -> None:
    """Three completions, two at a time."""
    play.create(job(completions=3, parallelism=2))
    play.settle("created")
    play.run(*play.pods())
    play.settle("two running")
    play.end(play.pods()[0])
    play.settle("one complete")
    play.run(*play.pending())
    play.settle("third running")
    play.end(*[pod for pod in play.pods() if pod["status"]["phase"] == "Running"])
    play.settle("all complete")


@scenario()
def job_work_queue(play: Play) -> None:
    """Without completions, the first success ends the making of pods."""
    play.create(job(parallelism=2))
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.end(play.pods()[0])
    play.settle("one succeeded")
    play.end(play.pods()[1])
    play.settle("the other too")


@scenario()
def job_retries(play: Play) -> None:
    """A pod that fails is replaced after a while, and once too often ends the Job."""
    play.create(job(backoffLimit=1))
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.end(*play.pods(), exit_code=3)
    play.settle("failed once")
    play.wait(BACKOFF_SECONDS, "retried")
    play.run(*play.pending())
    play.settle("running again")
    play.end(*[pod for pod in play.pods() if pod["status"]["phase"] == "Running"], exit_code=3)
    play.settle("failed twice")


@scenario()
def job_gives_up_at_once(play: Play) -> None:
    """Without a retry, what still runs is ended."""
    play.create(job(backoffLimit=0, parallelism=2, completions=2))
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.end(play.pods()[0], exit_code=1)
    play.settle("failed")


@scenario()
def job_failure_policy(play: Play) -> None:
    """One exit code is ignored, another fails the Job."""
    rules = [
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [7]}},
        {"action": "FailJob", "onExitCodes": {"containerName": "app", "operator": "In", "values": [42]}},
    ]
    play.create(job(backoffLimit=3, podFailurePolicy={"rules": rules}))
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.end(*play.pods(), exit_code=7)
    play.settle("failed, ignored")
    play.wait(BACKOFF_SECONDS, "retried")
    play.run(*play.pending())
    play.settle("running again")
    play.end(*[pod for pod in play.pods() if pod["status"]["phase"] == "Running"], exit_code=42)
    play.settle("failed for good")


@scenario()
def job_by_index(play: Play) -> None:
    """Every index is to succeed once; the lowest come first."""
    play.create(job(completionMode="Indexed", completions=4, parallelism=2))
    play.settle("created")
    play.run(*play.pods())
    play.settle("two running")
    play.end(*play.pods(index(1)))
    play.settle("1 complete")
    play.run(*play.pending())
    play.settle("2 running")
    play.end(*play.pods(index(0)), *play.pods(index(2)))
    play.settle("0 and 2 complete")
    play.run(*play.pending())
    play.settle("3 running")
    play.end(*play.pods(index(3)))
    play.settle("all complete")


@scenario()
def job_fails_by_index(play: Play) -> None:
    """Each index has retries of its own; the Job fails when all are done and one has failed."""
    play.create(job(completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=0))
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.end(*play.pods(index(0)), exit_code=1)
    play.settle("0 failed")
    play.end(*play.pods(index(1)))
    play.settle("1 complete")


@scenario()
def job_success_policy(play: Play) -> None:
    """The leader's success is enough; the others are ended."""
    policy = {"rules": [{"succeededIndexes": "0", "succeededCount": 1}]}
    play.create(job(completionMode="Indexed", completions=3, parallelism=3, successPolicy=policy))
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.end(*play.pods(index(0)))
    play.settle("leader complete")


@scenario()
def job_suspended(play: Play) -> None:
    """Suspended from the start, resumed, and suspended again while it runs."""
    play.create(job(suspend=True, parallelism=2, completions=2))
    play.settle("created")
    play.patch("jobs", "work", {"spec": {"suspend": False}})
    play.settle("resumed")
    play.run(*play.pods())
    play.settle("running")
    play.patch("jobs", "work", {"spec": {"suspend": True}})
    play.settle("suspended")
    play.patch("jobs", "work", {"spec": {"suspend": False}})
    play.settle("resumed again")


@scenario()
def job_deadline(play: Play) -> None:
    """What runs longer than it may is ended."""
    play.create(job(activeDeadlineSeconds=6))
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.wait(9, "too late")


@scenario()
def job_cleaned_up(play: Play) -> None:
    """It goes some time after its end, and its pods with it."""
    play.create(job(ttlSecondsAfterFinished=4))
    play.settle("created")
    play.run(*play.pods())
    play.settle("running")
    play.end(*play.pods())
    play.settle("complete")
    play.wait(7, "gone")


@scenario()
def job_grows(play: Play) -> None:
    """Its parallelism follows what is asked, down and up."""
    play.create(job(parallelism=3, completions=6))
    play.settle("created")
    play.patch("jobs", "work", {"spec": {"parallelism": 1}})
    play.settle("down to 1")
    play.patch("jobs", "work", {"spec": {"parallelism": 2}})
    play.settle("up to 2")
