"""Custom objects are pruned, defaulted and validated by their schema, in Kubernetes' words."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from gitrel.cluster.api.patching import PatchType
from tests.cluster.crds.build import THINGS, definition, refused, thing, version
from tests.cluster.harness import WatchedCluster, cluster

SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "minLength": 2, "maxLength": 5},
        "replicas": {"type": "integer", "default": 1, "minimum": 0, "maximum": 10},
        "ratio": {"type": "number", "exclusiveMaximum": True, "maximum": 1},
        "color": {"type": "string", "enum": ["red", "green"], "nullable": True},
        "cron": {"type": "string", "pattern": r"^\d+$"},
        "port": {"x-kubernetes-int-or-string": True},
        "address": {"type": "string", "format": "ipv4"},
        "tags": {"type": "array", "maxItems": 2, "x-kubernetes-list-type": "set",
                 "items": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "ports": {"type": "array", "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": ["name"],
                  "items": {"type": "object", "required": ["name"], "properties": {
                      "name": {"type": "string"}, "number": {"type": "integer", "default": 80}}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
                 "properties": {"known": {"type": "object", "properties": {"a": {"type": "string"}}}}},
        "either": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                   "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    },
}  # fmt: skip


def made(spec: Any = None, **more: Any) -> WatchedCluster:
    c = cluster()
    c.api.create(definition(version(spec=spec or SPEC, **more)))
    return c


WRONG = {
    "a required field": ({}, "spec.image: Required value"),
    "a wrong type": (
        {"image": 1},
        'spec.image: Invalid value: "integer": spec.image in body must be of type string: "integer"',
    ),
    "a null": (
        {"image": "nginx", "replicas": "x"},
        'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
    ),
    "too large": (
        {"image": "nginx", "replicas": 11},
        "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10",
    ),
    "too small": (
        {"image": "nginx", "replicas": -1},
        "spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
    ),
    "an exclusive bound": (
        {"image": "nginx", "ratio": 1},
        "spec.ratio: Invalid value: 1: spec.ratio in body should be less than 1",
    ),
    "too short": (
        {"image": "x"},
        'spec.image: Invalid value: "x": spec.image in body should be at least 2 chars long',
    ),
    "too long": ({"image": "xxxxxx"}, "spec.image: Too long: may not be more than 5 characters"),
    "a pattern": (
        {"image": "nginx", "cron": "x"},
        "spec.cron: Invalid value: \"x\": spec.cron in body should match '^\\d+$'",
    ),
    "an enum": (
        {"image": "nginx", "color": "blue"},
        'spec.color: Unsupported value: "blue": supported values: "red", "green"',
    ),
    "a format": (
        {"image": "nginx", "address": "1.2.3"},
        'spec.address: Invalid value: "1.2.3": spec.address in body must be of type ipv4: "1.2.3"',
    ),
    "neither integer nor string": (
        {"image": "nginx", "port": True},
        'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ),
    "too many": (
        {"image": "nginx", "tags": ["a", "b", "c"]},
        "spec.tags: Too many: 3: must have at most 2 items",
    ),
    "twice in a set": (
        {"image": "nginx", "tags": ["a", "a"]},
        'spec.tags[1]: Duplicate value: "a"',
    ),
    "twice in a map": (
        {"image": "nginx", "ports": [{"name": "a"}, {"name": "a", "number": 1}]},
        'spec.ports[1]: Duplicate value: {"name":"a"}',
    ),
    "below a map": (
        {"image": "nginx", "labels": {"a": 1}},
        'spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
    ),
    "both of one": (
        {"image": "nginx", "either": {"a": "1", "b": "2"}},
        '<nil>: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). '
        "Found 2 valid alternatives",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_as_the_api_server_tells_it(case: str) -> None:
    """Each fault alone gives Kubernetes' own sentence, as a 422."""
    spec, says = WRONG[case]
    assert refused(lambda: made().api.create(thing(spec=spec))) == f'Thing.example.com "a" is invalid: {says}'


def test_defaults_reach_into_lists_and_nulls_become_defaults() -> None:
    """What is missing is filled, also in entries; a null that is not allowed is as if it were missing."""
    spec = {"image": "nginx", "replicas": None, "color": None, "cron": None, "ports": [{"name": "a"}]}
    got = made().api.create(thing(spec=spec))["spec"]
    assert got == {
        "image": "nginx",
        "replicas": 1,
        "color": None,
        "ports": [{"name": "a", "number": 80}],
    }


def test_unknown_fields_are_refused_told_or_dropped() -> None:
    """`fieldValidation` decides; preserved places keep what they do not know, but for what they specify."""
    c = made()
    told: list[str] = []
    spec = {"image": "nginx", "bad": 1, "free": {"x": {"y": 1}, "known": {"a": "1", "b": 2}}}
    message = refused(lambda: c.api.create(thing(spec=spec)))
    assert message == (
        'Thing in version "v1" cannot be handled as a Thing: strict decoding error: unknown field '
        '"spec.bad", unknown field "spec.free.known.b"'
    )
    warning = c.api.acting_as("x", field_validation="Warn", warn=told.append)
    got = warning.create(thing(spec=spec))
    assert told == ['unknown field "spec.bad"', 'unknown field "spec.free.known.b"']
    assert got["spec"]["free"] == {"x": {"y": 1}, "known": {"a": "1"}}


def test_metadata_is_checked_like_anybodys() -> None:
    """The schema does not speak of metadata, and yet it has types and rules."""
    c = made()
    bad = thing(spec={"image": "nginx"})
    bad["metadata"]["labels"] = {"a": 1}
    assert "cannot unmarshal number into Go struct field ObjectMeta.labels" in refused(
        lambda: c.api.create(bad)
    )
    bad["metadata"] = {"name": "A_", "namespace": "default"}
    assert "RFC 1123 subdomain" in refused(lambda: c.api.create(bad))


def test_an_update_looks_only_at_what_it_changes() -> None:
    """A schema that grew stricter does not stand in the way of other changes (ratcheting)."""
    c = made()
    c.api.create(thing(spec={"image": "nginx", "replicas": 9}))
    stricter = {**SPEC, "properties": {**SPEC["properties"], "replicas": {"type": "integer", "maximum": 5}}}
    crd = c.api.get("customresourcedefinitions.apiextensions.k8s.io", THINGS)
    c.api.update({**crd, "spec": {**crd["spec"], "versions": [version(spec=stricter)]}})
    patch = {"spec": {"image": "other"}}
    merge: PatchType = "application/merge-patch+json"
    assert c.api.patch(THINGS, "a", patch, "default", type_=merge)["spec"]["image"] == "other"
    message = refused(lambda: c.api.patch(THINGS, "a", {"spec": {"replicas": 8}}, "default", type_=merge))
    assert "should be less than or equal to 5" in message


def test_status_is_written_by_itself_and_generation_counts_everything_else() -> None:
    """With the subresource, status neither arrives with the object nor counts."""
    c = made(subresources={"status": {}})
    new = c.api.create(thing(spec={"image": "nginx"}, status={}))
    assert "status" not in new and new["metadata"]["generation"] == 1
    told = c.api.acting_as("x", field_validation="Ignore").update({**new, "status": {}}, "status")
    assert told["status"] == {} and told["metadata"]["generation"] == 1
    again = c.api.update({**told, "spec": {"image": "other"}, "status": None})
    assert again["metadata"]["generation"] == 2 and again["status"] == {}


def test_an_update_needs_a_resource_version() -> None:
    """Custom objects may not be overwritten blindly."""
    c = made()
    c.api.create(thing(spec={"image": "nginx"}))
    assert refused(lambda: c.api.update(thing(spec={"image": "other"}))).endswith(
        "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    )


def test_strategic_patches_are_not_known() -> None:
    """Custom resources have no merge keys of that kind: 415, naming what they do take."""
    c = made()
    c.api.create(thing(spec={"image": "nginx"}))
    assert refused(lambda: c.api.patch(THINGS, "a", {}, "default")).endswith(
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )


def test_apply_merges_lists_by_the_keys_of_the_schema() -> None:
    """Two managers own two entries of a map-list, and neither owns defaults."""
    c = made()
    one, two = c.api.acting_as("one"), c.api.acting_as("two")
    one.apply(thing(spec={"image": "nginx", "ports": [{"name": "a"}]}))
    two.apply(thing(spec={"ports": [{"name": "b"}], "tags": ["x"]}))
    got = one.apply(thing(spec={"image": "nginx", "ports": [{"name": "a"}], "tags": ["y"]}))
    assert sorted(port["name"] for port in got["spec"]["ports"]) == ["a", "b"]
    assert sorted(got["spec"]["tags"]) == ["x", "y"]
    changed = c.api.acting_as("three").apply(thing(spec={"replicas": 3}))
    assert changed["spec"]["replicas"] == 3


def test_scale_follows_the_paths_of_the_definition() -> None:
    """`scale` reads and sets what the definition names; without the field there is no scale."""
    paths = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.count",
        "labelSelectorPath": ".status.selector",
    }
    c = made(subresources={"scale": paths})
    c.api.create(thing(spec={"image": "nginx", "replicas": 2}))
    assert c.api.get_scale(THINGS, "a", "default")["spec"] == {"replicas": 2}
    assert c.api.scale(THINGS, "a", 5, "default")["spec"] == {"replicas": 5}
    assert c.api.get(THINGS, "a", "default")["spec"]["replicas"] == 5
    assert "should be less than or equal to 10" in refused(lambda: c.api.scale(THINGS, "a", 11, "default"))


RULES = {
    "type": "object",
    "x-kubernetes-validations": [
        {"rule": "self.low <= self.high",
         "messageExpression": "'%d is above %d'.format([self.low, self.high])"},
    ],
    "properties": {
        "low": {"type": "integer"},
        "high": {"type": "integer"},
        "name": {"type": "string", "x-kubernetes-validations": [
            {"rule": "self == oldSelf", "message": "cannot be changed", "reason": "FieldValueForbidden"}]},
        "once": {"type": "string", "x-kubernetes-validations": [
            {"rule": "oldSelf.hasValue() || self.startsWith('new')", "optionalOldSelf": True}]},
        "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                  "items": {"type": "object", "required": ["id"], "properties": {
                      "id": {"type": "string"},
                      "number": {"type": "integer", "x-kubernetes-validations": [
                          {"rule": "self >= oldSelf", "message": "may only grow"}]}}}},
    },
}  # fmt: skip


def test_rules_hold_objects_together() -> None:
    """Rules see whole objects, old values by key, and name their own message."""
    c = made(RULES)
    assert refused(lambda: c.api.create(thing(spec={"low": 3, "high": 2}))).endswith(
        'spec: Invalid value: "object": 3 is above 2'
    )
    assert refused(lambda: c.api.create(thing(spec={"high": 2}))).endswith(
        'spec: Invalid value: "object": no such key: low evaluating rule: self.low <= self.high'
    )
    good = {"low": 1, "high": 2, "name": "x", "once": "new", "ports": [{"id": "a", "number": 3}]}
    assert "failed rule: oldSelf.hasValue()" in refused(
        lambda: c.api.create(thing(spec={**good, "once": "old"}))
    )
    old = c.api.create(thing(spec=good))
    for change, says in (
        ({"name": "y"}, "spec.name: Forbidden: cannot be changed"),
        ({"ports": [{"id": "b"}, {"id": "a", "number": 2}]},
         'spec.ports[1].number: Invalid value: "integer": may only grow'),
    ):  # fmt: skip
        changed = {**old, "spec": {**good, **change}}
        message = refused(partial(c.api.update, changed))
        assert message.endswith(says)
    c.api.update({**old, "spec": {**good, "once": "other", "ports": [{"id": "b", "number": 1}]}})


def test_rules_wait_for_values_of_the_right_type() -> None:
    """A rule is not evaluated on what its types rule out, and that is said."""
    message = refused(lambda: made(RULES).api.create(thing(spec={"low": "x", "high": 1})))
    assert message.endswith(
        "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
        "correct the existing errors to complete validation]"
    )


def test_a_rule_that_runs_too_long_is_stopped() -> None:
    """A million steps are enough; the object is refused, and the server goes on."""
    hungry = {
        "type": "object",
        "properties": {"l": {"type": "array", "items": {"type": "integer"}}},
        "x-kubernetes-validations": [{"rule": "self.l.all(a, self.l.all(b, self.l.all(c, a + b + c >= 0)))"}],
    }
    message = refused(lambda: made(hungry).api.create(thing(spec={"l": list(range(300))})))
    assert "actual cost limit exceeded" in message
    assert "no further validation rules will be run due to call cost exceeds limit" in message


def test_embedded_resources_keep_their_identity() -> None:
    """An embedded object's apiVersion, kind and metadata need no schema, and its metadata is decoded."""
    spec = {
        "type": "object",
        "properties": {
            "template": {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "x-kubernetes-preserve-unknown-fields": True,
            }
        },
    }
    c = made(spec)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"a": 1}}
    assert c.api.create(thing(spec={"template": pod}))["spec"]["template"] == pod
    bad = {**pod, "metadata": {"labels": 5}}
    assert "cannot unmarshal" in refused(lambda: c.api.create(thing("b", spec={"template": bad})))
    assert "spec.template.kind: Required value" in refused(
        lambda: c.api.create(thing("b", spec={"template": {"apiVersion": "v1"}}))
    )


@pytest.mark.parametrize("schema", ({}, {"properties": {"other": {"type": "string"}}}))
def test_an_object_of_which_nothing_is_declared_is_applied_again_and_again(schema: Any) -> None:
    """A schema that keeps unknown fields still knows metadata, and maps in it are owned key by key."""
    c = cluster()
    whole = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, **schema}
    c.api.create(definition({**version(), "schema": {"openAPIV3Schema": whole}}))
    c.settle()
    one, two = c.api.acting_as("one"), c.api.acting_as("two")
    one.apply(thing(spec={"a": {"x": 1}}))
    two.apply(thing(spec={"a": {"y": [1]}}))
    assert one.apply(thing(spec={"a": {"x": 2}}))["spec"] == {"a": {"x": 2, "y": [1]}}
    assert one.apply(thing())["spec"] == {"a": {"y": [1]}}
