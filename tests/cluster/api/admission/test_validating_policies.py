"""Policies that validate: what they refuse, warn of and note, in the words of a real API server."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from gitrel.kube.identity import Object
from tests.cluster.api.admission.policies import VERSION, binding, cluster, config_map, policy, rule
from tests.cluster.harness import refusal

TWO = "object.data.a == '2'"
PARAMS = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}
MISSING = {"name": "nope", "namespace": "default"}
NONE_FOUND = (
    "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
)
REFUSED: Mapping[str, tuple[Object, Object, str]] = {
    "an expression": (rule(TWO), {}, f"failed expression: {TWO}"),
    "with a message": (rule(TWO, message="must be two"), {}, "must be two"),
    "with an expression for a message": (
        rule(TWO, messageExpression="'it is ' + object.data.a"),
        {},
        "it is 1",
    ),
    "with one that fails": (rule(TWO, message="m", messageExpression="'x' + object.data.b"), {}, "m"),
    "the first of two": (
        {"validations": [{"expression": TWO}, {"expression": "false"}]},
        {},
        f"failed expression: {TWO}",
    ),
    "an error": (
        rule("object.data.b == '2'"),
        {},
        "expression 'object.data.b == '2'' resulted in error: no such key: b",
    ),
    "ignoring errors, not failures": (
        {**rule(TWO), "failurePolicy": "Ignore"},
        {},
        f"failed expression: {TWO}",
    ),
    "a variable": (
        {"variables": [{"name": "x", "expression": "object.data.a"}], **rule("variables.x == '2'")},
        {},
        "failed expression: variables.x == '2'",
    ),
    "a variable that fails": (
        {"variables": [{"name": "x", "expression": "object.data.b"}], **rule("variables.x == '2'")},
        {},
        "expression 'variables.x == '2'' resulted in error: composited variable \"x\" fails to evaluate: no "
        "such key: b",
    ),
    "a condition that fails": (
        {"matchConditions": [{"name": "c", "expression": "object.foo.bar == 1"}], **rule("true")},
        {},
        "expression 'object.foo.bar == 1' resulted in error: no such key: foo",
    ),
    "the namespace": (
        rule("namespaceObject.metadata.name == 'x'"),
        {},
        "failed expression: namespaceObject.metadata.name == 'x'",
    ),
    "no parameter bound": (
        {**PARAMS, **rule("object.data.a == params.data.x")},
        {},
        "expression 'object.data.a == params.data.x' resulted in error: no such key: data",
    ),
    "no parameter there": (
        {**PARAMS, **rule("true")},
        {"paramRef": {**MISSING, "parameterNotFoundAction": "Deny"}},
        NONE_FOUND,
    ),
    "no parameter selected": (
        {**PARAMS, **rule("true")},
        {"paramRef": {"selector": {"matchLabels": {"x": "y"}}, "parameterNotFoundAction": "Deny"}},
        NONE_FOUND,
    ),
    "too much work": (
        rule("[1,2,3,4,5,6,7,8,9,0].all(a, " * 6 + "true" + ")" * 6),
        {},
        "expression '" + "[1,2,3,4,5,6,7,8,9,0].all(a, " * 6 + "true" + ")" * 6 + "' resulted in error: "
        "operation cancelled: actual cost limit exceeded",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_policy_refuses(case: str) -> None:
    """Proves each way in which a policy refuses, in the words of Kubernetes 1.36.3."""
    spec, bound, said = REFUSED[case]
    made = cluster(policy(**spec), binding(**bound))
    error = refusal(lambda: made.api.create(config_map()))
    told = f"ValidatingAdmissionPolicy 'p' with binding 'b' denied request: {said}"
    assert error.message == f'configmaps "t-a" is forbidden: {told}'
    assert (error.code, error.reason) == (422, "Invalid")
    assert error.details == {"name": "t-a", "kind": "configmaps", "causes": [{"message": told}]}


@pytest.mark.parametrize(
    ("reason", "code"), [("Forbidden", 403), ("Invalid", 422), ("RequestEntityTooLarge", 413)]
)
def test_the_reason_gives_the_code(reason: str, code: int) -> None:
    """Proves the three reasons that a validation may give."""
    made = cluster(policy(**rule("false", reason=reason)), binding())
    error = refusal(lambda: made.api.create(config_map()))
    assert (error.code, error.reason) == (code, reason)


ADMITTED: Mapping[str, tuple[Object, Object]] = {
    "what holds": (rule("object.data.a == '1' && oldObject == null && request.operation == 'CREATE'"), {}),
    "an error that is to be ignored": ({**rule("object.data.b == '2'"), "failurePolicy": "Ignore"}, {}),
    "what a condition leaves out": (
        {"matchConditions": [{"name": "c", "expression": "false"}], **rule("false")},
        {},
    ),
    "what the binding leaves out": (
        rule("false"),
        {"matchResources": {"namespaceSelector": {"matchLabels": {"team": "a"}}}},
    ),
    "what is excluded": (
        {
            "matchConstraints": {
                "resourceRules": [
                    {"operations": ["*"], "apiGroups": [""], "apiVersions": ["*"], "resources": ["*"]}
                ],
                "excludeResourceRules": [
                    {
                        "operations": ["*"],
                        "apiGroups": [""],
                        "apiVersions": ["*"],
                        "resources": ["*"],
                        "resourceNames": ["t-a"],
                    }
                ],
            },
            **rule("false"),
        },
        {},
    ),
    "a parameter that may be missing": (
        {**PARAMS, **rule("false")},
        {"paramRef": {**MISSING, "parameterNotFoundAction": "Allow"}},
    ),
    "a right": (
        rule(
            "authorizer.group('').resource('pods').namespace('default').check('get').allowed()"
            " && authorizer.requestResource.check('create').allowed()"
            " && authorizer.path('/healthz').check('get').allowed()"
        ),
        {},
    ),
}


@pytest.mark.parametrize("case", ADMITTED)
def test_a_policy_lets_pass(case: str) -> None:
    """Proves what is no concern of a policy, or holds."""
    spec, bound = ADMITTED[case]
    made = cluster(policy(**spec), binding(**bound))
    made.api.create(config_map())
    assert made.reader.get("configmaps", "default", "t-a") is not None


def test_a_policy_without_a_binding_does_nothing() -> None:
    """Proves that only what is bound is evaluated, and that unbinding ends it."""
    made = cluster(policy(**rule("false")))
    made.api.create(config_map())
    made.api.create(binding())
    refusal(lambda: made.api.delete("configmaps", "t-a", "default"))
    made.api.delete(f"validatingadmissionpolicybindings.{VERSION.partition('/')[0]}", "b")
    made.api.delete("configmaps", "t-a", "default")


def test_parameters_are_found_by_name_and_by_label() -> None:
    """Proves that a policy is evaluated for each parameter, as they are at that moment."""
    limit = config_map("limit", a="1")
    limit["metadata"]["labels"] = {"limits": "yes"}
    ref = {"selector": {"matchLabels": {"limits": "yes"}}, "parameterNotFoundAction": "Deny"}
    spec = {
        **PARAMS,
        **rule("object.data.a == params.data.a", messageExpression="params.metadata.name + ' says no'"),
        "matchConditions": [{"name": "c", "expression": "object.metadata.name != params.metadata.name"}],
    }
    made = cluster(limit, policy(**spec), binding(paramRef=ref))
    made.api.create(config_map())
    made.api.patch("configmaps", "limit", {"data": {"a": "7"}}, "default")
    assert refusal(lambda: made.api.create(config_map("t-b"))).message.endswith("limit says no")
    by_name = {"name": "limit", "namespace": "default", "parameterNotFoundAction": "Deny"}
    made = cluster(limit, policy(**spec), binding(paramRef=by_name))
    made.api.create(config_map())


def test_a_kind_of_parameters_that_is_not_there() -> None:
    """Proves that this is the policy's fault, and told as such."""
    spec = {"paramKind": {"apiVersion": "foo.com/v1", "kind": "Foo"}, **rule("true")}
    ref = {"name": "x", "parameterNotFoundAction": "Deny"}
    made = cluster(policy(**spec), binding(paramRef=ref))
    said = (
        "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource "
        "referenced by paramKind: 'foo.com/v1, Kind=Foo'"
    )
    assert said in refusal(lambda: made.api.create(config_map())).message


def test_warnings_and_notes() -> None:
    """Proves the actions Warn and Audit, and audit annotations."""
    note = {"key": "who", "valueExpression": "'it was ' + request.userInfo.username"}
    notes: Object = {"auditAnnotations": [note]}
    made = cluster(policy(**rule(TWO), **notes), binding(validationActions=["Warn", "Audit"]))
    told: list[str] = []
    kept: dict[str, str] = {}
    made.api.acting_as("me", warn=told.append, annotate=kept.__setitem__).create(config_map())
    assert told == [
        f"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: {TWO}"
    ]
    assert kept["p/who"] == "it was system:admin"
    assert json.loads(kept["validation.policy.admission.k8s.io/validation_failure"]) == [
        {
            "message": f"failed expression: {TWO}",
            "policy": "p",
            "binding": "b",
            "expressionIndex": 0,
            "validationActions": ["Warn", "Audit"],
        }
    ]


def test_policies_are_never_asked_about_policies() -> None:
    """Proves that a policy that refuses everything can be taken away."""
    rules = [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]
    made = cluster(policy(matchConstraints={"resourceRules": rules}, **rule("false")), binding())
    refusal(lambda: made.api.create(config_map()))
    made.api.delete(f"validatingadmissionpolicies.{VERSION.partition('/')[0]}", "p")
    made.api.create(config_map())
