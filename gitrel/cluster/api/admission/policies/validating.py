"""ValidatingAdmissionPolicy: what it says of a write, and what becomes of that by its bindings' actions.

apiserver `pkg/admission/plugin/policy/validating/{dispatcher,validator}.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from gitrel.cluster.api.admission.conditions import NotEvaluated, outcome
from gitrel.cluster.api.admission.environment import Environment
from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.api.admission.policies.policy import Binding, Policies, Policy, compiled
from gitrel.cluster.api.admission.policies.scope import Misconfigured, Scope, meant, params_of, told
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.rbac.authorizer import Authorizer
from gitrel.cluster.controllers.controller import Kinds
from gitrel.kube.cel.values import CelError
from gitrel.kube.identity import Object

MESSAGE_BYTES_MAX = 5 * 1024
NOTE_BYTES_MAX = 10 * 1024
_CODES = {"Forbidden": 403, "Invalid": 422, "RequestEntityTooLarge": 413, "Unauthorized": 401}
_FAILURE_NOTE = "validation.policy.admission.k8s.io/validation_failure"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What evaluating needs of the cluster."""

    authorizer: Callable[[], Authorizer]
    kinds: Callable[[], Kinds]


class Finding(NamedTuple):
    """Something that a policy has against a write. `place` counts its validations."""

    message: str
    reason: str = "Invalid"
    place: int = 0
    final: bool = False
    """Refuses whatever the binding's actions are."""


def plugin(policies: Policies, around: Surroundings) -> Plugin:
    def validate(attributes: Attributes, obj: Object) -> None:
        _validate(policies.all, attributes, obj, around)

    return Plugin("ValidatingAdmissionPolicy", {}, validate=validate, asks=policies.ask)


def _validate(policies: Sequence[Policy], attributes: Attributes, obj: Object, around: Surroundings) -> None:
    """The first refusal is what is told; warnings of all others are heard before."""
    refusals: list[ApiError] = []
    failures: list[Mapping[str, Any]] = []
    for policy in policies:
        for binding, at in meant(policy, attributes, obj):
            environment = Environment(attributes, obj, at, around.authorizer)
            for finding in _findings(policy, binding, environment, attributes, around):
                if finding.final or "Deny" in binding.actions:
                    refusals.append(_refusal(policy, binding, finding, attributes))
                if finding.final:
                    continue
                if "Warn" in binding.actions:
                    who = f"ValidatingAdmissionPolicy '{policy.name}' with binding '{binding.name}'"
                    attributes.warn(f"Validation failed for {who}: {finding.message}")
                if "Audit" in binding.actions:
                    failures.append(_failure(policy, binding, finding))
    if failures:
        attributes.annotate(_FAILURE_NOTE, orjson.dumps(failures).decode())
    if refusals:
        raise refusals[0]


def _findings(
    policy: Policy,
    binding: Binding,
    environment: Environment,
    attributes: Attributes,
    around: Surroundings,
) -> Iterator[Finding]:
    try:
        every = params_of(policy, binding, attributes, around.kinds())
    except Misconfigured as wrong:
        if policy.fails:
            yield Finding(str(wrong), final=True)
        return
    for params in every:
        yield from _judged(policy, Scope(policy, environment, params), attributes)


def _judged(policy: Policy, scope: Scope, attributes: Attributes) -> Iterator[Finding]:
    try:
        if not outcome(policy.conditions, scope.variables):
            return
    except NotEvaluated as wrong:
        if policy.fails:
            yield Finding(str(wrong))
        return
    for place, row in enumerate(policy.spec.get("validations") or ()):
        expression = compiled(row["expression"])
        reason = row.get("reason") or "Invalid"
        try:
            if scope.value(expression) is not True:
                yield Finding(_message(row, scope), reason, place)
        except CelError as wrong:
            if policy.fails:
                yield Finding(told(expression, wrong), reason, place)
    yield from _noted(policy, scope, attributes)


def _message(row: Mapping[str, Any], scope: Scope) -> str:
    plain = (row.get("message") or "").strip() or f"failed expression: {row['expression'].strip()}"
    if not row.get("messageExpression"):
        return plain
    try:
        said = scope.value(compiled(row["messageExpression"]))
    except CelError:
        return plain
    if not isinstance(said, str) or not said.strip() or "\n" in said.strip():
        return plain
    return plain if len(said.encode()) > MESSAGE_BYTES_MAX else said.strip()


def _noted(policy: Policy, scope: Scope, attributes: Attributes) -> Iterator[Finding]:
    """Audit annotations; one that cannot be made refuses the write where the policy fails closed."""
    for row in policy.spec.get("auditAnnotations") or ():
        expression = compiled(row["valueExpression"])
        try:
            value = scope.value(expression)
        except CelError as wrong:
            if policy.fails:
                yield Finding(told(expression, wrong), final=True)
            continue
        if isinstance(value, str) and value.strip():
            text = value.strip().encode()[:NOTE_BYTES_MAX].decode(errors="ignore")
            attributes.annotate(f"{policy.name}/{row['key']}", text)


def _refusal(policy: Policy, binding: Binding, finding: Finding, attributes: Attributes) -> ApiError:
    who = f"ValidatingAdmissionPolicy '{policy.name}'"
    if not finding.message.startswith("failed to configure policy"):
        who += f" with binding '{binding.name}'"
    said = f"{who} denied request: {finding.message}"
    refused = attributes.forbidden(said)
    details = {**refused.details, "causes": [{"message": said}]}
    return ApiError(_CODES[finding.reason], finding.reason, refused.message, details)


def _failure(policy: Policy, binding: Binding, finding: Finding) -> Mapping[str, Any]:
    """As the audit log of an API server has it."""
    return {
        "message": finding.message,
        "policy": policy.name,
        "binding": binding.name,
        "expressionIndex": finding.place,
        "validationActions": list(binding.actions),
    }
