"""What the server fills in, and what it decides itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitrel.cluster.api.quantity import canonical
from gitrel.cluster.kinds.podspec import pull_policy
from gitrel.cluster.kinds.qos import qos_class
from gitrel.cluster.kinds.registry import BUILTIN
from gitrel.kube import quantities
from tests.cluster.harness import cluster, container, deployment, get, pod


def test_a_deployment_is_completed_as_kubernetes_does() -> None:
    """The defaults of apps/v1, down to the container."""
    c = cluster()
    spec = c.api.create(deployment("web"))["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    template = spec["template"]["spec"]
    assert (template["restartPolicy"], template["dnsPolicy"]) == ("Always", "ClusterFirst")
    assert template["terminationGracePeriodSeconds"] == 30
    assert template["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def test_a_pod_is_admitted() -> None:
    """A new pod is Pending, has an account, a class of service, and tolerates a failing node for five
    minutes.
    """
    c = cluster()
    made = c.api.create(pod("x"))
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert made["spec"]["serviceAccountName"] == "default"
    assert [t["tolerationSeconds"] for t in made["spec"]["tolerations"]] == [300, 300]
    assert made["metadata"]["generation"] == 1


def test_defaults_are_stable() -> None:
    """Completing a stored object again changes nothing, for every kind that can be created here."""
    c = cluster()
    c.api.create(deployment("web"))
    c.api.create(pod("x"))
    seen = set()
    for kind in BUILTIN:
        for obj in c.reader.list(kind.resource):
            assert kind.default(obj) == obj
            seen.add(kind.kind)
    assert {"Deployment", "Pod", "Namespace"} <= seen


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
    ],
)
def test_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    """A port is no tag, a digest never changes."""
    assert pull_policy(image) == policy


@pytest.mark.parametrize(
    ("resources", "wanted"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
        (
            {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1Gi"}},
            "Guaranteed",
        ),
    ],
)
def test_class_of_service(resources: Any, wanted: str) -> None:
    """Guaranteed needs both limits, with requests equal to them."""
    assert qos_class({"containers": [container(resources=resources)]}) == wanted


def test_a_job_selects_its_pods_by_its_own_uid() -> None:
    """The controller's uid goes into selector and template, and the defaults of a single run apply."""
    c = cluster()
    template = {"spec": {"restartPolicy": "Never", "containers": [container()]}}
    job = c.api.create(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "j", "namespace": "default"},
            "spec": {"template": template},
        }
    )
    uid = job["metadata"]["uid"]
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert job["spec"]["template"]["metadata"]["labels"]["job-name"] == "j"
    assert (job["spec"]["completions"], job["spec"]["parallelism"], job["spec"]["backoffLimit"]) == (1, 1, 6)


def test_string_data_becomes_data() -> None:
    """`stringData` is write-only, and wins."""
    c = cluster()
    made = c.api.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": "default"},
            "data": {"a": "eA=="},
            "stringData": {"a": "y", "b": "z"},
        }
    )
    assert made["data"] == {"a": "eQ==", "b": "eg=="}
    assert "stringData" not in made
    assert made["type"] == "Opaque"


def test_what_stands_at_the_start() -> None:
    """Four namespaces with a finalizer each, and the API's own Service at the first address."""
    c = cluster()
    names = [n["metadata"]["name"] for n in c.reader.list("namespaces")]
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert get(c, "namespaces", "", "default")["spec"]["finalizers"] == ["kubernetes"]
    assert get(c, "services", "default", "kubernetes")["spec"]["clusterIP"] == "10.96.0.1"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("0.5", "500m"), ("1000m", "1"), ("1024Mi", "1Gi"), ("1536Mi", "1536Mi"), ("1000k", "1M"), (2, "2"),
        ("1e3", "1e3"), ("0", "0"), ("0.1Gi", "107374182400m"), ("512", "512"), ("0.5Ki", "512"),
    ],
)  # fmt: skip
def test_quantities_have_one_spelling(written: Any, stored: str) -> None:
    """No fraction, the largest suffix that allows it, in the family that was used."""
    assert canonical(written) == stored


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**15), st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3"]))
def test_canonical_quantities_keep_their_value(number: int, suffix: str) -> None:
    """Rewriting never changes an amount that can be kept exactly, and rewriting again changes nothing."""
    once = canonical(f"{number}{suffix}")
    assert quantities.parse(once) == quantities.parse(f"{number}{suffix}")
    assert canonical(once) == once
