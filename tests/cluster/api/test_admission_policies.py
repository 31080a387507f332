"""Policies in CEL: what they refuse, warn of and change, in the words of a real API server."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.spec import ClusterSpec
from gitrel.kube.identity import Object

VERSION = "admissionregistration.k8s.io/v1"


def policy(sort: str = "Validating", name: str = "p", **spec: Any) -> Object:
    rule = {
        "operations": ["*"],
        "apiGroups": ["", "apps"],
        "apiVersions": ["*"],
        "resources": ["configmaps", "deployments"],
    }
    more = {"reinvocationPolicy": "Never"} if sort == "Mutating" else {}
    return {
        "apiVersion": VERSION,
        "kind": f"{sort}AdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [rule]}, **more, **spec},
    }


def binding(sort: str = "Validating", name: str = "p", **spec: Any) -> Object:
    more = {} if sort == "Mutating" else {"validationActions": ["Deny"]}
    return {
        "apiVersion": VERSION,
        "kind": f"{sort}AdmissionPolicyBinding",
        "metadata": {"name": f"{name}-bound" if name != "p" else "b"},
        "spec": {"policyName": name, **more, **spec},
    }


def config_map(name: str = "t-a", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": data or {"a": "1"},
    }


def deployment() -> Object:
    labels = {"a": "b"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "t-d", "namespace": "default"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


def cluster(*objects: Object) -> Cluster:
    made = Cluster(ClusterSpec(nodes=()), controllers=lambda _: [])
    for obj in objects:
        made.api.create(obj)
    return made


def refusal(act: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        act()
    return caught.value


def rule(expression: str, **more: Any) -> Object:
    return {"validations": [{"expression": expression, **more}]}


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
    cluster(policy(**spec), binding(**bound)).api.create(config_map())


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


def apply(expression: str) -> Object:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def steps(expression: str) -> Object:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


TEMPLATE = "Object.spec.template.spec"


def containers(fields: str) -> Object:
    """An apply configuration of one container."""
    inner = f"{TEMPLATE}{{containers: [{TEMPLATE}.containers{{{fields}}}]}}"
    return apply(f"Object{{spec: Object.spec{{template: Object.spec.template{{spec: {inner}}}}}}}")


CHANGED: Mapping[str, tuple[Any, Object]] = {
    "labels": (
        [apply('Object{metadata: Object.metadata{labels: {"x": "y"}}}')],
        {"data": {"a": "1"}, "labels": {"x": "y"}},
    ),
    "an entry more": ([apply('Object{data: {"x": "y"}}')], {"data": {"a": "1", "x": "y"}}),
    "what it is stays": (
        [apply('Object{kind: "Foo", metadata: Object.metadata{name: "other"}}')],
        {"data": {"a": "1"}},
    ),
    "an optional that is empty": (
        [apply("Object{metadata: Object.metadata{?labels: object.metadata.?labels}}")],
        {"data": {"a": "1"}},
    ),
    "a step": (
        [steps('[JSONPatch{op: "add", path: "/data/z", value: "1"}]')],
        {"data": {"a": "1", "z": "1"}},
    ),
    "a test that fails": (
        [
            steps(
                '[JSONPatch{op: "test", path: "/data/a", value: "2"}, '
                'JSONPatch{op: "add", path: "/data/z", value: "1"}]'
            )
        ],
        {"data": {"a": "1"}},
    ),
    "an object as a value": (
        [
            steps(
                '[JSONPatch{op: "add", path: "/metadata", value: '
                'Object.metadata{name: "t-a", namespace: "default", labels: {"a": "b"}}}]'
            )
        ],
        {"data": {"a": "1"}, "labels": {"a": "b"}},
    ),
    "an escaped key": (
        [
            steps('[JSONPatch{op: "add", path: "/metadata/labels", value: {}}, JSONPatch{op: "add", path: '
                  '"/metadata/labels/" + jsonpatch.escapeKey("a.b/c"), value: "1"}]')
        ],
        {"data": {"a": "1"}, "labels": {"a.b/c": "1"}},
    ),
    "one sees the other": (
        [
            apply('Object{data: {"x": "y"}}'),
            steps('[JSONPatch{op: "add", path: "/data/z", value: object.data.x}]'),
        ],
        {"data": {"a": "1", "x": "y", "z": "y"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGED)
def test_a_policy_changes(case: str) -> None:
    """Proves both ways of changing, as Kubernetes 1.36.3 carries them out."""
    mutations, wanted = CHANGED[case]
    made = cluster(policy("Mutating", mutations=mutations), binding("Mutating"))
    new = made.api.create(config_map())
    assert new["metadata"]["name"] == "t-a"
    labels = new["metadata"].get("labels")
    assert {"data": new["data"], **({"labels": labels} if labels else {})} == wanted


def test_lists_are_merged_by_their_keys() -> None:
    """Proves that containers are found by name, completed, and defaulted."""
    env = f'name: "a", env: [{TEMPLATE}.containers.env{{name: "E", value: "v"}}]'
    mutations = [containers(env), containers('name: "side", image: "s"')]
    made = cluster(policy("Mutating", mutations=mutations), binding("Mutating"))
    found = made.api.create(deployment())["spec"]["template"]["spec"]["containers"]
    assert [c["name"] for c in found] == ["a", "side"]
    assert (found[0]["image"], found[0]["env"]) == ("b", [{"name": "E", "value": "v"}])
    assert found[1]["terminationMessagePolicy"] == "File"


NOT_CHANGED: Mapping[str, tuple[Object, Object, str]] = {
    "a struct that is one": (
        apply('Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {"q": "r"}}}}'),
        deployment(),
        "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
        ".spec.selector",
    ),
    "a list that is one": (
        containers('name: "a", args: ["x"]'),
        deployment(),
        "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
        ".spec.template.spec.containers[0].args",
    ),
    "a type in the wrong place": (
        apply('Object{spec: Object.metadata{labels: {"x": "y"}}}'),
        config_map(),
        'type mismatch: unexpected type name "Object.metadata", expected "Object.spec", which matches field '
        "name path from root Object type",
    ),
    "an unknown field": (
        apply('Object{foo: "x"}'),
        config_map(),
        "error applying patch: failed to convert patch object to typed object: .foo: field not declared in "
        "schema",
    ),
    "a wrong value": (
        apply('Object{data: {"x": 1}}'),
        config_map(),
        "error applying patch: failed to convert patch object to typed object: .data.x: expected string, got "
        "&value.valueUnstructured{Value:1}",
    ),
    "an error": (
        apply('Object{data: {"x": object.data.nope}}'),
        config_map(),
        "expression 'Object{data: {\"x\": object.data.nope}}' resulted in error: no such key: nope",
    ),
    "an operation that is none": (
        steps('[JSONPatch{op: "frob", path: "/data/z", value: "1"}]'),
        config_map(),
        "JSON Patch: Unexpected kind: frob",
    ),
}


@pytest.mark.parametrize("case", NOT_CHANGED)
def test_a_change_that_cannot_be_made(case: str) -> None:
    """Proves the refusals in Kubernetes' words, and that failurePolicy: Ignore lets the write pass."""
    mutation, obj, said = NOT_CHANGED[case]
    made = cluster(policy("Mutating", mutations=[mutation]), binding("Mutating"))
    error = refusal(lambda: made.api.create(obj))
    told = f"policy 'p' with binding 'b' denied request: {said}"
    assert (error.code, error.reason, error.message) == (403, "Invalid", told)
    assert error.details["causes"] == [{"message": told}]
    lenient = policy("Mutating", mutations=[mutation], failurePolicy="Ignore")
    cluster(lenient, binding("Mutating")).api.create(obj)


def test_policies_are_asked_again() -> None:
    """Proves reinvocation: what a later policy adds, an earlier one sees, if it wants to."""
    adds = steps('[JSONPatch{op: "add", path: "/data/late", value: "1"}]')
    sees = steps('has(object.data.late) ? [JSONPatch{op: "add", path: "/data/seen", value: "1"}] : []')
    for again, wanted in (("IfNeeded", True), ("Never", False)):
        made = cluster(
            policy("Mutating", "a", mutations=[sees], reinvocationPolicy=again),
            binding("Mutating", "a"),
            policy(
                "Mutating",
                "b",
                mutations=[adds],
                matchConditions=[{"name": "c", "expression": "!has(object.data.late)"}],
            ),
            binding("Mutating", "b"),
        )
        assert ("seen" in made.api.create(config_map())["data"]) == wanted


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
