"""Several webhooks and one write: who comes after whom, who sees what, and what happens meanwhile."""

from __future__ import annotations

from gitrel.cluster.cluster import Cluster
from gitrel.cluster.controllers.replicaset.controller import ReplicaSetController
from gitrel.cluster.spec import ClusterSpec
from gitrel.kube.identity import Object
from tests.cluster.api.admission.webhooks import (
    Response,
    Webhook,
    cluster,
    config_map,
    configuration,
    hook,
    labelled,
    patched,
)
from tests.cluster.harness import refusal


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
