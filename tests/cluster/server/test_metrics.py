"""What the server says of itself under /metrics, and what it answers for whom it cannot reach."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.server.client import Api

PODS = "/api/v1/namespaces/default/pods"


def measured(api: Api, name: str, **labels: str) -> float:
    text = api.call("GET", "/metrics").body.decode()
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found)


def test_requests_are_counted_by_what_they_were_about(api: Api) -> None:
    """A get that finds nothing counts once, as a 404 of that resource, and its time is in the histogram."""
    labels = {"verb": "GET", "resource": "pods", "version": "v1", "scope": "resource"}
    before = measured(api, "apiserver_request_total", code="404", **labels)
    api.call("GET", f"{PODS}/absent")
    assert measured(api, "apiserver_request_total", code="404", **labels) == before + 1
    assert measured(api, "apiserver_request_duration_seconds_count", **labels) >= 1


def test_a_watch_is_shown_while_it_lasts(api: Api) -> None:
    """An open watch stands among the long-running requests."""
    labels = {"verb": "WATCH", "resource": "pods"}
    with api.watch(f"{PODS}?watch=1&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=30"):
        assert measured(api, "apiserver_longrunning_requests", **labels) == 1


def test_what_is_stored_is_counted(api: Api) -> None:
    """A ConfigMap more is one more."""
    before = measured(api, "apiserver_storage_objects", resource="configmaps")
    api.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "counted"}})
    assert measured(api, "apiserver_storage_objects", resource="configmaps") == before + 1


@pytest.fixture(scope="module")
def web(api: Api) -> None:
    container = {"name": "main", "image": "nginx", "ports": [{"containerPort": 8080}]}
    metadata = {"name": "web", "labels": {"app": "web"}}
    api.post(PODS, {"metadata": metadata, "spec": {"containers": [container]}})
    for name, app in (("web", "web"), ("empty", "nothing")):
        spec = {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]}
        api.post("/api/v1/namespaces/default/services", {"metadata": {"name": name}, "spec": spec})


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("/api/v1/namespaces/default/pods/web/proxy/index.html", 503, ":8080: connect: connection refused"),
        ("/api/v1/namespaces/default/pods/https:web:9/proxy", 503, ":9: connect: connection refused"),
        ("/api/v1/namespaces/default/pods/absent/proxy/", 404, 'pods "absent" not found'),
        ("/api/v1/namespaces/default/services/web/proxy/a/b/c", 503, ":8080: connect: connection refused"),
        (
            "/api/v1/namespaces/default/services/empty/proxy/",
            503,
            'no endpoints available for service "empty"',
        ),
        ("/api/v1/namespaces/default/services/web:no/proxy/", 503, 'no service port "no" found'),
        ("/api/v1/nodes/absent/proxy/metrics", 404, 'nodes "absent" not found'),
    ],
)
def test_a_proxy_says_whom_it_cannot_reach(api: Api, web: Any, path: str, code: int, says: str) -> None:
    """As an API server words it whose dial is refused, with the address it dialled."""
    answer = api.call("GET", path)
    assert answer.code == code
    assert says in answer.json["message"]


def test_proxies_are_offered(api: Api) -> None:
    """Discovery names the proxy subresources with their verbs."""
    rows = {row["name"]: row for row in api.get("/api/v1")["resources"]}
    for name in ("pods/proxy", "services/proxy", "nodes/proxy"):
        assert rows[name]["verbs"] == ["create", "delete", "get", "patch", "update"]
