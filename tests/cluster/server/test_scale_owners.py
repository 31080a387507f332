"""Who scales is a manager of its own; every answer here was first seen from a real 1.36 API server."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from tests.cluster.server.client import Api

APPS = "/apis/apps/v1/namespaces/default/deployments"
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def manifest(name: str) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "nginx"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def scale(name: str, replicas: int | None) -> dict[str, Any]:
    spec = {} if replicas is None else {"replicas": replicas}
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name}, "spec": spec}


def apply_scale(api: Api, name: str, replicas: int | None, manager: str, *, force: bool = False) -> Any:
    query = f"fieldManager={manager}&force={str(force).lower()}"
    return api.call("PATCH", f"{APPS}/{name}/scale?{query}", scale(name, replicas), APPLY)


def owners_of_replicas(api: Api, name: str) -> list[tuple[Any, ...]]:
    rows = api.get(f"{APPS}/{name}")["metadata"]["managedFields"]
    return [
        (row["manager"], row["operation"], row["apiVersion"], row.get("subresource"), "time" in row)
        for row in rows
        if "f:replicas" in row["fieldsV1"].get("f:spec", {})
    ]


@pytest.fixture
def name(api: Api, request: pytest.FixtureRequest) -> str:
    own = "scaled-" + sha256(request.node.name.encode()).hexdigest()[:8]
    answer = api.call("PATCH", f"{APPS}/{own}?fieldManager=one", manifest(own), APPLY)
    assert answer.code == 201, answer.body
    return str(own)


def test_scaling_by_hand_takes_the_field_over(api: Api, name: str) -> None:
    """The manifest's manager loses `spec.replicas` to the one that scaled, and is told at its next apply."""
    found = api.get(f"{APPS}/{name}/scale")
    agent = {"User-Agent": "kubectl/1"}
    assert api.call("PUT", f"{APPS}/{name}/scale", found | {"spec": {"replicas": 3}}, agent).code == 200
    assert owners_of_replicas(api, name) == [("kubectl", "Update", "apps/v1", "scale", False)]
    refused = api.call("PATCH", f"{APPS}/{name}?fieldManager=one", manifest(name), APPLY)
    assert refused.code == 409
    assert (
        'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'
        in refused.json["message"]
    )


def test_a_scale_is_applied_with_conflicts_and_force(api: Api, name: str) -> None:
    """409 names the owner in the Scale's own terms; force takes the field."""
    api.call("PUT", f"{APPS}/{name}/scale", api.get(f"{APPS}/{name}/scale") | {"spec": {"replicas": 3}})
    refused = apply_scale(api, name, 5, "hpa")
    assert refused.said == (
        409,
        "Conflict",
        'Apply failed with 1 conflict: conflict with "tests" with subresource "scale" using autoscaling/v1: '
        ".spec.replicas",
    )
    assert apply_scale(api, name, 5, "hpa", force=True).json["spec"] == {"replicas": 5}
    assert owners_of_replicas(api, name) == [("hpa", "Apply", "apps/v1", "scale", False)]
    other = apply_scale(api, name, 6, "other")
    assert 'conflict with "hpa" with subresource "scale": .spec.replicas' in other.json["message"]


def test_who_gives_the_number_up_leaves_none(api: Api, name: str) -> None:
    """An apply without replicas by their only owner: 0 pods and nobody's, surprising as it is."""
    assert apply_scale(api, name, 5, "hpa", force=True).code == 200
    assert apply_scale(api, name, None, "hpa").code == 200
    assert api.get(f"{APPS}/{name}")["spec"]["replicas"] == 0
    assert owners_of_replicas(api, name) == []


def test_two_that_want_the_same_number_share_it(api: Api, name: str) -> None:
    """The same value is no conflict: both own it, and one giving it up changes nothing."""
    assert apply_scale(api, name, 2, "hpa").code == 200
    assert {row[0] for row in owners_of_replicas(api, name)} == {"one", "hpa"}
    assert apply_scale(api, name, None, "hpa").code == 200
    assert api.get(f"{APPS}/{name}")["spec"]["replicas"] == 2
    assert {row[0] for row in owners_of_replicas(api, name)} == {"one"}


@pytest.mark.parametrize(("replicas", "code"), [("x", 400), (True, 400), (-1, 422)])
def test_a_number_that_is_none(api: Api, name: str, replicas: Any, code: int) -> None:
    """Refused, and nothing changes."""
    assert apply_scale(api, name, replicas, "hpa", force=True).code == code
    assert api.get(f"{APPS}/{name}")["spec"]["replicas"] == 2
