"""Pods, and the Jobs that run them: ready, over, or never to be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gitrel.clock import format_instant
from gitrel.delivery.readiness import assess
from tests.delivery.support import NOW, load

POD = "apiVersion: v1, kind: Pod"
JOB = "apiVersion: batch/v1, kind: Job"


def recently(seconds: int) -> str:
    return format_instant(NOW - timedelta(seconds=seconds))


CASES = {
    "pod succeeded": (f"{{{POD}, status: {{phase: Succeeded}}}}", "current", "the pod has completed"),
    "pod failed": (
        f"{{{POD}, status: {{phase: Failed}}}}",
        "current",
        "the pod has completed, but not successfully",
    ),
    "pod ready": (
        f"{{{POD}, status: {{phase: Running, conditions: [{{type: Ready, status: 'True'}}]}}}}",
        "current",
        "the pod is ready",
    ),
    "pod not ready": (
        f"{{{POD}, status: {{phase: Running}}}}",
        "in-progress",
        "the pod is running but not ready",
    ),
    "pod crashing": (
        f"{{{POD}, status: {{phase: Running, containerStatuses: "
        "[{name: app, state: {waiting: {reason: CrashLoopBackOff}}}]}}",
        "failed",
        "CrashLoopBackOff app",
    ),
    "pod whose init crashes": (
        f"{{{POD}, status: {{phase: Pending, initContainerStatuses: "
        "[{name: init, state: {waiting: {reason: CrashLoopBackOff}}}]}}",
        "failed",
        "CrashLoopBackOff init",
    ),
    "pod pending": (f"{{{POD}, status: {{phase: Pending}}}}", "in-progress", "the pod is pending"),
    "pod unschedulable for 14 s": (
        f"{{{POD}, metadata: {{creationTimestamp: '{recently(14)}'}}, status: {{phase: Pending, "
        "conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: no node}]}}",
        "in-progress",
        "no node",
    ),
    "pod unschedulable for 15 s": (
        f"{{{POD}, metadata: {{creationTimestamp: '{recently(15)}'}}, status: {{phase: Pending, "
        "conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: no node}]}}",
        "failed",
        "no node",
    ),
    "job complete": (
        f"{{{JOB}, status: {{conditions: [{{type: Complete, status: 'True'}}]}}}}",
        "current",
        "the job is complete",
    ),
    "job suspended": (
        f"{{{JOB}, status: {{conditions: [{{type: Suspended, status: 'True'}}]}}}}",
        "current",
        "the job is suspended",
    ),
    "job failed": (
        f"{{{JOB}, status: {{conditions: [{{type: Failed, status: 'True', message: too often}}]}}}}",
        "failed",
        "too often",
    ),
    "job not started": (f"{{{JOB}}}", "in-progress", "the job has not started"),
    "job running": (
        f"{{{JOB}, status: {{startTime: x, active: 2, failed: 1}}}}",
        "current",
        "the job is running: 0 succeeded, 2 active, 1 failed",
    ),
}


@pytest.mark.parametrize(("text", "word", "message"), CASES.values(), ids=CASES)
def test_how_a_pod_or_a_job_is(text: str, word: str, message: str) -> None:
    """kstatus's word and sentence; what has only just begun is given time."""
    status = assess(load(text), NOW)
    assert (status.word, status.message) == (word, message)
