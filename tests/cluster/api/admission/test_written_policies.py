"""Policies are compiled when they are written: no expression is stored that could never be evaluated."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gitrel.kube.identity import Object
from tests.cluster.api.admission.policies import apply, binding, cluster, policy, rule, steps
from tests.cluster.harness import refusal

WRITTEN_WRONG: Mapping[str, tuple[Object, str]] = {
    "no bool": (
        policy(**rule("object.data.a")),
        'spec.validations[0].expression: Invalid value: "object.data.a": must evaluate to bool but got dyn',
    ),
    "no variables": (
        policy(**rule("variables.x == 1")),
        "spec.validations[0].expression: Invalid value: \"variables.x == 1\": compilation failed: ERROR: "
        "<input>:1:1: undeclared reference to 'variables' (in container '')\n | variables.x == 1\n | ^",
    ),
    "a later variable": (
        policy(variables=[{"name": "x", "expression": "variables.y"}], **rule("true")),
        "undeclared reference to 'variables'",
    ),
    "an unknown field": (
        policy(**rule("namespaceObject.foo == 1")),
        "undefined field 'foo'",
    ),
    "a message of a number": (
        policy(**rule("true", messageExpression="1")),
        'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string but got int',
    ),
    "a note of a number": (
        policy(auditAnnotations=[{"key": "k", "valueExpression": "1"}]),
        'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string '
        "null_type] but got int",
    ),
    "a condition with params": (
        policy(matchConditions=[{"name": "c", "expression": "params == 1"}], **rule("true")),
        "undeclared reference to 'params'",
    ),
    "a name that is none": (
        policy(variables=[{"name": "1x", "expression": "1"}], **rule("true")),
        'spec.variables[0].name: Invalid value: "1x": must be a valid CEL identifier',
    ),
    "a reason": (
        policy(**rule("true", reason="Unauthorized")),
        'spec.validations[0].reason: Unsupported value: "Unauthorized": supported values: "Forbidden", '
        '"Invalid", "RequestEntityTooLarge"',
    ),
    "a change of a text": (
        policy("Mutating", mutations=[apply('"x"')]),
        'spec.mutations[0].applyConfiguration.expression: Invalid value: "\\"x\\"": must evaluate to Object '
        "but got string",
    ),
    "a patch of one step": (
        policy("Mutating", mutations=[steps('JSONPatch{op: "add", path: "/x", value: "1"}')]),
        "must evaluate to list(JSONPatch) but got JSONPatch",
    ),
    "a step with an unknown field": (
        policy("Mutating", mutations=[steps('[JSONPatch{op:"add",pathh:"/data/z",value:"1"}]')]),
        "ERROR: <input>:1:26: expected type of field 'pathh' is '' but provided type is 'string'",
    ),
    "nobody says whether again": (
        policy("Mutating", mutations=[apply("Object{}")], reinvocationPolicy=None),
        "spec.reinvocationPolicy: Required value",
    ),
    "both ways to a parameter": (
        binding(paramRef={"name": "x", "selector": {}, "parameterNotFoundAction": "Deny"}),
        "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN_WRONG)
def test_what_is_wrong_is_told_when_it_is_written(case: str) -> None:
    """Proves that no expression is stored that could never be evaluated."""
    obj, said = WRITTEN_WRONG[case]
    made = cluster()
    error = refusal(lambda: made.api.create(obj))
    assert error.code == 422 and said in error.message, error.message
