"""Whether a webhook is asked at all: rules, selectors, conditions and versions; never about itself."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gitrel.kube.identity import Object
from tests.cluster.api.admission.webhooks import Webhook, cluster, config_map, configuration, hook
from tests.cluster.harness import refusal

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
    if "rules" in more:
        any_kind = {"apiGroups": ["*"], "apiVersions": ["*"]}
        more = {**more, "rules": [{**any_kind, **rule} for rule in more["rules"]]}
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
