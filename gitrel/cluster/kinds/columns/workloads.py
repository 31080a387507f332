"""The tables of what runs pods, from Deployments to CronJobs, and of autoscalers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gitrel.clock import parse_instant
from gitrel.cluster.kinds.columns.printing import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    NONE,
    SELECTOR,
    UNKNOWN,
    UNSET,
    Column,
    Columns,
    field,
    human_duration,
    joined,
    labels_text,
    number,
    selector_text,
    since,
)
from gitrel.kube.conditions import is_true
from gitrel.kube.fields import get
from gitrel.kube.identity import Object, controller_of, group_of

_POD_COLUMNS = (CONTAINERS, IMAGES, SELECTOR)


def _ready(obj: Object, now: datetime) -> str:
    ready, wanted = get(obj, "status", "readyReplicas", default=0), get(obj, "spec", "replicas", default=0)
    return f"{ready}/{wanted}"


DEPLOYMENTS = Columns(
    (
        NAME,
        Column("Ready", _ready, "Pods that are ready, of those wanted."),
        Column("Up-to-date", number("status", "updatedReplicas"), "Pods of the newest template.", "integer"),
        Column("Available", number("status", "availableReplicas"), "Pods ready for long enough.", "integer"),
        AGE,
        *_POD_COLUMNS,
    )
)
REPLICA_SETS = Columns(
    (
        NAME,
        Column("Desired", number("spec", "replicas"), "Pods that are wanted.", "integer"),
        Column("Current", number("status", "replicas"), "Pods that exist.", "integer"),
        Column("Ready", number("status", "readyReplicas"), "Pods that are ready.", "integer"),
        AGE,
        *_POD_COLUMNS,
    )
)

_JOB_WORDS = (
    ("Complete", "Complete"),
    ("Failed", "Failed"),
)
_JOB_LATER_WORDS = ("Suspended", "FailureTarget", "SuccessCriteriaMet")


def _job_status(job: Object, now: datetime) -> str:
    for condition, word in _JOB_WORDS:
        if is_true(job, condition):
            return word
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((word for word in _JOB_LATER_WORDS if is_true(job, word)), "Running")


def _completions(job: Object, now: datetime) -> str:
    done, wanted = get(job, "status", "succeeded", default=0), get(job, "spec", "completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallelism = get(job, "spec", "parallelism", default=0)
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _job_duration(job: Object, now: datetime) -> str:
    started, ended = get(job, "status", "startTime"), get(job, "status", "completionTime")
    if not started:
        return ""
    return human_duration((parse_instant(ended) if ended else now) - parse_instant(started))


JOBS = Columns(
    (
        NAME,
        Column("Status", _job_status, "How it stands."),
        Column("Completions", _completions, "Pods that succeeded, of those needed."),
        Column("Duration", _job_duration, "From its start to its end, or until now."),
        AGE,
        *_POD_COLUMNS,
    )
)

_TARGETS_SHOWN_MAX = 2


def _reference(autoscaler: Object, now: datetime) -> str:
    target = get(autoscaler, "spec", "scaleTargetRef", default={})
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _targets(autoscaler: Object, now: datetime) -> str:
    specs = get(autoscaler, "spec", "metrics", default=())
    seen = get(autoscaler, "status", "currentMetrics", default=())
    if not specs:
        return "<none>"
    shown = [_target(spec, seen[i] if i < len(seen) else {}) for i, spec in enumerate(specs)]
    if len(shown) > _TARGETS_SHOWN_MAX:
        return ", ".join(shown[:_TARGETS_SHOWN_MAX]) + f" + {len(shown) - _TARGETS_SHOWN_MAX} more..."
    return ", ".join(shown)


def _target(spec: Mapping[str, Any], seen: Mapping[str, Any]) -> str:
    """`cpu: 40%/80%`, or `<unknown>/100` for what was not measured yet."""
    place = {
        "Resource": "resource",
        "ContainerResource": "containerResource",
        "Pods": "pods",
        "Object": "object",
        "External": "external",
    }.get(spec.get("type", ""), "")
    wanted = get(spec, place, "target", default={})
    current = get(seen, place, "current", default={})
    prefix = f"{spec[place]['name']}: " if place in ("resource", "containerResource") else ""
    if wanted.get("averageUtilization") is not None:
        now = current.get("averageUtilization")
        return f"{prefix}{UNKNOWN if now is None else f'{now}%'}/{wanted['averageUtilization']}%"
    if wanted.get("averageValue") is not None:
        suffix = " (avg)" if place in ("object", "external") else ""
        return f"{prefix}{current.get('averageValue', UNKNOWN)}/{wanted['averageValue']}{suffix}"
    return f"{prefix}{current.get('value', UNKNOWN)}/{wanted.get('value', UNKNOWN)}"


def _min_pods(autoscaler: Object, now: datetime) -> str:
    minimum = get(autoscaler, "spec", "minReplicas")
    return UNSET if minimum is None else str(minimum)


AUTOSCALERS = Columns(
    (
        NAME,
        Column("Reference", _reference, "What it scales."),
        Column("Targets", _targets, "What was measured, and what is aimed at."),
        Column("MinPods", _min_pods, "No fewer pods than this."),
        Column("MaxPods", number("spec", "maxReplicas"), "No more pods than this.", "integer"),
        Column("Replicas", number("status", "currentReplicas"), "Pods as of its last look.", "integer"),
        AGE,
    )
)


REPLICATION_CONTROLLERS = Columns(
    (
        *REPLICA_SETS.columns[:-1],
        Column("Selector", lambda o, now: labels_text(get(o, "spec", "selector")), "Its pods.", wide=True),
    )
)
STATEFUL_SETS = Columns(
    (NAME, Column("Ready", _ready, "Pods that are ready, of those wanted."), AGE, CONTAINERS, IMAGES)
)
DAEMON_SETS = Columns(
    (
        NAME,
        Column("Desired", number("status", "desiredNumberScheduled"), "Nodes that should.", "integer"),
        Column("Current", number("status", "currentNumberScheduled"), "Nodes that have one.", "integer"),
        Column("Ready", number("status", "numberReady"), "Nodes whose pod is ready.", "integer"),
        Column("Up-to-date", number("status", "updatedNumberScheduled"), "Of the newest.", "integer"),
        Column("Available", number("status", "numberAvailable"), "Ready for long enough.", "integer"),
        Column(
            "Node Selector",
            lambda o, now: labels_text(get(o, "spec", "template", "spec", "nodeSelector")),
            "Which nodes are to have one.",
        ),
        AGE,
        *_POD_COLUMNS,
    )
)


def _controller(revision: Object, now: datetime) -> str:
    owner = controller_of(revision)
    if owner is None:
        return NONE
    group = group_of(owner["apiVersion"])
    return f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}"


CONTROLLER_REVISIONS = Columns(
    (
        NAME,
        Column("Controller", _controller, "Whose it is."),
        Column("Revision", number("revision"), "Its number.", "integer"),
        AGE,
    )
)


def _last_schedule(job: Object, now: datetime) -> str:
    last = get(job, "status", "lastScheduleTime")
    return since(last, now) if last else NONE


def _job_template(kind: str) -> Callable[[Object, datetime], str]:
    def cell(job: Object, now: datetime) -> str:
        path = ("spec", "jobTemplate", "spec", "template", "spec", "containers")
        return joined((c.get(kind, "") for c in get(job, *path, default=())), "")

    return cell


def _suspended(job: Object, now: datetime) -> str:
    return "True" if get(job, "spec", "suspend") else "False"


CRON_JOBS = Columns(
    (
        NAME,
        Column("Schedule", field("spec", "schedule", default=""), "When."),
        Column("Timezone", field("spec", "timeZone"), "Whose time."),
        Column("Suspend", _suspended, "Whether it waits."),
        Column("Active", lambda o, now: len(get(o, "status", "active", default=())), "Jobs now.", "integer"),
        Column("Last Schedule", _last_schedule, "Time since its last Job."),
        AGE,
        Column("Containers", _job_template("name"), CONTAINERS.about, wide=True),
        Column("Images", _job_template("image"), IMAGES.about, wide=True),
        Column(
            "Selector",
            lambda o, now: selector_text(get(o, "spec", "jobTemplate", "spec", "selector")),
            "Its pods.",
            wide=True,
        ),
    )
)


def _template_cell(key: str) -> Callable[[Object, datetime], str]:
    def cell(template: Object, now: datetime) -> str:
        return joined(
            (c.get(key, "") for c in get(template, "template", "spec", "containers", default=())), ""
        )

    return cell


POD_TEMPLATES = Columns(
    (
        NAME,
        Column("Containers", _template_cell("name"), "Its containers."),
        Column("Images", _template_cell("image"), "Their images."),
        Column(
            "Pod Labels",
            lambda o, now: labels_text(get(o, "template", "metadata", "labels")),
            "The labels of its pods.",
        ),
    )
)
