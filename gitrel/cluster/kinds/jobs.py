"""Jobs (`pkg/apis/batch/v1/defaults.go`, `pkg/registry/batch/job/strategy.go`,
`pkg/apis/batch/validation`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitrel.cluster.api.errors import FieldError, invalid_value, required, unsupported
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, filled_pointers
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.names import name_problems, qualified_name_problems
from gitrel.cluster.kinds.podspec import default_template
from gitrel.cluster.kinds.workloads import template_errors
from gitrel.kube.fields import get, replaced
from gitrel.kube.identity import Object

_COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
_MAX_INT32 = 2**31 - 1
_UID_LABELS = ("batch.kubernetes.io/controller-uid", "controller-uid")
_NAME_LABELS = ("batch.kubernetes.io/job-name", "job-name")


def default_job(obj: Object) -> Object:
    """Also the labels: a Job without any has those of its pods."""
    obj = changed(obj, "spec", lambda spec: filled_pointers(_default_spec(spec), {"manualSelector": False}))
    labels = get(obj, "spec", "template", "metadata", "labels")
    if labels and not obj["metadata"].get("labels"):
        return replaced(obj, ("metadata", "labels"), labels)
    return obj


def _default_spec(spec: Object) -> Object:
    once = spec.get("completions") is None and spec.get("parallelism") is None
    per_index = spec.get("backoffLimitPerIndex") is not None
    failing = spec.get("podFailurePolicy") is not None
    spec = filled_pointers(
        spec,
        {
            **({"completions": 1} if once else {}),
            "parallelism": 1,
            "backoffLimit": _MAX_INT32 if per_index else 6,
            "completionMode": "NonIndexed",
            "suspend": False,
            "podReplacementPolicy": "Failed" if failing else "TerminatingOrFailed",
        },
    )
    return changed(spec, "template", default_template)


def prepare_job(obj: Object) -> Object:
    """Selects its pods by its own uid, unless the user insists on a selector of theirs."""
    obj = {**obj, "status": {}}
    if (obj.get("spec") or {}).get("manualSelector") or "spec" not in obj:
        return obj
    uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
    own = {**dict.fromkeys(_UID_LABELS, uid), **dict.fromkeys(_NAME_LABELS, name)}
    given = get(obj, "spec", "template", "metadata", "labels", default={})
    labels = {**given, **own}
    if given and obj["metadata"].get("labels") == given:
        # In Kubernetes both are one map by now, and the pods' own labels are the Job's too.
        obj = replaced(obj, ("metadata", "labels"), labels)
    obj = replaced(obj, ("spec", "template", "metadata", "labels"), labels)
    selector: dict[str, Any] = dict(get(obj, "spec", "selector", default={}))
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), _UID_LABELS[0]: uid}
    return replaced(obj, ("spec", "selector"), selector)


def validate_job(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from job_spec_errors(spec, "spec")
    yield from _pod_name_errors(obj)
    yield from checks.label_selector(spec.get("selector"), "spec.selector")


def _pod_name_errors(obj: Object) -> Iterator[FieldError]:
    """An indexed Job's pods are called after it, and their names have to be DNS labels."""
    spec, name = obj.get("spec") or {}, obj["metadata"].get("name") or ""
    count = spec.get("completions") or 0
    if spec.get("completionMode") != "Indexed" or count <= 0:
        return
    last = f"{name}-{count - 1}"
    if any(name_problems(last, "label")):
        says = f"will not able to create pod with invalid DNS label: {last}"
        yield invalid_value("metadata.name", name, says)


def _failure_policy_errors(policy: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    for index, rule in enumerate(policy.get("rules") or ()):
        field, actions = f"{at}.rules[{index}]", ("Count", "FailIndex", "FailJob", "Ignore")
        if not rule.get("action"):
            valid = " ".join(f'"{action}"' for action in actions)
            yield required(f"{field}.action", f"valid values: [{valid}]")
        else:
            yield from checks.one_of(rule["action"], actions, f"{field}.action")
        codes = rule.get("onExitCodes")
        if codes is None and not rule.get("onPodConditions"):
            says = "specifying one of OnExitCodes and OnPodConditions is required"
            yield FieldError("FieldValueInvalid", field, f"Invalid value: {says}")
        if codes is not None and not codes.get("values"):
            yield invalid_value(f"{field}.onExitCodes.values", None, "at least one value is required")
        for place, condition in enumerate(rule.get("onPodConditions") or ()):
            kind = condition.get("type") or ""
            for problem in qualified_name_problems(kind):
                yield invalid_value(f"{field}.onPodConditions[{place}].type", kind, problem)


def job_spec_errors(spec: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    """A Job's spec, alike for Jobs and for the template of a CronJob."""
    yield from checks.non_negative(spec, *_COUNTS, at=at)
    modes = ("NonIndexed", "Indexed")
    yield from checks.one_of(spec.get("completionMode"), modes, f"{at}.completionMode", as_told=True)
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield required(f"{at}.completions", "when completion mode is Indexed")
    if spec.get("backoffLimitPerIndex") is not None and spec.get("completionMode") != "Indexed":
        says = "requires indexed completion mode"
        yield invalid_value(f"{at}.backoffLimitPerIndex", spec["backoffLimitPerIndex"], says)
    yield from _failure_policy_errors(spec.get("podFailurePolicy") or {}, f"{at}.podFailurePolicy")
    yield from template_errors(spec, at, always=False)
    field, policy = f"{at}.template.spec.restartPolicy", get(spec, "template", "spec", "restartPolicy")
    if policy == "Always":
        yield required(field, 'valid values: "OnFailure", "Never"')
    elif policy == "OnFailure" and spec.get("podFailurePolicy") is not None:
        says = 'only "Never" is supported when podFailurePolicy is specified'
        yield invalid_value(field, policy, says)
    elif policy not in (None, "OnFailure", "Never"):
        yield unsupported(field, policy, ["OnFailure", "Never"])


def validate_job_update(new: Object, old: Object) -> Iterator[FieldError]:
    """completions may change with parallelism in an Indexed job; a suspended job that never ran may change
    its pods.
    """
    before, after = old["spec"], new["spec"]
    for key in ("selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "successPolicy"):
        yield from checks.immutable(after.get(key), before.get(key), f"spec.{key}")
    elastic = after.get("completionMode") == "Indexed" and after.get("completions") == after.get(
        "parallelism"
    )
    if not elastic:
        yield from checks.immutable(after.get("completions"), before.get("completions"), "spec.completions")
    never_ran = before.get("suspend") and not get(old, "status", "startTime")
    if not never_ran:
        yield from checks.immutable(after.get("template"), before.get("template"), "spec.template")


KINDS = (
    Kind(
        "jobs.batch", "batch/v1", "Job", categories=("all",), status=True, counted=spec_of,
        default=default_job, prepare=prepare_job, validate=validate_job, validate_update=validate_job_update,
        orphans_by_default=True,
    ),
)  # fmt: skip
