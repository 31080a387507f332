"""What a webhook is told, and what its answer or the lack of one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gitrel.cluster.api.admission.webhooks.addresses import ANNOTATION
from gitrel.cluster.api.admission.webhooks.calls import Answer, Unreachable
from gitrel.kube.identity import Object
from tests.cluster.api.admission.webhooks import (
    Response,
    Webhook,
    cluster,
    config_map,
    configuration,
    hook,
    labelled,
)
from tests.cluster.harness import refusal


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


def test_warnings_and_notes_are_passed_on() -> None:
    """Proves that warnings reach who writes, and audit annotations bear the webhook's name."""
    webhook = Webhook(warn=lambda _: {"warnings": ["careful"], "auditAnnotations": {"k": "v"}})
    made = cluster(webhook, configuration(hook("warn")))
    told: list[str] = []
    notes: dict[str, str] = {}
    made.api.acting_as("me", warn=told.append, annotate=notes.__setitem__).create(config_map())
    assert told == ["careful"]
    assert notes == {"warn.example.com/k": "v"}


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
