"""Webhooks over HTTPS: real calls to a real server, while others are served."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gitrel.cluster.server.serving import Serving
from gitrel.kube.identity import Object
from tests.cluster.api.admission.webhooks import patched
from tests.cluster.server.client import CONFIG_MAPS, PODS, Answer, Api, config_map, pod
from tests.cluster.server.hooks import Hooks, running
from tests.waiting import PATIENCE_SECONDS

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hooks]:
    with running(tmp_path_factory.mktemp("hooks")) as made:
        yield made


@pytest.fixture
def configured(api: Api) -> Iterator[Callable[..., None]]:
    """Adds a webhook; all are taken away at the end."""
    made: list[str] = []

    def configure(
        client: Object, resource: str = "configmaps", *, sort: str = "validating", **more: Any
    ) -> None:
        rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": [resource]}
        hook = {
            "name": "hook.example.com",
            "clientConfig": client,
            "rules": [rule],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            **more,
        }
        name = f"hooks-{len(made)}"
        path = CONFIGURATIONS.format(sort)
        api.post(path, {"metadata": {"name": name}, "webhooks": [hook]})
        made.append(f"{path}/{name}")

    yield configure
    for path in made:
        api.call("DELETE", path)


def runs(answer: Answer) -> bool:
    return bool(answer.json.get("status", {}).get("phase") == "Running")


def test_a_webhook_changes_refuses_and_warns(api: Api, hooks: Hooks, configured: Callable[..., None]) -> None:
    """Proves the whole way there and back: TLS by the bundle, the patch, the refusal, the warning."""

    def change(request: Object) -> Object:
        if request["operation"] != "CREATE":
            return {}
        return patched({"op": "add", "path": "/data/added", "value": "yes"})

    def judge(request: Object) -> Object:
        if (request["object"] or {}).get("data", {}).get("bad"):
            return {"allowed": False, "status": {"message": "no bad things", "code": 403}}
        return {"warnings": ["careful", "careful"]}

    configured(hooks.at("/change", change), sort="mutating")
    configured(hooks.at("/judge", judge))
    answer = api.call("POST", CONFIG_MAPS, config_map("hooked", own="1"))
    assert answer.json["data"] == {"own": "1", "added": "yes"}
    assert answer.warnings == ('299 - "careful"',)
    refused = api.call("POST", CONFIG_MAPS, config_map("bad", bad="1"))
    assert refused.json["message"] == 'admission webhook "hook.example.com" denied the request: no bad things'
    assert refused.code == 403


def test_a_webhook_may_ask_the_server_that_asks_it(
    api: Api, server: Serving, directory: Path, hooks: Hooks, configured: Callable[..., None]
) -> None:
    """Proves that others are served while a webhook thinks, itself among them, also about pods."""

    def asking(request: Object) -> Object:
        with Api(directory / "kubeconfig") as other:
            found = other.get("/api/v1/namespaces/kube-system")
        return {"allowed": found["metadata"]["name"] == "kube-system"}

    configured(hooks.at("/asking", asking), "pods")
    api.post(PODS, pod("asked"))
    api.until(f"{PODS}/asked", runs)


def test_what_is_overtaken_is_tried_again(
    api: Api, directory: Path, hooks: Hooks, configured: Callable[..., None]
) -> None:
    """Proves that two patches of one object, both slow to be admitted, are both kept."""
    api.post(CONFIG_MAPS, config_map("shared"))
    together, updates = threading.Barrier(2), itertools.count()

    def slow(request: Object) -> Object:
        if request["operation"] == "UPDATE" and next(updates) < 2:
            together.wait(PATIENCE_SECONDS)  # neither is admitted before both have been asked about
        return {}

    configured(hooks.at("/slow", slow), timeoutSeconds=30)

    def write(key: str) -> int:
        merge = {"Content-Type": "application/merge-patch+json"}
        with Api(directory / "kubeconfig") as mine:
            return mine.call("PATCH", f"{CONFIG_MAPS}/shared", {"data": {key: "1"}}, merge).code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(write, ("a", "b"))) == [200, 200]
    assert api.get(f"{CONFIG_MAPS}/shared")["data"] == {"a": "1", "b": "1"}
    assert next(updates) == 3  # two, and the one that was overtaken once more


WRONG = {
    "refused": (
        {"url": "https://127.0.0.1:1/x"},
        'Post "https://127.0.0.1:1/x?timeout=1s": dial tcp 127.0.0.1:1: connect: connection refused',
    ),
    "no name": (
        {"url": "https://nowhere.invalid/x"},
        'Post "https://nowhere.invalid/x?timeout=1s": dial tcp: lookup nowhere.invalid: no such host',
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_why_a_webhook_cannot_be_called(case: str, api: Api, configured: Callable[..., None]) -> None:
    """Proves that people find the words that they would look for."""
    client, said = WRONG[case]
    configured(client, timeoutSeconds=1)
    told = api.call("POST", CONFIG_MAPS, config_map("never")).json["message"]
    prefix = 'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: '
    assert told == prefix + said


def test_trust_has_limits(api: Api, hooks: Hooks, configured: Callable[..., None]) -> None:
    """Proves that an unknown authority is not believed."""
    client = hooks.at("/late", lambda _: {})
    configured({"url": client["url"]}, timeoutSeconds=1, failurePolicy="Fail")
    told = api.call("POST", CONFIG_MAPS, config_map("never")).json["message"]
    assert told.endswith("tls: failed to verify certificate: x509: certificate signed by unknown authority")


def test_a_late_answer_is_none(api: Api, hooks: Hooks, configured: Callable[..., None]) -> None:
    """Proves that nobody waits for a webhook beyond its timeout: this one thinks until all is over."""
    over = threading.Event()

    def late(_: Object) -> Object:
        over.wait(PATIENCE_SECONDS)
        return {}

    configured(hooks.at("/late", late), timeoutSeconds=1)
    try:
        told = api.call("POST", CONFIG_MAPS, config_map("never")).json["message"]
    finally:
        over.set()
    assert "?timeout=1s" in told and told.endswith("context deadline exceeded")


def test_a_service_with_an_endpoint_of_this_machine(
    api: Api, hooks: Hooks, configured: Callable[..., None]
) -> None:
    """Proves that the name of the Service is what the certificate has to bear, wherever it leads."""
    metadata = {"name": "hook"}
    api.post(
        "/api/v1/namespaces/default/services", {"metadata": metadata, "spec": {"ports": [{"port": 443}]}}
    )
    api.post(
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        {
            "metadata": {"name": "hook-here", "labels": {"kubernetes.io/service-name": "hook"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["127.0.0.1"]}],
            "ports": [{"name": "", "port": hooks.port}],
        },
    )
    hooks.answers["/service"] = lambda _: {"allowed": False}
    service = {"name": "hook", "namespace": "default", "path": "/service"}
    configured({"service": service, "caBundle": hooks.bundle})
    told = api.call("POST", CONFIG_MAPS, config_map("never")).json["message"]
    assert told == 'admission webhook "hook.example.com" denied the request without explanation'


def test_scales_evictions_and_bindings_are_shown_as_what_they_are(
    api: Api, hooks: Hooks, configured: Callable[..., None]
) -> None:
    """Proves the kinds and operations under which subresources pass webhooks."""
    seen: list[tuple[str, str, str]] = []

    def note(request: Object) -> Object:
        kind = (request["object"] or {}).get("kind", "")
        seen.append((request["operation"], request.get("subResource", ""), kind))
        return {}

    configured(hooks.at("/note", note), "*/*")
    api.post(PODS, pod("part"))
    api.until(f"{PODS}/part", runs)
    api.post(f"{PODS}/part/eviction", {"metadata": {"name": "part"}})
    labels = {"app": "scaled"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    api.post(deployments, {"metadata": {"name": "scaled"}, "spec": spec})
    merge = {"Content-Type": "application/merge-patch+json"}
    assert api.call("PATCH", f"{deployments}/scaled/scale", {"spec": {"replicas": 1}}, merge).code == 200
    assert {
        ("CREATE", "binding", "Binding"),
        ("CREATE", "eviction", "Eviction"),
        ("UPDATE", "scale", "Scale"),
        ("UPDATE", "status", "Pod"),
    } <= set(seen)
