"""What admission makes of pods: accounts and their tokens, priorities, limits, patience, runtimes."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.cluster.api.admission.serviceaccount import MOUNT_PATH
from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.cluster import Cluster
from gitrel.cluster.controllers.serviceaccount.controller import ServiceAccountController
from gitrel.errors import UsageError
from gitrel.kube.identity import Object
from tests.cluster.harness import WatchedCluster, cluster, container, deployment, pod
from tests.cluster.kinds.tables import of, refusal


def with_accounts(**spec: Any) -> WatchedCluster:
    made = cluster(ServiceAccountController, **spec)
    made.settle()
    return made


def limited(*limits: Any) -> WatchedCluster:
    made = cluster()
    made.api.create(of("LimitRange", spec={"limits": list(limits)}))
    return made


def resources(**amounts: Any) -> Object:
    return pod("x", containers=[container(resources=amounts)])


# --- accounts ---------------------------------------------------------------------------------------------


def test_every_namespace_gets_its_account() -> None:
    """Proves that the default account is made in old and new namespaces, and made again when it goes."""
    made = with_accounts()
    made.api.create(of("Namespace", name="mine", namespace=""))
    made.settle()
    names = {obj["metadata"]["namespace"] for obj in made.api.list("serviceaccounts")}
    assert names == {"default", "kube-node-lease", "kube-public", "kube-system", "mine"}
    first = made.api.get("serviceaccounts", "default", "mine")
    made.api.delete("serviceaccounts", "default", "mine")
    made.settle()
    assert made.api.get("serviceaccounts", "default", "mine")["metadata"]["uid"] != first["metadata"]["uid"]


def test_a_pod_finds_its_token() -> None:
    """Proves that the projected volume is added as Kubernetes adds it, to every container."""
    spec = with_accounts().api.create(pod("x", containers=[container("a"), container("b")]))["spec"]
    volume = spec["volumes"][0]
    assert volume["name"].startswith("kube-api-access-") and len(volume["name"]) == 21
    sources = volume["projected"]["sources"]
    assert sources[0] == {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    assert sources[1]["configMap"]["name"] == "kube-root-ca.crt"
    mount = {"name": volume["name"], "readOnly": True, "mountPath": MOUNT_PATH}
    assert [c["volumeMounts"] for c in spec["containers"]] == [[mount], [mount]]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")


def test_a_pod_may_do_without_its_token() -> None:
    """Proves that the pod's word counts before the account's, and that its own mount is left alone."""
    made = with_accounts()
    account = made.api.get("serviceaccounts", "default", "default")
    made.api.update({**account, "automountServiceAccountToken": False})
    assert "volumes" not in made.api.create(pod("no"))["spec"]
    assert "volumes" in made.api.create(pod("yes", automountServiceAccountToken=True))["spec"]
    own = [{"name": "own", "mountPath": MOUNT_PATH}]
    spec = made.api.create(
        pod("own", automountServiceAccountToken=True, volumes=[{"name": "own", "emptyDir": {}}],
            containers=[container(volumeMounts=own)])
    )["spec"]  # fmt: skip
    assert [volume["name"] for volume in spec["volumes"]] == ["own"]


def test_an_account_that_is_not_there() -> None:
    """Proves that a pod waits for its account, where somebody makes accounts."""
    said = 'error looking up service account default/ghost: serviceaccount "ghost" not found'
    assert refusal(pod("x", serviceAccountName="ghost"), with_accounts()) == f'pods "x" is forbidden: {said}'
    assert cluster().api.create(pod("x", serviceAccountName="ghost"))["spec"]["serviceAccount"] == "ghost"


def test_equal_pods_share_their_spec() -> None:
    """Proves that admission costs one computation for a thousand replicas, and one spec in memory."""
    made = with_accounts()
    spec: Any = pod("x")["spec"]
    made_pods = [
        made.writer.create("pods", {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
        for name in ("a", "b")
    ]
    assert made_pods[0]["spec"] is made_pods[1]["spec"]


# --- priority ---------------------------------------------------------------------------------------------


def test_priorities_come_from_classes() -> None:
    """Proves that a class becomes a number, that a default class counts, and that a number is refused."""
    made = cluster()
    assert made.api.create(pod("none"))["spec"]["priority"] == 0
    critical = made.api.create(pod("a", priorityClassName="system-node-critical"))["spec"]
    assert critical["priority"] == 2_000_001_000
    high = of("PriorityClass", "scheduling.k8s.io/v1", name="high", namespace="", value=7, globalDefault=True,
              preemptionPolicy="Never")  # fmt: skip
    made.api.create(high)
    spec = made.api.create(pod("b"))["spec"]
    assert (spec["priority"], spec["priorityClassName"], spec["preemptionPolicy"]) == (7, "high", "Never")
    assert "no PriorityClass with name low was found" in refusal(pod("c", priorityClassName="low"), made)
    assert "the integer value of priority (3) must not be provided" in refusal(pod("c", priority=3), made)
    second = {**high, "metadata": {"name": "higher"}}
    assert "PriorityClass high is already marked as default. Only one" in refusal(second, made)


def test_system_classes_stay() -> None:
    """Proves that what the system needs cannot be deleted."""
    with pytest.raises(ApiError, match="this is a system priority class and cannot be deleted"):
        cluster().api.delete("priorityclasses.scheduling.k8s.io", "system-node-critical")


# --- limits -----------------------------------------------------------------------------------------------


def test_limit_ranges_fill_in_what_is_missing() -> None:
    """Proves that containers get defaults, that it is told in an annotation, and that what is said stays."""
    made = limited({"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}})
    found = made.api.create(pod("x"))
    assert found["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "100m"}, "limits": {"cpu": "1"},
    }  # fmt: skip
    assert found["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container app; "
        "cpu limit for container app"
    }
    own = {"requests": {"cpu": "200m"}, "limits": {"cpu": "300m"}}
    kept = made.api.create({**resources(**own), "metadata": {"name": "y", "namespace": "default"}})
    assert kept["spec"]["containers"][0]["resources"] == own
    assert "annotations" not in kept["metadata"]


BOUNDS = {
    "too little": (
        {"type": "Container", "min": {"cpu": "100m"}}, {"requests": {"cpu": "50m"}},
        "minimum cpu usage per Container is 100m, but request is 50m",
    ),
    "nothing said": (
        {"type": "Container", "max": {"memory": "1Gi"}, "default": {"cpu": "1"}}, {},
        "",
    ),
    "too much": (
        {"type": "Container", "max": {"cpu": "1"}}, {"limits": {"cpu": "2"}},
        "maximum cpu usage per Container is 1, but limit is 2",
    ),
    "too far apart": (
        {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
        {"requests": {"cpu": "100m"}, "limits": {"cpu": "1"}},
        "cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000",
    ),
    "a whole pod": (
        {"type": "Pod", "max": {"memory": "1Gi"}}, {"limits": {"memory": "2Gi"}},
        "maximum memory usage per Pod is 1Gi, but limit is 2Gi",
    ),
    "a whole pod that says nothing": (
        {"type": "Pod", "max": {"memory": "1Gi"}}, {},
        "maximum memory usage per Pod is 1Gi.  No limit is specified",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BOUNDS)
def test_limit_ranges_bound_what_pods_get(case: str) -> None:
    """Proves each bound, in the words of LimitRanger."""
    limit, amounts, said = BOUNDS[case]
    made = limited(limit)
    if not said:
        assert made.api.create(resources(**amounts))
    else:
        message = refusal(resources(**amounts), made)
        assert message.startswith('pods "x" is forbidden: ') and said in message


def test_claims_have_bounds_too() -> None:
    """Proves that a claim is held to the limits of its namespace."""
    made = limited({"type": "PersistentVolumeClaim", "max": {"storage": "5Gi"}})
    claim = of(
        "PersistentVolumeClaim",
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "6Gi"}}},
    )
    said = "maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 6Gi"
    assert refusal(claim, made) == f'persistentvolumeclaims "x" is forbidden: {said}'


# --- runtimes, patience and switches ----------------------------------------------------------------------


def test_a_runtime_class_is_written_into_the_pod() -> None:
    """Proves that its cost and its nodes are taken over, and that an unknown one is refused."""
    made = cluster()
    made.api.create(
        of("RuntimeClass", "node.k8s.io/v1", name="vm", namespace="", handler="vm",
           overhead={"podFixed": {"cpu": "250m"}}, scheduling={"nodeSelector": {"vm": "yes"}})
    )  # fmt: skip
    spec = made.api.create(pod("x", runtimeClassName="vm"))["spec"]
    assert (spec["overhead"], spec["nodeSelector"]) == ({"cpu": "250m"}, {"vm": "yes"})
    said = 'pods "y" is forbidden: pod rejected: RuntimeClass "none" not found'
    assert refusal(pod("y", runtimeClassName="none"), made) == said


def test_plugins_are_switched_by_name() -> None:
    """Proves that each can be left out or put in, and that a name nobody knows is refused."""
    off = cluster(disable_admission=("DefaultTolerationSeconds", "Priority"))
    spec = off.api.create(pod("x"))["spec"]
    assert "tolerations" not in spec and "priority" not in spec
    on = cluster(enable_admission=("AlwaysPullImages",))
    assert on.api.create(pod("x"))["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    with pytest.raises(UsageError, match='unknown admission plugin "Nonsense"'):
        cluster(enable_admission=("Nonsense",))


def test_a_namespace_has_to_be_there() -> None:
    """Proves that nothing is created in a namespace that is missing or leaving, and that three stay."""
    made = cluster()
    assert refusal(pod("x", "nowhere"), made) == 'namespaces "nowhere" not found'
    made.api.create(of("Namespace", name="going", namespace=""))
    made.api.delete("namespaces", "going")
    assert "because it is being terminated" in refusal(pod("x", "going"), made)
    with pytest.raises(ApiError, match='namespaces "default" is forbidden: this namespace may not be'):
        made.api.delete("namespaces", "default")


def test_the_default_cluster_runs_a_deployment_with_tokens() -> None:
    """Proves that all of it together lets pods run."""
    made = Cluster()
    made.api.apply(deployment("web", 2))
    made.settle()
    pods = made.api.list("pods", "default")
    assert len(pods) == 2
    assert all(p["spec"]["volumes"][0]["projected"] for p in pods)
