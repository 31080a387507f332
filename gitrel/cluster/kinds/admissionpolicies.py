"""Admission policies in CEL and their bindings (`pkg/apis/admissionregistration/validation`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.admission.declared import (
    MUTATION,
    OBJECT,
    PATCH_LIST,
    seen_by_conditions,
    seen_by_policy,
)
from gitrel.cluster.api.errors import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid_value,
    required,
    unsupported,
)
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, each, filled_pointers
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.names import name_problems, qualified_name_problems
from gitrel.cluster.kinds.webhooks import (
    GROUP,
    default_rule,
    expression_errors,
    match_condition_errors,
    rule_errors,
)
from gitrel.kube.cel.types import BOOL, NULL, STRING, Type
from gitrel.kube.identity import Object

_V1 = f"{GROUP}/v1"
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_MATCH = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}


def _default_match(match: Object) -> Object:
    match = filled_pointers(match, _MATCH)
    for key in ("resourceRules", "excludeResourceRules"):
        match = changed(match, key, each(default_rule))
    return match


def default_policy(obj: Object) -> Object:
    def default_spec(spec: Object) -> Object:
        return changed(filled_pointers(spec, {"failurePolicy": "Fail"}), "matchConstraints", _default_match)

    return changed(obj, "spec", default_spec)


def default_mutating_policy(obj: Object) -> Object:
    """Whether it is asked again has to be said: there is no default."""
    return default_policy(obj)


def default_binding(obj: Object) -> Object:
    return changed(obj, "spec", lambda spec: changed(spec, "matchResources", _default_match))


def prepare_policy(obj: Object) -> Object:
    return {**obj, "status": {}}


# --- what both kinds of policy have -----------------------------------------------------------------------


def _policy_errors(spec: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from checks.one_of(spec.get("failurePolicy"), ("Fail", "Ignore"), f"{at}.failurePolicy")
    kind = spec.get("paramKind")
    if kind is not None:
        yield from _param_kind_errors(kind, f"{at}.paramKind")
    constraints = spec.get("matchConstraints")
    if constraints is None:
        yield required(f"{at}.matchConstraints")
    else:
        if not constraints.get("resourceRules"):
            yield required(f"{at}.matchConstraints.resourceRules")
        yield from _match_errors(constraints, f"{at}.matchConstraints")
    conditions, seen = spec.get("matchConditions") or (), seen_by_conditions(spec)
    yield from match_condition_errors(conditions, f"{at}.matchConditions", seen)
    yield from _variable_errors(spec, f"{at}.variables")


def _param_kind_errors(kind: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    version, name = kind.get("apiVersion") or "", kind.get("kind") or ""
    if not version:
        yield required(f"{at}.apiVersion")
    elif version.count("/") > 1:
        yield invalid_value(f"{at}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    if not name:
        yield required(f"{at}.kind")
    for problem in name_problems(name.lower(), "service") if name else ():
        says = f"may have mixed case, but should otherwise match: {problem}"
        yield invalid_value(f"{at}.kind", name, says)


def _match_errors(match: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from checks.one_of(match.get("matchPolicy"), ("Equivalent", "Exact"), f"{at}.matchPolicy")
    for key in ("namespaceSelector", "objectSelector"):
        yield from checks.label_selector(match.get(key), f"{at}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(match.get(key) or ()):
            yield from rule_errors(rule, f"{at}.{key}[{index}]")


def _variable_errors(spec: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for (index, names), variable in zip(seen_by_policy(spec), spec.get("variables") or (), strict=False):
        name = variable.get("name") or ""
        if not name:
            yield required(f"{at}[{index}].name", "name is not specified")
        elif not name.isidentifier():
            yield invalid_value(f"{at}[{index}].name", name, "must be a valid CEL identifier")
        if name in seen:
            yield duplicate(f"{at}[{index}].name", name)
        seen.add(name)
        yield from expression_errors(variable.get("expression"), f"{at}[{index}].expression", names)


# --- ValidatingAdmissionPolicy ----------------------------------------------------------------------------


def validate_validating_policy(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _policy_errors(spec, "spec")
    validations, notes = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not notes:
        says = "validations or auditAnnotations must contain at least one item"
        yield required("spec.validations", says)
        yield required("spec.auditAnnotations", says)
    names = seen_at_last(spec)
    for index, row in enumerate(validations):
        at = f"spec.validations[{index}]"
        yield from expression_errors(row.get("expression"), f"{at}.expression", names, BOOL)
        if row.get("messageExpression") is not None:
            text = row["messageExpression"]
            yield from expression_errors(text, f"{at}.messageExpression", names, STRING)
        message = row.get("message") or ""
        if row.get("message") is not None and not message.strip():
            yield invalid_value(f"{at}.message", message, "must be non-empty if specified")
        elif "\n" in message:
            yield invalid_value(f"{at}.message", message, "must not contain line breaks")
        if row.get("reason") is not None and row["reason"] not in _REASONS:
            yield unsupported(f"{at}.reason", row["reason"], _REASONS)
    for index, note in enumerate(notes):
        yield from _note_errors(note, f"spec.auditAnnotations[{index}]", names)


def seen_at_last(spec: Mapping[str, Any]) -> Mapping[str, Type]:
    """What every expression of a policy sees that is neither a condition nor a variable."""
    *_, (_, names) = seen_by_policy(spec)
    return names


def _note_errors(note: Mapping[str, Any], at: str, names: Mapping[str, Type]) -> Iterator[FieldError]:
    key = note.get("key") or ""
    if not key:
        yield required(f"{at}.key")
    for problem in qualified_name_problems(key) if key else ():
        yield invalid_value(f"{at}.key", key, problem)
    yield from expression_errors(note.get("valueExpression"), f"{at}.valueExpression", names, STRING, NULL)


# --- MutatingAdmissionPolicy ------------------------------------------------------------------------------


def validate_mutating_policy(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _policy_errors(spec, "spec")
    policy = spec.get("reinvocationPolicy")
    if not policy:
        yield required("spec.reinvocationPolicy")
    yield from checks.one_of(policy, ("IfNeeded", "Never"), "spec.reinvocationPolicy")
    mutations = spec.get("mutations") or ()
    if not mutations:
        yield required("spec.mutations")
    names = {**seen_at_last(spec), **MUTATION}
    for index, row in enumerate(mutations):
        at, type_ = f"spec.mutations[{index}]", row.get("patchType") or ""
        if type_ not in ("ApplyConfiguration", "JSONPatch"):
            yield unsupported(f"{at}.patchType", type_, ["ApplyConfiguration", "JSONPatch"])
            continue
        own, wanted = ("jsonPatch", PATCH_LIST)
        if type_ == "ApplyConfiguration":
            own, wanted = "applyConfiguration", OBJECT
        expression = (row.get(own) or {}).get("expression")
        yield from expression_errors(expression, f"{at}.{own}.expression", names, wanted)


# --- bindings ---------------------------------------------------------------------------------------------


def _validate_binding(validating: bool) -> Callable[[Object], Iterable[FieldError]]:
    def validate(obj: Object) -> Iterator[FieldError]:
        spec = obj.get("spec") or {}
        name = spec.get("policyName") or ""
        if not name:
            yield required("spec.policyName")
        for problem in name_problems(name, "subdomain") if name else ():
            yield invalid_value("spec.policyName", name, problem)
        if spec.get("paramRef") is not None:
            yield from _param_errors(spec["paramRef"], "spec.paramRef")
        if spec.get("matchResources") is not None:
            yield from _match_errors(spec["matchResources"], "spec.matchResources")
        if validating:
            yield from _action_errors(spec.get("validationActions") or (), "spec.validationActions")

    return validate


def _param_errors(ref: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    name, selector = ref.get("name") or "", ref.get("selector")
    if name and selector is not None:
        for key in ("name", "selector"):
            yield forbidden_field(f"{at}.{key}", "name and selector are mutually exclusive")
    elif not name and selector is None:
        yield required(at, "one of name or selector must be specified")
    yield from checks.label_selector(selector, f"{at}.selector")
    action = ref.get("parameterNotFoundAction")
    if action is None:
        yield required(f"{at}.parameterNotFoundAction")
    yield from checks.one_of(action, ("Deny", "Allow"), f"{at}.parameterNotFoundAction")


def _action_errors(actions: Sequence[str], at: str) -> Iterator[FieldError]:
    if not actions:
        yield required(at, "at least one validation action is required")
    seen: set[str] = set()
    for index, action in enumerate(actions):
        yield from checks.one_of(action, _ACTIONS, f"{at}[{index}]")
        if action in seen:
            yield duplicate(f"{at}[{index}]", action)
        seen.add(action)
    if {"Deny", "Warn"} <= seen:
        says = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the "
            "API response and headers serves no purpose)"
        )
        yield invalid_value(at, list(actions), says)


def _kind(plural: str, kind: str, **more: Any) -> Kind:
    return Kind(
        f"{plural}.{GROUP}", _V1, kind, namespaced=False, categories=("api-extensions",), counted=spec_of,
        **more,
    )  # fmt: skip


KINDS = (
    _kind(
        "validatingadmissionpolicies", "ValidatingAdmissionPolicy", status=True, default=default_policy,
        prepare=prepare_policy, validate=validate_validating_policy,
    ),
    _kind(
        "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", default=default_binding,
        validate=_validate_binding(validating=True),
    ),
    _kind(
        "mutatingadmissionpolicies", "MutatingAdmissionPolicy", default=default_mutating_policy,
        validate=validate_mutating_policy,
    ),
    _kind(
        "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", default=default_binding,
        validate=_validate_binding(validating=False),
    ),
)  # fmt: skip
