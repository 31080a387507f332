"""Admission policies in CEL and their bindings (`pkg/apis/admissionregistration/validation`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.errors import FieldError, duplicate, invalid_value, required, unsupported
from gitrel.cluster.kinds import checks
from gitrel.cluster.kinds.filling import changed, each, filled
from gitrel.cluster.kinds.kind import Kind, spec_of
from gitrel.cluster.kinds.names import name_problems, qualified_name_problems
from gitrel.cluster.kinds.webhooks import GROUP, default_rule, match_condition_errors, rule_errors
from gitrel.kube.identity import Object

_V1 = f"{GROUP}/v1"
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
_ACTIONS = ("Audit", "Deny", "Warn")
_MATCH = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}


def _default_match(match: Object) -> Object:
    match = filled(match, _MATCH)
    for key in ("resourceRules", "excludeResourceRules"):
        match = changed(match, key, each(default_rule))
    return match


def default_policy(obj: Object) -> Object:
    def default_spec(spec: Object) -> Object:
        return changed(filled(spec, {"failurePolicy": "Fail"}), "matchConstraints", _default_match)

    return changed(obj, "spec", default_spec)


def default_mutating_policy(obj: Object) -> Object:
    obj = default_policy(obj)
    return changed(obj, "spec", lambda spec: filled(spec, {"reinvocationPolicy": "Never"}))


def default_binding(obj: Object) -> Object:
    return changed(obj, "spec", lambda spec: changed(spec, "matchResources", _default_match))


def prepare_policy(obj: Object) -> Object:
    return {**obj, "status": {}}


# --- what both kinds of policy have -----------------------------------------------------------------------


def _policy_errors(spec: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from checks.one_of(spec.get("failurePolicy"), ("Fail", "Ignore"), f"{at}.failurePolicy")
    kind = spec.get("paramKind")
    if kind is not None:
        for key in ("apiVersion", "kind"):
            if not kind.get(key):
                yield required(f"{at}.paramKind.{key}")
    constraints = spec.get("matchConstraints")
    if constraints is None:
        yield required(f"{at}.matchConstraints")
    else:
        if not constraints.get("resourceRules"):
            yield required(f"{at}.matchConstraints.resourceRules")
        yield from _match_errors(constraints, f"{at}.matchConstraints")
    yield from match_condition_errors(spec.get("matchConditions") or (), f"{at}.matchConditions")
    yield from _variable_errors(spec.get("variables") or (), f"{at}.variables")


def _match_errors(match: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    yield from checks.one_of(match.get("matchPolicy"), ("Equivalent", "Exact"), f"{at}.matchPolicy")
    for key in ("namespaceSelector", "objectSelector"):
        yield from checks.label_selector(match.get(key), f"{at}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(match.get(key) or ()):
            yield from rule_errors(rule, f"{at}.{key}[{index}]")


def _variable_errors(variables: Sequence[Mapping[str, Any]], at: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, variable in enumerate(variables):
        name = variable.get("name") or ""
        if not name:
            yield required(f"{at}[{index}].name", "name is not specified")
        elif not name.isidentifier():
            yield invalid_value(f"{at}[{index}].name", name, "name is not a valid CEL identifier")
        if name in seen:
            yield duplicate(f"{at}[{index}].name", name)
        seen.add(name)
        if not (variable.get("expression") or "").strip():
            yield required(f"{at}[{index}].expression", "expression is not specified")


# --- ValidatingAdmissionPolicy ----------------------------------------------------------------------------


def validate_validating_policy(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _policy_errors(spec, "spec")
    validations, notes = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not notes:
        yield required("spec.validations", "validations or auditAnnotations must be set")
    for index, row in enumerate(validations):
        at = f"spec.validations[{index}]"
        if not (row.get("expression") or "").strip():
            yield required(f"{at}.expression", "expression is not specified")
        message = row.get("message") or ""
        if row.get("message") is not None and not message.strip():
            yield invalid_value(f"{at}.message", message, "message must be non-empty if specified")
        elif "\n" in message:
            yield invalid_value(f"{at}.message", message, "message must not contain line breaks")
        if row.get("reason") is not None and row["reason"] not in _REASONS:
            yield unsupported(f"{at}.reason", row["reason"], _REASONS)
    for index, note in enumerate(notes):
        yield from _note_errors(note, f"spec.auditAnnotations[{index}]")


def _note_errors(note: Mapping[str, Any], at: str) -> Iterator[FieldError]:
    key = note.get("key") or ""
    if not key:
        yield required(f"{at}.key")
    for problem in qualified_name_problems(key) if key else ():
        yield invalid_value(f"{at}.key", key, problem)
    if not (note.get("valueExpression") or "").strip():
        yield required(f"{at}.valueExpression", "valueExpression is not specified")


# --- MutatingAdmissionPolicy ------------------------------------------------------------------------------


def validate_mutating_policy(obj: Object) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _policy_errors(spec, "spec")
    policy = spec.get("reinvocationPolicy")
    yield from checks.one_of(policy, ("IfNeeded", "Never"), "spec.reinvocationPolicy")
    mutations = spec.get("mutations") or ()
    if not mutations:
        yield required("spec.mutations")
    for index, row in enumerate(mutations):
        at, type_ = f"spec.mutations[{index}]", row.get("patchType") or ""
        if type_ not in ("ApplyConfiguration", "JSONPatch"):
            yield unsupported(f"{at}.patchType", type_, ["ApplyConfiguration", "JSONPatch"])
            continue
        own = "applyConfiguration" if type_ == "ApplyConfiguration" else "jsonPatch"
        if not ((row.get(own) or {}).get("expression") or "").strip():
            yield required(f"{at}.{own}.expression", "expression is not specified")


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
        yield invalid_value(at, name, "name and selector are mutually exclusive")
    elif not name and selector is None:
        yield required(at, "one of name or selector must be specified")
    yield from checks.label_selector(selector, f"{at}.selector")
    action = ref.get("parameterNotFoundAction")
    if action is None:
        yield required(f"{at}.parameterNotFoundAction")
    yield from checks.one_of(action, ("Allow", "Deny"), f"{at}.parameterNotFoundAction")


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
