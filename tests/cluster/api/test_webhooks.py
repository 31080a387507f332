"""Webhooks in process: who is asked, what is sent, and what an answer or the lack of one does."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from gitrel.cluster.api.admission.webhooks.addresses import ANNOTATION
from gitrel.cluster.api.admission.webhooks.calls import Answer, Call, Unreachable
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.controllers.replicaset.controller import ReplicaSetController
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


def patched(*steps: Any) -> Response:
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


def refusal(act: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        act()
    return caught.value


def test_the_review_says_everything() -> None:
    """Proves every field of an AdmissionRequest, as a real API server fills it for an update."""
    webhook = Webhook(all=lambda _: {})
    made = cluster(webhook, configuration(hook("all")))
    api = made.api.acting_as("me")
    stored = api.create(config_map(data={"a": "1"}))
    api.update({**stored, "data": {"a": "2"}})
    request = webhook.seen[1][1]
    assert request["object"]["data"] == {"a": "2"}
    assert request["oldObject"]["data"] == {"a": "1"}
    uid = request.pop("uid")
    assert len(uid) == 36 and uid != webhook.seen[0][1]["uid"]
    kept = {key: value for key, value in request.items() if key not in ("object", "oldObject")}
    kind, resource = {"group": "", "version": "v1", "kind": "ConfigMap"}, "configmaps"
    assert kept == {
        "kind": kind,
        "resource": {"group": "", "version": "v1", "resource": resource},
        "requestKind": kind,
        "requestResource": {"group": "", "version": "v1", "resource": resource},
        "name": "a",
        "namespace": "default",
        "operation": "UPDATE",
        "userInfo": {"username": "system:admin", "groups": ["system:masters", "system:authenticated"]},
        "dryRun": False,
        "options": {"kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "me"},
    }
    made.api.delete("configmaps", "a", "default", grace_seconds=3)
    gone = webhook.seen[2][1]
    assert (gone["operation"], gone["object"], gone["oldObject"]["metadata"]["name"]) == ("DELETE", None, "a")
    assert gone["options"]["gracePeriodSeconds"] == 3
    assert webhook.seen[0][1]["object"]["metadata"]["uid"] == stored["metadata"]["uid"]


REFUSALS: Mapping[str, tuple[Response, tuple[int, str, str]]] = {
    "no word": ({}, (400, "", "denied the request without explanation")),
    "a message": (
        {"status": {"message": "no way", "code": 422, "reason": "Invalid"}},
        (422, "Invalid", "denied the request: no way"),
    ),
    "a reason": ({"status": {"reason": "because"}}, (400, "because", "denied the request: because")),
    "a code that is none": ({"status": {"code": 200, "message": "x"}}, (400, "", "denied the request: x")),
}


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize("mutating", [True, False])
def test_a_refusal_is_the_webhooks_own(case: str, mutating: bool) -> None:
    """Proves code, reason and words of a refusal; they are those of a real API server."""
    response, (code, reason, said) = REFUSALS[case]
    made = cluster(
        Webhook(no=lambda _: {"allowed": False, **response}), configuration(hook("no"), mutating=mutating)
    )
    error = refusal(lambda: made.api.create(config_map()))
    assert (error.code, error.reason) == (code, reason)
    assert error.message == f'admission webhook "no.example.com" {said}'
    assert made.reader.get("configmaps", "default", "a") is None


FAILURES: Mapping[str, tuple[Any, str]] = {
    "unreachable": (Unreachable('Post "x": boom'), 'failed to call webhook: Post "x": boom'),
    "a fault of its own": (
        Answer(500, "application/json", b"{}"),
        'failed to call webhook: an error on the server ("unknown") has prevented the request from '
        "succeeding",
    ),
    "nothing": (
        Answer(200, "text/x", b""),
        "failed to call webhook: 0-length response with status code: 200 and content type: text/x",
    ),
    "no response": (
        Answer(
            200,
            "application/json",
            b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}',
        ),
        "received invalid webhook response: webhook response was absent",
    ),
    "a patch of nothing": (
        {"patchType": "JSONPatch"},
        "received invalid webhook response: webhook returned response.patchType but not response.patch",
    ),
    "a patch of no type": (
        {"patch": "W10="},
        "received invalid webhook response: webhook returned response.patch but not response.patchType",
    ),
    "a patch of another type": (
        {"patch": "W10=", "patchType": "Merge"},
        'unsupported patch type "Merge"',
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_what_fails_follows_its_policy(case: str) -> None:
    """Proves that a failure is a 500 in Kubernetes' words, and nothing at all where it is to be ignored."""
    response, said = FAILURES[case]
    webhook = Webhook(bad=lambda _: response)
    made = cluster(webhook, configuration(hook("bad"), mutating=True))
    error = refusal(lambda: made.api.create(config_map()))
    told = f'failed calling webhook "bad.example.com": {said}'
    assert (error.code, error.reason) == (500, "InternalError")
    assert error.message == f"Internal error occurred: {told}"
    assert error.details == {"causes": [{"message": told}]}
    lenient = cluster(webhook, configuration(hook("bad", failurePolicy="Ignore"), mutating=True))
    assert lenient.api.create(config_map())["metadata"]["name"] == "a"


def test_another_uid_is_another_answer() -> None:
    """Proves that the answer has to be to this very question."""
    made = cluster(Webhook(bad=lambda _: {"uid": "x"}), configuration(hook("bad")))
    assert refusal(lambda: made.api.create(config_map())).message.endswith(', got "x"')


def test_without_a_caller_the_policy_decides_and_says_so() -> None:
    """Proves that a cluster in process asks nobody by itself, and tells both ways of it."""
    made = cluster(None, configuration(hook("any")))
    assert "this cluster calls no webhooks" in refusal(lambda: made.api.create(config_map())).message
    told: list[str] = []
    made = cluster(None, configuration(hook("any", failurePolicy="Ignore")))
    made.api.acting_as("me", warn=told.append).create(config_map())
    assert len(told) == 1 and "this cluster calls no webhooks" in told[0]


def test_patches_are_taken_in_like_what_a_stranger_sent() -> None:
    """Proves that a patch is decoded, defaulted and validated, and that nonsense is refused."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "app", "image": "x"}]},
            },
        },
    }
    extra = {"name": "proxy", "image": "proxy:1"}
    step = {"op": "add", "path": "/spec/template/spec/containers/-", "value": extra}
    webhook = Webhook(
        inject=lambda _: patched(step, {"op": "add", "path": "/unknown", "value": 1}),
        negative=lambda _: patched({"op": "replace", "path": "/spec/replicas", "value": -1}),
        text=lambda _: patched({"op": "replace", "path": "/spec/replicas", "value": "x"}),
        nowhere=lambda _: patched({"op": "replace", "path": "/nope/x", "value": 1}),
    )

    def created(path: str) -> Object:
        made = cluster(webhook, configuration(hook(path, "deployments"), mutating=True))
        return made.api.create(deployment)

    new = created("inject")["spec"]["template"]["spec"]["containers"][1]
    assert (new["image"], new["terminationMessagePath"]) == ("proxy:1", "/dev/termination-log")
    assert "unknown" not in created("inject")
    assert refusal(lambda: created("negative")).code == 422
    assert refusal(lambda: created("text")).code == 500
    assert refusal(lambda: created("nowhere")).code == 500


def test_mutating_webhooks_see_each_other_and_are_asked_again() -> None:
    """Proves the order by name, and that only who asked for it is asked again after a later change."""
    webhook = Webhook(
        first=labelled("first"), second=labelled("second"), third=labelled("third"), look=lambda _: {}
    )
    made = cluster(
        webhook,
        configuration(hook("second"), hook("third", reinvocationPolicy="IfNeeded"), mutating=True, name="b"),
        configuration(hook("first", reinvocationPolicy="IfNeeded"), mutating=True, name="a"),
        configuration(hook("look"), name="c"),
    )
    new = made.api.create(config_map())
    assert new["metadata"]["labels"] == {"first": "yes", "second": "yes", "third": "yes"}
    assert webhook.paths == ["first", "second", "third", "first", "look"]
    assert webhook.seen[-1][1]["object"]["metadata"]["labels"] == new["metadata"]["labels"]


def test_validating_webhooks_are_asked_at_once() -> None:
    """Proves one batch of calls, and that the first refusal in order is what is told."""
    webhook = Webhook(
        fine=lambda _: {},
        no=lambda _: {"allowed": False},
        never=lambda _: {"allowed": False},
    )
    made = cluster(webhook, configuration(hook("fine"), hook("no"), hook("never")))
    assert '"no.example.com"' in refusal(lambda: made.api.create(config_map())).message
    assert webhook.batches == [3]


def test_warnings_and_notes_are_passed_on() -> None:
    """Proves that warnings reach who writes, and audit annotations bear the webhook's name."""
    webhook = Webhook(warn=lambda _: {"warnings": ["careful"], "auditAnnotations": {"k": "v"}})
    made = cluster(webhook, configuration(hook("warn")))
    told: list[str] = []
    notes: dict[str, str] = {}
    made.api.acting_as("me", warn=told.append, annotate=notes.__setitem__).create(config_map())
    assert told == ["careful"]
    assert notes == {"warn.example.com/k": "v"}


MATCHES: Mapping[str, tuple[Object, bool]] = {
    "another resource": ({"rules": [{"operations": ["*"], "resources": ["secrets"]}]}, False),
    "another operation": ({"rules": [{"operations": ["DELETE"], "resources": ["*"]}]}, False),
    "any resource": ({"rules": [{"operations": ["CREATE"], "resources": ["*"]}]}, True),
    "any subresource": ({"rules": [{"operations": ["CREATE"], "resources": ["*/*"]}]}, True),
    "only subresources": ({"rules": [{"operations": ["CREATE"], "resources": ["configmaps/status"]}]}, False),
    "another group": (
        {"rules": [{"operations": ["*"], "apiGroups": ["apps"], "resources": ["*"]}]},
        False,
    ),
    "another version": (
        {"rules": [{"operations": ["*"], "apiVersions": ["v2"], "resources": ["*"]}]},
        False,
    ),
    "namespaced": ({"rules": [{"operations": ["*"], "resources": ["*"], "scope": "Namespaced"}]}, True),
    "clustered": ({"rules": [{"operations": ["*"], "resources": ["*"], "scope": "Cluster"}]}, False),
    "its labels": ({"objectSelector": {"matchLabels": {"a": "b"}}}, True),
    "other labels": ({"objectSelector": {"matchLabels": {"a": "c"}}}, False),
    "the namespace": (
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}},
        True,
    ),
    "another namespace": (
        {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}},
        False,
    ),
    "a condition": (
        {"matchConditions": [{"name": "c", "expression": "object.metadata.name == 'a'"}]},
        True,
    ),
    "a condition that does not hold": (
        {"matchConditions": [{"name": "c", "expression": "request.userInfo.username != 'system:admin'"}]},
        False,
    ),
    "one that is wrong beside one that is false": (
        {
            "matchConditions": [
                {"name": "c", "expression": "object.foo.bar == 1"},
                {"name": "d", "expression": "oldObject != null"},
            ]
        },
        False,
    ),
    "a right": (
        {
            "matchConditions": [
                {"name": "c", "expression": "authorizer.group('').resource('pods').check('get').allowed()"}
            ]
        },
        True,
    ),
}


@pytest.mark.parametrize("case", MATCHES)
def test_who_is_asked(case: str) -> None:
    """Proves each way in which a webhook says what it is for."""
    more, asked = MATCHES[case]
    for rule in more.get("rules", ()):
        for key in ("apiGroups", "apiVersions"):
            rule.setdefault(key, ["*"])
    webhook = Webhook(any=lambda _: {})
    made = cluster(webhook, configuration(hook("any", **more)))
    made.api.create(config_map(metadata={"labels": {"a": "b"}}))
    assert bool(webhook.seen) == asked


def test_a_condition_that_cannot_be_evaluated_follows_the_policy() -> None:
    """Proves 403 in Kubernetes' words, and that the webhook is passed over where failures are ignored."""
    wrong = [{"name": "c", "expression": "object.foo.bar == 1"}]
    made = cluster(Webhook(any=lambda _: {}), configuration(hook("any", matchConditions=wrong)))
    error = refusal(lambda: made.api.create(config_map()))
    says = "expression 'object.foo.bar == 1' resulted in error: no such key: foo"
    assert (error.code, error.message) == (403, f'configmaps "a" is forbidden: {says}')
    webhook = Webhook(any=lambda _: {})
    lenient = hook("any", matchConditions=wrong, failurePolicy="Ignore")
    cluster(webhook, configuration(lenient)).api.create(config_map())
    assert not webhook.seen


def test_equivalent_versions_are_asked_about_in_the_version_of_the_rule() -> None:
    """Proves matchPolicy: Equivalent converts, Exact does not match."""
    scaler = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
            "maxReplicas": 2,
            "targetCPUUtilizationPercentage": 50,
        },
    }
    rules = [
        {
            "operations": ["*"],
            "apiGroups": ["autoscaling"],
            "apiVersions": ["v2"],
            "resources": ["horizontalpodautoscalers"],
        }
    ]
    webhook = Webhook(any=lambda _: {})
    made = cluster(webhook, configuration(hook("any", rules=rules)))
    made.api.create(scaler)
    request = webhook.seen[0][1]
    assert request["object"]["spec"]["metrics"][0]["resource"]["name"] == "cpu"
    assert (request["kind"]["version"], request["requestKind"]["version"]) == ("v2", "v1")
    exact = cluster(webhook, configuration(hook("any", rules=rules, matchPolicy="Exact")))
    exact.api.create(scaler)
    assert len(webhook.seen) == 1


def test_configurations_themselves_are_never_asked_about() -> None:
    """Proves that a webhook that refuses everything can be taken away again."""
    made = cluster(Webhook(no=lambda _: {"allowed": False}), configuration(hook("no", "*/*"), mutating=True))
    made.api.delete("mutatingwebhookconfigurations.admissionregistration.k8s.io", "hooks")
    made.api.create(config_map())


def test_controllers_are_asked_about_too() -> None:
    """Proves that pods made by a ReplicaSet pass webhooks, and that a refusal stops it as in Kubernetes."""
    webhook = Webhook(side=labelled("side"), no=lambda _: {"allowed": False})
    made = Cluster(ClusterSpec(nodes=()), controllers=lambda _: [ReplicaSetController()], webhooks=webhook)
    made.api.create(configuration(hook("side", "pods"), mutating=True))
    replicas = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "x"}]},
            },
        },
    }
    made.api.create(replicas)
    made.settle()
    pods = made.reader.list("pods", "default")
    assert [pod["metadata"]["labels"] for pod in pods] == [{"app": "web", "side": "yes"}] * 2
    who = webhook.seen[0][1]["userInfo"]["username"]
    assert who == "system:serviceaccount:kube-system:replicaset-controller"
    made.api.create(configuration(hook("no", "pods")))
    made.api.create({**replicas, "metadata": {"name": "late", "namespace": "default"}})
    made.settle()
    conditions = made.api.get("replicasets.apps", "late", "default")["status"]["conditions"]
    assert (conditions[0]["type"], conditions[0]["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert 'admission webhook "no.example.com" denied the request' in conditions[0]["message"]


def test_a_write_that_was_overtaken_is_refused() -> None:
    """Proves that nothing is lost when the object changes while a webhook thinks."""
    made: Cluster

    def meddling(request: Object) -> Response:
        if request["operation"] == "UPDATE" and request["userInfo"]["username"] == "system:admin":
            live = made.store.get("configmaps", "default", "a")
            assert live
            made.store.put("configmaps", {**live, "data": {"other": "1"}})
        return {}

    made = cluster(Webhook(slow=meddling), configuration(hook("slow")))
    old = made.api.create(config_map())
    error = refusal(lambda: made.api.update({**old, "data": {"mine": "1"}}))
    assert (error.code, error.reason) == (409, "Conflict")
    assert made.api.get("configmaps", "a", "default")["data"] == {"other": "1"}


def test_services_lead_to_this_machine_only() -> None:
    """Proves the ways from a Service to an address, and what is said where there is none."""
    webhook = Webhook(any=lambda _: {})
    service = {"name": "hook", "namespace": "default", "path": "/any"}
    made = cluster(webhook, configuration(hook("any", clientConfig={"service": service})))
    url = "https://hook.default.svc:443/any?timeout=10s"

    def said() -> str:
        return refusal(lambda: made.api.create(config_map())).message.partition(f'Post "{url}": ')[2]

    assert said() == 'service "hook" not found'
    ports = [{"port": 443, "targetPort": 9443}]
    made.api.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "hook", "namespace": "default"},
            "spec": {"ports": ports, "clusterIP": "10.96.0.77"},
        }
    )
    assert said() == 'no endpoints available for service "hook"'

    def endpoints(address: str) -> Object:
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"hook-{address.replace('.', '-')}",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "hook"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address]}],
            "ports": [{"name": "", "port": 9443}],
        }

    made.api.create(endpoints("10.0.0.7"))
    assert said() == "dial tcp 10.96.0.77:443: connect: connection refused"
    note = {"metadata": {"annotations": {ANNOTATION: "10.0.0.7:9443"}}}
    made.api.patch("services", "hook", note, "default")
    assert said().startswith(f"annotation {ANNOTATION} has to name an address of this machine")
    note["metadata"]["annotations"][ANNOTATION] = "127.0.0.1:9443"
    made.api.patch("services", "hook", note, "default")
    made.api.create(config_map())


def test_the_same_seed_asks_the_same_questions() -> None:
    """Proves that a cluster with webhooks stays reproducible, uids of reviews included."""

    def asked() -> list[Any]:
        webhook = Webhook(any=labelled("x"))
        made = cluster(webhook, configuration(hook("any"), mutating=True))
        made.api.create(config_map(metadata={"name": "", "generateName": "a-"}))
        return webhook.seen

    assert asked() == asked()
