"""Webhooks that answer in process, and the configurations that name them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitrel.cluster.api.admission.webhooks.calls import Answer, Call, Unreachable
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.spec import ClusterSpec
from gitrel.kube.identity import Object

Response = Mapping[str, Any]


class Webhook:
    """Answers in process; `by_path` maps a URL's path to what is answered to a request."""

    def __init__(self, **by_path: Callable[[Object], Any]) -> None:
        self.by_path = by_path
        self.seen: list[tuple[str, Object]] = []
        self.batches: list[int] = []

    def call(self, calls: Sequence[Call]) -> Sequence[Answer | Unreachable]:
        self.batches.append(len(calls))
        return [self._answer(call) for call in calls]

    def _answer(self, call: Call) -> Answer | Unreachable:
        path = call.url.rpartition("/")[2].partition("?")[0]
        request = json.loads(call.body)["request"]
        self.seen.append((path, request))
        response = self.by_path[path](request)
        if isinstance(response, (Answer, Unreachable)):
            return response
        review = {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": {"uid": request["uid"], "allowed": True, **response},
        }
        return Answer(200, "application/json", json.dumps(review).encode())

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.seen]


def patched(*steps: Any) -> dict[str, Any]:
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(steps).encode()).decode()}


def labelled(name: str, value: str = "yes") -> Callable[[Object], Response]:
    """Sets a label where it is not set."""

    def answer(request: Object) -> Response:
        labels = request["object"]["metadata"].get("labels") or {}
        if name in labels:
            return {}
        return patched({"op": "add", "path": "/metadata/labels", "value": {**labels, name: value}})

    return answer


def hook(path: str, *resources: str, name: str = "", **more: Any) -> Object:
    rule = {
        "operations": ["*"],
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "resources": list(resources or ("configmaps",)),
    }
    return {
        "name": name or f"{path}.example.com",
        "clientConfig": {"url": f"https://hooks.example.com/{path}"},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }


def configuration(*hooks: Object, mutating: bool = False, name: str = "hooks") -> Object:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration" if mutating else "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": list(hooks),
    }


def config_map(name: str = "a", **more: Any) -> Object:
    metadata = {"name": name, "namespace": "default", **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}


def cluster(webhook: Webhook | None = None, *configurations: Object) -> Cluster:
    made = Cluster(ClusterSpec(nodes=()), controllers=lambda _: [], webhooks=webhook)
    for one in configurations:
        made.api.create(one)
    return made
