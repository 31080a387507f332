"""Decoding what strangers send: wrong types, unknown fields, nulls, in the API server's words."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.api.errors import ApiError
from gitrel.kube.fields import replaced
from tests.cluster.harness import cluster, container, deployment, pod

WRONG: dict[str, tuple[Any, str]] = {
    "text for a number": (
        replaced(deployment("x"), ("spec", "replicas"), "three"),
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go '
        "struct field DeploymentSpec.spec.replicas of type int32",
    ),
    "a number for a label": (
        replaced(pod("x"), ("metadata", "labels"), {"version": 2}),
        'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field '
        "ObjectMeta.metadata.labels.version of type string",
    ),
    "an unknown field": (
        deployment("x", replica=3),
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: '
        'unknown field "spec.replica"',
    ),
    "unknown fields deep inside": (
        replaced(pod("x"), ("spec", "containers"), [container(imagePolicy="x", cmd=[])]),
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field '
        '"spec.containers[0].imagePolicy", unknown field "spec.containers[0].cmd"',
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_decoded_is_a_bad_request(case: str) -> None:
    """400 with Go's own sentence."""
    obj, message = WRONG[case]
    with pytest.raises(ApiError) as refused:
        cluster().api.create(obj)
    assert (refused.value.code, refused.value.message) == (400, message)


def test_unknown_fields_can_be_reported_or_dropped() -> None:
    """Warn tells and drops, Ignore drops."""
    heard: list[str] = []
    c = cluster()
    warning = c.api.acting_as("me", field_validation="Warn", warn=heard.append)
    assert "replica" not in warning.create(deployment("a", replica=3))["spec"]
    assert heard == ['unknown field "spec.replica"']
    ignoring = c.api.acting_as("me", field_validation="Ignore", warn=heard.append)
    assert "replica" not in ignoring.create(deployment("b", replica=3))["spec"]
    assert len(heard) == 1


def test_nulls_are_nothing() -> None:
    """A null field is a field that was not sent, so it gets its default."""
    c = cluster()
    sent = deployment("x", strategy=None)
    sent["metadata"]["creationTimestamp"] = None
    assert c.api.create(sent)["spec"]["strategy"]["type"] == "RollingUpdate"


def test_what_the_schema_requires_is_asked_for() -> None:
    """Required fields that no hand-written rule covers are refused as well."""
    wrong = pod("x", volumes=[{"name": "v", "azureDisk": {"diskName": "d"}}])
    with pytest.raises(ApiError) as refused:
        cluster().api.create(wrong)
    assert refused.value.message == ('Pod "x" is invalid: spec.volumes[0].azureDisk.diskURI: Required value')


def test_a_kind_that_is_not_served_is_not_found() -> None:
    """kubectl's own words for it."""
    with pytest.raises(ApiError, match=r'no matches for kind "Widget" in version "example\.org/v1"'):
        cluster().api.create({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "x"}})


def test_what_is_not_json_is_refused() -> None:
    """A set, say, is told as a bad request rather than raising from within."""
    with pytest.raises(ApiError, match="is not JSON"):
        cluster().api.create({**pod("x"), "spec": {"containers": {1, 2}}})
