"""Version, health, discovery and OpenAPI, as clients read them before they do anything else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.server.client import Api

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


def test_the_version_is_the_emulated_one(api: Api) -> None:
    """`kubectl version` prints it."""
    assert api.get("/version")["gitVersion"] == "v1.36.0"


def test_health_is_told_in_a_word_or_in_full(api: Api) -> None:
    """`ok`, or a line for each check."""
    for path in ("/healthz", "/livez", "/readyz", "/livez/ping"):
        assert api.call("GET", path).body == b"ok"
    assert b"[+]ping ok\n" in api.call("GET", "/readyz?verbose").body
    assert api.call("GET", "/readyz/nonsense").code == 404


def test_old_discovery_leads_to_every_resource(api: Api) -> None:
    """From /api and /apis to versions, and from there to resources with their verbs."""
    assert api.get("/api")["versions"] == ["v1"]
    versions = ["v1"]
    for group in api.get("/apis")["groups"]:
        assert api.get(f"/apis/{group['name']}")["preferredVersion"] == group["preferredVersion"]
        versions += [version["groupVersion"] for version in group["versions"]]
    assert "autoscaling/v1" in versions and "events.k8s.io/v1" in versions
    for version in versions:
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for resource in api.get(root)["resources"]:
            assert resource["verbs"], resource
            if "list" in resource["verbs"]:
                assert api.get(f"{root}/{resource['name']}")["apiVersion"] == version


def test_aggregated_discovery_says_the_same(api: Api) -> None:
    """One document for each root, with the content type that clients look for."""
    answer = api.call("GET", "/apis", headers={"Accept": AGGREGATED})
    assert answer.headers["content-type"] == AGGREGATED.split(",")[0]
    groups = {item["metadata"]["name"]: item["versions"] for item in answer.json["items"]}
    apps = {row["resource"]: row for row in groups["apps"][0]["resources"]}
    assert apps["deployments"]["shortNames"] == ["deploy"]
    assert {sub["subresource"] for sub in apps["deployments"]["subresources"]} == {"scale", "status"}
    assert [version["version"] for version in groups["autoscaling"]] == ["v2", "v1"]
    [core] = api.call("GET", "/api", headers={"Accept": AGGREGATED}).json["items"]
    assert "pods" in {row["resource"] for row in core["versions"][0]["resources"]}


def test_a_cache_is_told_that_nothing_changed(api: Api) -> None:
    """304 for the tag it has, without a content type that would replace the one it remembers."""
    first = api.call("GET", "/apis", headers={"Accept": AGGREGATED})
    headers = {"Accept": AGGREGATED, "If-None-Match": first.headers["etag"]}
    again = api.call("GET", "/apis", headers=headers)
    assert (again.code, again.body) == (304, b"")
    assert "content-type" not in again.headers


def refs(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(refs, value.values()))
    return set().union(*map(refs, value)) if isinstance(value, list) else set()


def test_openapi_v3_describes_what_is_served(api: Api) -> None:
    """Every version has a document that refers to nothing outside of it, and names its kinds."""
    paths = api.get("/openapi/v3")["paths"]
    assert "apis/apps/v1" in paths and "api/v1" in paths
    for place in ("apis/apps/v1", "api/v1", "apis/autoscaling/v1", "apis/batch/v1"):
        document = api.get(paths[place]["serverRelativeURL"])
        schemas = document["components"]["schemas"]
        assert {ref.rpartition("/")[2] for ref in refs(document)} <= set(schemas)
    document = api.get(paths["apis/apps/v1"]["serverRelativeURL"])
    item = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    assert item["get"]["x-kubernetes-group-version-kind"]["kind"] == "Deployment"
    asked = {parameter["name"] for parameter in item["patch"]["parameters"]}
    assert {"dryRun", "fieldValidation", "fieldManager", "force"} <= asked
    spec = document["components"]["schemas"]["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]
    assert spec["replicas"]["type"] == "integer"
    containers = document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"


def test_openapi_v2_is_one_document(api: Api) -> None:
    """Complete in itself, with every version; nothing else is given to those who take only that."""
    document = api.get("/openapi/v2")
    assert {ref.removeprefix("#/definitions/") for ref in refs(document)} <= set(document["definitions"])
    assert "/apis/autoscaling/v1/horizontalpodautoscalers" in document["paths"]
    assert api.call("GET", "/openapi/v2", headers={"Accept": "text/html"}).code == 406


@pytest.mark.parametrize("path", ["/openapi/v3/apis/none/v1", "/apis/none", "/apis/apps/v9", "/api/v2"])
def test_documents_that_are_not_there(api: Api, path: str) -> None:
    """404, as plain text outside of any API group."""
    answer = api.call("GET", path)
    assert (answer.code, answer.body) == (404, b"404 page not found\n")
