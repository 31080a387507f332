"""Definitions: what is refused when they are written, their names, and their conditions."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from gitrel.kube.conditions import find
from tests.cluster.crds.build import DEFINITIONS, THINGS, definition, refused, version
from tests.cluster.harness import cluster

_AT = "spec.validation.openAPIV3Schema.properties[spec]"

SCHEMAS: dict[str, tuple[Any, str]] = {
    "no type": (
        {"type": "object", "properties": {"a": {}}},
        f"{_AT}.properties[a].type: Required value: must not be empty for specified object fields",
    ),
    "no items": ({"type": "array"}, f"{_AT}.items: Required value: must be specified"),
    "no type of an item": (
        {"type": "array", "items": {}},
        f"{_AT}.items.type: Required value: must not be empty for specified array items",
    ),
    "unique items": (
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        f"{_AT}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity "
        "becomes quadratic",
    ),
    "a reference": (
        {"type": "object", "$ref": "#/x"},
        f"{_AT}.$ref: Forbidden: $ref is not supported",
    ),
    "a form inside a junctor": (
        {"type": "object", "properties": {"a": {"type": "string"}},
         "anyOf": [{"properties": {"a": {"type": "string"}}}]},
        f"{_AT}.anyOf[0].properties[a].type: Forbidden: must be empty to be structural",
    ),
    "an unknown field inside a junctor": (
        {"type": "object", "allOf": [{"properties": {"b": {"minLength": 1}}}]},
        f"{_AT}.properties[b]: Required value: because it is defined in {_AT}.allOf[0].properties[b]",
    ),
    "both kinds of properties": (
        {"type": "object", "properties": {"a": {"type": "string"}},
         "additionalProperties": {"type": "string"}},
        f"{_AT}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
    ),
    "a map-list without keys": (
        {"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}},
        f"{_AT}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is "
        "map",
    ),
    "a key that may be missing": (
        {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"],
         "items": {"type": "object", "properties": {"n": {"type": "string"}}}},
        f"{_AT}.items.properties[n].default: Required value: this property is in "
        "x-kubernetes-list-map-keys, so it must have a default or be a required property",
    ),
    "a bad pattern": (
        {"type": "string", "pattern": "("},
        f"{_AT}.pattern: Invalid value: \"(\": must be a valid regular expression, but isn't: error parsing "
        "regexp: '(' is not a regular expression",
    ),
    "a default of another type": (
        {"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}},
        f'{_AT}.properties[a].default: Invalid value: "string": {_AT}.properties[a].default in body must be '
        'of type integer: "string"',
    ),
    "a rule of unknown names": (
        {"type": "string", "x-kubernetes-validations": [{"rule": "self == other"}]},
        f'{_AT}.x-kubernetes-validations[0].rule: Invalid value: {{"rule":"self == other"}}: compilation '
        "failed: ERROR: <input>:1:9: undeclared reference to 'other' (in container '')\n | self == other\n"
        " | ........^",
    ),
    "a rule that is no test": (
        {"type": "string", "x-kubernetes-validations": [{"rule": "self"}]},
        f'{_AT}.x-kubernetes-validations[0].rule: Invalid value: {{"rule":"self"}}: cel expression must '
        "evaluate to a bool",
    ),
    "an old value that cannot be found": (
        {"type": "array", "items": {"type": "string",
                                    "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}},
        f'{_AT}.items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be '
        f"used on the uncorrelatable portion of the schema within {_AT}.items",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SCHEMAS)
def test_a_schema_that_is_not_structural_is_refused(case: str) -> None:
    """Each fault is told at its place, in Kubernetes' words."""
    spec, says = SCHEMAS[case]
    message = refused(lambda: cluster().api.create(definition(version(spec=spec))))
    assert message == f'CustomResourceDefinition.apiextensions.k8s.io "{THINGS}" is invalid: {says}'


def test_other_faults_of_a_definition() -> None:
    """Names, versions, scope, columns and conversion are checked together, and told together."""
    wrong = definition(
        version("v1", storage=False, additionalPrinterColumns=[{"name": "A", "type": "x", "jsonPath": "a"}]),
        version("v1", storage=False),
        scope="Somewhere",
        shortNames=["Th"],
    )
    wrong["metadata"]["name"] = "other.example.com"
    wrong["spec"]["conversion"] = {"strategy": "Webhook"}
    message = refused(lambda: cluster().api.create(wrong))
    for says in (
        'metadata.name: Invalid value: "other.example.com": must be spec.names.plural+"."+spec.group',
        'spec.scope: Unsupported value: "Somewhere": supported values: "Cluster", "Namespaced"',
        'spec.names.shortNames[0]: Invalid value: "Th": a DNS-1035 label',
        'spec.versions: Invalid value: ["v1","v1"]: must contain unique version names',
        'spec.versions: Invalid value: ["v1","v1"]: must have exactly one version marked as storage version',
        "spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "
        '"x": must be one of boolean,date,integer,number,string',
        'spec.conversion.strategy: Unsupported value: "Webhook": supported values: "None"',
    ):
        assert says in message


def test_protected_groups_need_an_approval() -> None:
    """Groups of Kubernetes' own are not for everybody."""
    crd = definition()
    crd["metadata"]["name"] = "things.x.k8s.io"
    crd["spec"]["group"] = "x.k8s.io"
    assert "protected groups must have approval annotation" in refused(lambda: cluster().api.create(crd))


def test_a_new_definition_is_established_at_once() -> None:
    """Names are completed and accepted in the answer to the creation."""
    new = cluster().api.create(definition(shortNames=["th"], categories=["all"]))
    status = new["status"]
    assert status["storedVersions"] == ["v1"]
    assert status["acceptedNames"] == {
        "plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList",
        "shortNames": ["th"], "categories": ["all"],
    }  # fmt: skip
    assert {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]} == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }


def test_a_name_belongs_to_whoever_had_it_first() -> None:
    """A definition whose short name is taken waits, and is served when the other one goes."""
    from gitrel.cluster.controllers.customresources.controller import CustomResourceController

    c = cluster(CustomResourceController)
    c.api.create(definition(shortNames=["th"]))
    second = c.api.create(definition(plural="thongs", kind="Thong", shortNames=["th"]))
    accepted = find(second["status"]["conditions"], "NamesAccepted")
    assert accepted is not None and accepted["reason"] == "ShortNamesConflict"
    assert accepted["message"] == '"th" is already in use'
    thong = {
        "apiVersion": "example.com/v1",
        "kind": "Thong",
        "metadata": {"name": "x", "namespace": "default"},
    }
    assert "no matches for kind" in refused(lambda: c.api.create(thong))
    c.api.delete(DEFINITIONS, THINGS)
    c.settle()
    c.api.create(thong)


def test_what_is_established_stays() -> None:
    """Group, plural, scope and kind cannot change, and stored versions cannot be dropped."""
    c = cluster()
    crd = c.api.create(definition())
    for part, says in (
        ({"scope": "Cluster"}, 'spec.scope: Invalid value: "Cluster": field is immutable'),
        ({"names": {**crd["spec"]["names"], "kind": "Other"}}, "spec.names.kind: Invalid value"),
        ({"versions": [version("v2")]}, "missing from spec.versions; v1 was previously a storage version"),
    ):
        changed = {**crd, "spec": {**crd["spec"], **part}}
        assert says in refused(partial(c.api.update, changed))


BROKEN = (
    {"type": 5}, {"type": "object", "properties": []}, {"type": "array", "items": "x"},
    {"type": "object", "properties": {"a": {"type": "array", "items": {"type": []}}}},
    {"type": "string", "enum": 3}, {"type": "object", "required": "x"}, {"type": "object", "required": [1]},
    {"type": "object", "x-kubernetes-validations": ["x"]}, {"type": "string", "maxLength": "x"},
    {"type": "object", "additionalProperties": 5}, {"type": "object", "anyOf": [5]},
    {"type": "object", "properties": {"a": 1}},
)  # fmt: skip


@pytest.mark.parametrize("spec", BROKEN, ids=str)
def test_nonsense_is_refused_and_never_breaks_anything(spec: Any) -> None:
    """Keywords of the wrong JSON type are told, wherever they stand."""
    assert refused(lambda: cluster().api.create(definition(version(spec=spec))))


def test_a_schema_may_not_be_deeper_than_the_stack() -> None:
    """A hundred levels are enough for anybody."""
    spec: dict[str, Any] = {"type": "string"}
    for _ in range(110):
        spec = {"type": "object", "properties": {"a": spec}}
    assert "nested deeper" in refused(lambda: cluster().api.create(definition(version(spec=spec))))
