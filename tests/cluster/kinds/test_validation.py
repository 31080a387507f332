"""What is refused, in Kubernetes' own words: people search for these sentences."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.api.errors import ApiError
from tests.cluster.harness import cluster, container, deployment, pod
from tests.cluster.kinds.tables import on


def of(kind: str, api_version: str = "v1", **more: Any) -> Any:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "default"},
        **more,
    }


JOB = of(
    "Job", "batch/v1", spec={"template": {"spec": {"restartPolicy": "Never", "containers": [container()]}}}
)
SERVICE = of("Service", spec={"selector": {"app": "x"}, "ports": [{"port": 80}]})
INGRESS = of(
    "Ingress",
    "networking.k8s.io/v1",
    spec={
        "rules": [
            {
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "web", "port": {"number": 80}}},
                        }
                    ]
                }
            }
        ]
    },
)
SCALER = of(
    "HorizontalPodAutoscaler",
    "autoscaling/v2",
    spec={"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}},
)

CASES: dict[str, tuple[Any, str]] = {
    "a deployment without a selector": (
        on(deployment("x"), ("spec.selector", None)),
        'Deployment.apps "x" is invalid: [spec.selector: Required value, '
        'spec.template.metadata.labels: Invalid value: {"app":"x"}: '
        "`selector` does not match template `labels`]",
    ),
    "an empty selector": (
        on(deployment("x"), ("spec.selector", {})),
        'Deployment.apps "x" is invalid: spec.selector: Invalid value: {}: '
        "empty selector is invalid for deployment",
    ),
    "a selector that misses the template": (
        on(deployment("x"), ("spec.selector", {"matchLabels": {"app": "y"}})),
        'Deployment.apps "x" is invalid: spec.template.metadata.labels: Invalid value: {"app":"x"}: '
        "`selector` does not match template `labels`",
    ),
    "negative replicas": (
        deployment("x", -1),
        'Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1: '
        "must be greater than or equal to 0",
    ),
    "pods of a deployment that may end": (
        on(deployment("x"), ("spec.template.spec.restartPolicy", "Never")),
        'Deployment.apps "x" is invalid: spec.template.spec.restartPolicy: Unsupported value: "Never": '
        'supported values: "Always"',
    ),
    "recreate with rolling parameters": (
        deployment("x", strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
        'Deployment.apps "x" is invalid: spec.strategy.rollingUpdate: Forbidden: '
        "may not be specified when strategy `type` is 'Recreate'",
    ),
    "a rollout that may not move": (
        deployment("x", strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
        'Deployment.apps "x" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: '
        "may not be 0 when `maxSurge` is 0",
    ),
    "a deadline before readiness counts": (
        deployment("x", progressDeadlineSeconds=10, minReadySeconds=10),
        'Deployment.apps "x" is invalid: spec.progressDeadlineSeconds: Invalid value: 10: '
        "must be greater than minReadySeconds",
    ),
    "two things wrong at once": (
        on(deployment("x", -1), ("spec.selector", None)),
        'Deployment.apps "x" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal '
        'to 0, spec.selector: Required value, spec.template.metadata.labels: Invalid value: {"app":"x"}: '
        "`selector` does not match template `labels`]",
    ),
    "a pod without containers": (
        on(pod("x"), ("spec.containers", [])),
        'Pod "x" is invalid: spec.containers: Required value',
    ),
    "a container without a name": (
        on(pod("x"), ("spec.containers", [{"image": "a"}])),
        'Pod "x" is invalid: spec.containers[0].name: Required value',
    ),
    "a container without an image": (
        on(pod("x"), ("spec.containers", [{"name": "a"}])),
        'Pod "x" is invalid: spec.containers[0].image: Required value',
    ),
    "two containers of one name": (
        on(pod("x"), ("spec.containers", [container(), container()])),
        'Pod "x" is invalid: spec.containers[1].name: Duplicate value: "app"',
    ),
    "a mount of no volume": (
        on(pod("x"), ("spec.containers", [container(volumeMounts=[{"name": "data", "mountPath": "/d"}])])),
        'Pod "x" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "data"',
    ),
    "a request above its limit": (
        on(
            pod("x"),
            (
                "spec.containers",
                [container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})],
            ),
        ),
        'Pod "x" is invalid: spec.containers[0].resources.requests: Invalid value: "2": '
        "must be less than or equal to cpu limit of 1",
    ),
    "a probe without a handler": (
        on(pod("x"), ("spec.containers", [container(readinessProbe={"periodSeconds": 5})])),
        'Pod "x" is invalid: spec.containers[0].readinessProbe: Required value: must specify a handler type',
    ),
    "a liveness probe with two successes": (
        on(
            pod("x"),
            (
                "spec.containers",
                [container(livenessProbe={"tcpSocket": {"port": 80}, "successThreshold": 2})],
            ),
        ),
        'Pod "x" is invalid: spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ),
    "a job that restarts always": (
        on(JOB, ("spec.template.spec.restartPolicy", "Always")),
        'Job.batch "x" is invalid: spec.template.spec.restartPolicy: Required value: '
        'valid values: "OnFailure", "Never"',
    ),
    "a service without ports": (
        on(SERVICE, ("spec.ports", None)),
        'Service "x" is invalid: spec.ports: Required value',
    ),
    "two unnamed ports": (
        on(SERVICE, ("spec.ports", [{"port": 80, "name": "a"}, {"port": 81}])),
        'Service "x" is invalid: spec.ports[1].name: Required value',
    ),
    "a node port out of range": (
        on(SERVICE, ("spec.type", "NodePort"), ("spec.ports", [{"port": 80, "nodePort": 80}])),
        'Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the '
        "valid range. The range of valid ports is 30000-32767",
    ),
    "an address that is taken": (
        on(SERVICE, ("spec.clusterIP", "10.96.0.1")),
        'Service "x" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.1"]: '
        "failed to allocate IP 10.96.0.1: provided IP is already allocated",
    ),
    "an external name that is missing": (
        on(SERVICE, ("spec.type", "ExternalName"), ("spec.ports", None)),
        'Service "x" is invalid: spec.externalName: Required value',
    ),
    "an ingress without rules": (
        on(INGRESS, ("spec", {"ingressClassName": "nginx"})),
        'Ingress.networking.k8s.io "x" is invalid: spec: Invalid value: null: '
        "either `defaultBackend` or `rules` must be specified",
    ),
    "an autoscaler upside down": (
        on(SCALER, ("spec.minReplicas", 5)),
        'HorizontalPodAutoscaler.autoscaling "x" is invalid: spec.maxReplicas: Invalid value: 3: '
        "must be greater than or equal to `minReplicas`",
    ),
    "a bad key": (
        of("ConfigMap", data={"a b": "1"}),
        'ConfigMap "x" is invalid: data[a b]: Invalid value: "a b": a valid config key must consist of '
        "alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex "
        "used for validation is '[-._a-zA-Z0-9]+')",
    ),
    "a certificate without its key": (
        of("Secret", type="kubernetes.io/tls", data={"tls.crt": "YQ=="}),
        'Secret "x" is invalid: data[tls.key]: Required value',
    ),
    "a label that is no label": (
        on(of("ConfigMap"), ("metadata.labels", {"app": "a b"})),
        'ConfigMap "x" is invalid: metadata.labels: Invalid value: "a b": a valid label must be an empty '
        "string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ),
    "no name at all": (
        on(of("ConfigMap"), ("metadata.name", None)),
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_in_kubernetes_words(case: str) -> None:
    """Each bad object is refused with 422 and exactly this sentence, and nothing is stored."""
    obj, message = CASES[case]
    c = cluster()
    before = c.revision
    with pytest.raises(ApiError) as refused:
        c.api.create(obj)
    assert refused.value.message == message
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")
    assert refused.value.details["causes"]
    assert c.revision == before


@pytest.mark.parametrize(
    "obj", [deployment("x"), pod("x"), JOB, SERVICE, INGRESS, SCALER], ids=lambda obj: obj["kind"]
)
def test_what_is_fine_is_taken(obj: Any) -> None:
    """The objects that the bad ones were made from are accepted."""
    c = cluster()
    assert c.api.create(obj)["metadata"]["uid"]


IMMUTABLE: dict[str, tuple[Any, tuple[str, Any], str]] = {
    "a deployment's selector": (
        deployment("x"),
        ("spec.selector", {"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
        'Deployment.apps "x" is invalid: spec.selector: Invalid value: '
        '{"matchExpressions":[{"key":"app","operator":"Exists"}]}: field is immutable',
    ),
    "a service's address": (
        SERVICE,
        ("spec.clusterIP", "10.96.0.77"),
        'Service "x" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.0.77"]: may not change once set',
    ),
    "a secret's type": (
        of("Secret"),
        ("type", "example.org/x"),
        'Secret "x" is invalid: type: Invalid value: "example.org/x": field is immutable',
    ),
    "an immutable config map": (
        of("ConfigMap", data={"a": "1"}, immutable=True),
        ("data.a", "2"),
        'ConfigMap "x" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    ),
}


@pytest.mark.parametrize("case", IMMUTABLE)
def test_what_may_not_change_does_not(case: str) -> None:
    """An update of an immutable field is refused; the stored object stays."""
    obj, change, message = IMMUTABLE[case]
    c = cluster()
    stored = c.api.create(obj)
    with pytest.raises(ApiError) as refused:
        c.api.update(on(stored, change))
    assert refused.value.message == message
    assert c.reader.get(c.api.resource_of(obj), "default", "x") is stored


def test_a_secret_never_shows_its_value() -> None:
    """A message about broken secret data says where it ends to be any, and hides the value."""
    c = cluster()
    with pytest.raises(ApiError) as refused:
        c.api.create(of("Secret", data={"password": "not base64!"}))
    assert "illegal base64 data at input byte 3" in refused.value.message
    assert "not base64" not in refused.value.message
