"""MutatingAdmissionPolicy: expressions that give a configuration to be applied, or the steps of a JSON patch.

apiserver `pkg/admission/plugin/policy/mutating`. A second round, as for webhooks, where something changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api import errors
from gitrel.cluster.api.admission.conditions import NotEvaluated, outcome
from gitrel.cluster.api.admission.environment import Environment
from gitrel.cluster.api.admission.matching import Place
from gitrel.cluster.api.admission.plugin import Attributes, Plugin
from gitrel.cluster.api.admission.policies import mutations
from gitrel.cluster.api.admission.policies.mutations import NotApplicable
from gitrel.cluster.api.admission.policies.policy import Binding, Policies, Policy, compiled
from gitrel.cluster.api.admission.policies.scope import Misconfigured, Scope, meant, params_of, told
from gitrel.cluster.api.admission.policies.validating import Surroundings
from gitrel.cluster.api.admission.review import object_for
from gitrel.cluster.api.admission.rounds import Rounds
from gitrel.cluster.api.admission.takingin import taken_in
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.api.schema import type_for
from gitrel.kube.cel.values import CelError
from gitrel.kube.identity import Object


def plugin(policies: Policies, around: Surroundings) -> Plugin:
    def admit(attributes: Attributes, obj: Object) -> Object:
        return _mutated(policies.all, attributes, obj, around)

    return Plugin("MutatingAdmissionPolicy", {}, admit=admit, asks=policies.ask)


def _mutated(policies: Sequence[Policy], attributes: Attributes, obj: Object, around: Surroundings) -> Object:
    """Nothing of a deletion can be changed, so nobody is asked about one."""
    if attributes.operation == "DELETE" or obj.get("kind") != attributes.kind.kind:
        return obj
    course = attributes.course
    rounds: Rounds = course.rounds.setdefault("policies", Rounds())
    if course.again and rounds.last is not None and rounds.last != obj:
        rounds.require_again()
    for policy in policies:
        for binding, at in meant(policy, attributes, obj):
            place = f"{policy.name}/{binding.name}"
            if course.again and place not in rounds.again:
                continue
            new = _by_binding(policy, binding, attributes, obj, at, around)
            if new != obj:
                obj = new
                rounds.require_again()
                course.changed = course.wants_again = True
            if policy.spec.get("reinvocationPolicy") == "IfNeeded":
                rounds.asked.add(place)
    rounds.last = obj
    return obj


def _by_binding(
    policy: Policy,
    binding: Binding,
    attributes: Attributes,
    obj: Object,
    at: Place,
    around: Surroundings,
) -> Object:
    """For one parameter after the other, each seeing what the ones before it made. Raises ApiError."""
    try:
        for params in params_of(policy, binding, attributes, around.kinds()):
            obj = _by_params(policy, params, attributes, obj, at, around)
    except Misconfigured as wrong:
        if policy.fails:
            raise _refusal(policy, binding, str(wrong), "Forbidden", attributes) from None
    except NotApplicable as wrong:
        if policy.fails:
            raise _refusal(policy, binding, str(wrong), "Invalid", attributes) from None
    return obj


def _by_params(
    policy: Policy,
    params: Object | None,
    attributes: Attributes,
    obj: Object,
    at: Place,
    around: Surroundings,
) -> Object:
    def scope() -> Scope:
        return Scope(policy, Environment(attributes, obj, at, around.authorizer), params)

    try:
        if not outcome(policy.conditions, scope().variables):
            return obj
    except NotEvaluated as wrong:
        raise NotApplicable(str(wrong)) from None
    for row in policy.spec.get("mutations") or ():
        seen = object_for(attributes, obj, at)
        assert seen is not None
        new = _changed(row, seen, scope(), attributes, at)
        if new is not seen:
            obj = _back(attributes, new, obj)
    return obj


def _changed(row: Mapping[str, Any], seen: Object, scope: Scope, attributes: Attributes, at: Place) -> Object:
    """Raises NotApplicable."""
    by_patch = row.get("patchType") == "JSONPatch"
    expression = compiled(row["jsonPatch" if by_patch else "applyConfiguration"]["expression"])
    try:
        value = scope.value(expression)
    except CelError as wrong:
        raise NotApplicable(told(expression, wrong)) from None
    if by_patch:
        return mutations.patched(seen, value)
    return mutations.applied(seen, value, type_for(attributes.kind, at.api_version))


_KEPT = ("name", "generateName", "namespace", "uid", "creationTimestamp", "resourceVersion")


def _back(attributes: Attributes, new: Object, old: Object) -> Object:
    """What it is stays as it was. Raises ApiError 500 for what is no object of its kind any more."""
    try:
        taken = taken_in(attributes, {**new, "kind": attributes.kind.kind})
    except ApiError as wrong:
        raise errors.internal(wrong.message) from None
    return {**taken, "metadata": {**taken["metadata"], **dict(_identity(old["metadata"]))}}


def _identity(metadata: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, metadata[key]) for key in _KEPT if key in metadata)


def _refusal(policy: Policy, binding: Binding, why: str, reason: str, attributes: Attributes) -> ApiError:
    said = f"policy '{policy.name}' with binding '{binding.name}' denied request: {why}"
    details = {**attributes.forbidden(why).details, "causes": [{"message": said}]}
    return ApiError(403, reason, said, details)
