"""Policies that change what is written: both ways of it, and the changes that cannot be made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gitrel.kube.identity import Object
from tests.cluster.api.admission.policies import (
    TEMPLATE,
    apply,
    binding,
    cluster,
    config_map,
    containers,
    deployment,
    policy,
    steps,
)
from tests.cluster.harness import refusal

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
