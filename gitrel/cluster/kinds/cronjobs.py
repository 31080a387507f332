"""CronJobs (`pkg/apis/batch/v1/defaults.go`, `pkg/apis/batch/validation/validation.go`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gitrel.cluster.api.errors import FieldError, invalid_value, required, unsupported
from gitrel.cluster.kinds import checks, cronschedule
from gitrel.cluster.kinds.filling import changed, filled
from gitrel.cluster.kinds.jobs import job_spec_errors
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.podspec import default_template
from gitrel.kube.identity import Object

NAME_MAX = 52
"""Eleven characters are kept for what the controller adds to a Job's name."""

_SPEC = {
    "concurrencyPolicy": "Allow",
    "suspend": False,
    "successfulJobsHistoryLimit": 3,
    "failedJobsHistoryLimit": 1,
}


def default_cron_job(obj: Object) -> Object:
    """The template's pods get their defaults; its Job gets its own when it is made."""

    def default_job_spec(job: Object) -> Object:
        return changed(job, "template", default_template)

    def default_spec(spec: Object) -> Object:
        return changed(
            filled(spec, _SPEC),
            "jobTemplate",
            lambda job: changed(filled(job, {"metadata": {}}), "spec", default_job_spec),
        )

    return changed(obj, "spec", default_spec)


def prepare_cron_job(obj: Object) -> Object:
    return {**obj, "status": {}}


def validate_cron_job(obj: Object) -> Iterator[FieldError]:
    name = obj["metadata"].get("name") or ""
    if len(name) > NAME_MAX:
        yield invalid_value("metadata.name", name, f"must be no more than {NAME_MAX} characters")
    spec = obj.get("spec") or {}
    yield from _schedule_errors(spec.get("schedule") or "", spec.get("timeZone"))
    yield from checks.non_negative(spec, "startingDeadlineSeconds", at="spec")
    policy = spec.get("concurrencyPolicy")
    if policy not in ("Allow", "Forbid", "Replace"):
        yield unsupported("spec.concurrencyPolicy", policy, ["Allow", "Forbid", "Replace"])
    yield from _job_template_errors(spec.get("jobTemplate"))
    yield from checks.non_negative(spec, "successfulJobsHistoryLimit", "failedJobsHistoryLimit", at="spec")


def _schedule_errors(schedule: str, zone: str | None) -> Iterator[FieldError]:
    if not schedule:
        yield required("spec.schedule")
    elif problem := cronschedule.problem(schedule):
        yield invalid_value("spec.schedule", schedule, problem)
    if "TZ" in schedule:
        says = (
            "cannot use both timeZone field and TZ or CRON_TZ in schedule"
            if zone is not None
            else "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        )
        yield invalid_value("spec.schedule", schedule, says)
    if zone is None:
        return
    if not zone:
        yield invalid_value("spec.timeZone", zone, "timeZone must be nil or non-empty string")
    elif zone.lower() == "local":
        yield invalid_value("spec.timeZone", zone, "timeZone must be an explicit time zone as defined in "
                            "https://www.iana.org/time-zones")  # fmt: skip
    elif not _is_zone(zone):
        yield invalid_value("spec.timeZone", zone, f"unknown time zone {zone}")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _job_template_errors(template: Mapping[str, Any] | None) -> Iterator[FieldError]:
    at = "spec.jobTemplate.spec"
    spec = (template or {}).get("spec") or {}
    yield from job_spec_errors(spec, at)
    if spec.get("selector") is not None:
        yield invalid_value(f"{at}.selector", spec["selector"], "`selector` will be auto-generated")
    if spec.get("manualSelector"):
        yield unsupported(f"{at}.manualSelector", True, ["nil", "false"])


KINDS = (
    Kind(
        "cronjobs.batch", "batch/v1", "CronJob", short_names=("cj",), categories=("all",), status=True,
        counted=spec_of, default=default_cron_job, prepare=prepare_cron_job, validate=validate_cron_job,
    ),
)  # fmt: skip
