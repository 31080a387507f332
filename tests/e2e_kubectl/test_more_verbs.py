"""The verbs of kubectl that people use weekly: access, certificates, subresources, pruning, and so on."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e_kubectl.conftest import Kubectl
from tests.e2e_kubectl.test_verbs import WEB

RBAC = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: User, name: dave, apiGroup: rbac.authorization.k8s.io}]
"""
ONE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, labels: {set: x}}\n"
TWO = ONE.replace("one", "two")


@pytest.fixture(scope="module", autouse=True)
def web(kubectl: Kubectl) -> str:
    """The name of its one pod."""
    kubectl("apply", "-f", "-", stdin=WEB.replace("replicas: 2", "replicas: 1"))
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    return kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")


# --- access -----------------------------------------------------------------------------------------------


def test_tokens_let_service_accounts_in(kubectl: Kubectl) -> None:
    """`create token` gives one that the server believes; nobody's account has none."""
    kubectl("create", "serviceaccount", "robot")
    token = kubectl("create", "token", "robot", "--duration=10m").strip()
    assert "system:serviceaccount:default:robot" in kubectl(
        "auth",
        "whoami",
        "--token",
        token,
        "--kubeconfig=/dev/null",
        "-s",
        server(kubectl),
        "--insecure-skip-tls-verify",
    )
    assert 'serviceaccounts "nobody" not found' in kubectl("create", "token", "nobody", code=1)
    assert "may not specify a duration less than 10 minutes" in kubectl(
        "create", "token", "robot", "--duration=1m", code=1
    )


def server(kubectl: Kubectl) -> str:
    return kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")


def test_roles_are_reconciled(kubectl: Kubectl) -> None:
    """What is missing is added and told; the second time there is nothing to do."""
    told = kubectl.run("auth", "reconcile", "-f", "-", stdin=RBAC)
    assert "clusterrole.rbac.authorization.k8s.io/reader reconciled" in told.stdout
    assert "missing rules added" in told.stderr
    assert "missing" not in kubectl.run("auth", "reconcile", "-f", "-", stdin=RBAC).stderr


def test_everything_one_may_do_is_listed(kubectl: Kubectl) -> None:
    """can-i for one thing, for another user, and for all."""
    assert kubectl("auth", "can-i", "delete", "nodes") == "yes\n"
    assert "*.*" in kubectl("auth", "can-i", "--list")


def request_for(name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    sent = b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()
    return json.dumps(
        {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": {
                "request": sent,
                "signerName": "kubernetes.io/kube-apiserver-client",
                "usages": ["client auth"],
            },
        }
    )


def test_certificates_are_approved_and_denied(kubectl: Kubectl) -> None:
    """Approved ones are signed at once; what is decided stays decided."""
    for name in ("eve", "mallory"):
        kubectl("apply", "-f", "-", stdin=request_for(name))
    assert "Pending" in kubectl("get", "csr", "eve")
    assert "eve approved" in kubectl("certificate", "approve", "eve")
    assert "mallory denied" in kubectl("certificate", "deny", "mallory")
    assert "Approved,Issued" in kubectl("get", "csr", "eve") and "Denied" in kubectl("get", "csr", "mallory")
    signed = b64decode(kubectl("get", "csr", "eve", "-o", "jsonpath={.status.certificate}"))
    subject = x509.load_pem_x509_certificate(signed).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "eve"
    assert "already Approved" in kubectl("certificate", "deny", "eve", code=1)


# --- subresources -----------------------------------------------------------------------------------------


def test_subresources_are_read_and_patched(kubectl: Kubectl) -> None:
    """`--subresource` on get and patch; a scale is an object of its own."""
    assert kubectl("get", "deploy", "web", "--subresource=scale", "-o", "jsonpath={.kind}") == "Scale"
    assert "1/1" in kubectl("get", "deploy", "web", "--subresource=status")
    told = kubectl(
        "patch", "deploy", "web", "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":2}}'
    )
    assert "patched" in told
    assert "Expected replicas to be 7, was 2" in kubectl(
        "scale", "deploy/web", "--current-replicas=7", "--replicas=1", code=1
    )
    assert "scaled" in kubectl("scale", "deploy/web", "--current-replicas=2", "--replicas=1")


def test_the_old_schema_is_understood(kubectl: Kubectl) -> None:
    """explain by OpenAPI v2, which kubectl takes as protobuf only."""
    told = kubectl("explain", "deployment.spec", "--output=plaintext-openapiv2")
    assert "VERSION:  apps/v1" in told and "strategy" in told


def test_pods_are_looked_into(kubectl: Kubectl, web: str) -> None:
    """debug adds an ephemeral container, copies a pod, and goes onto a node; there is nobody to attach to."""
    kubectl("debug", web, "--image=busybox", "--target=main", "--profile=general", "--", "sh")
    found = kubectl("get", "pod", web, "-o", "jsonpath={.spec.ephemeralContainers[*].image}")
    assert found == "busybox"
    kubectl("debug", web, "--image=busybox", "--copy-to=copied", "--profile=general", "--", "sleep", "1")
    assert "main" in kubectl("get", "pod", "copied", "-o", "jsonpath={.spec.containers[*].name}")
    told = kubectl("debug", "node/node-0", "--image=busybox", "--profile=general", "--", "sh")
    assert "Creating debugging pod node-debugger-node-0-" in told
    kubectl("delete", "pod", "copied", "--timeout=30s")


def test_streams_fail_as_on_a_cluster_whose_nodes_are_away(
    kubectl: Kubectl, web: str, tmp_path: Path
) -> None:
    """cp, attach and logs; what is wrong with the request is told first."""
    refused = "connect: connection refused"
    (tmp_path / "file").write_text("x")
    assert refused in kubectl("cp", str(tmp_path / "file"), f"{web}:/tmp/file", "-c", "main", code=1)
    assert refused in kubectl("attach", web, "-c", "main", code=1)
    assert refused in kubectl("logs", web, "-c", "main", "--tail=1", code=1)
    assert "container nope is not valid for pod" in kubectl("exec", web, "-c", "nope", "--", "ls", code=1)
    assert '"nobody" not found' in kubectl("logs", "nobody", code=1)
    assert "Metrics API not available" in kubectl("top", "pods", code=1)
    assert "Metrics API not available" in kubectl("top", "nodes", code=1)


def test_a_proxy_passes_everything_on(kubectl: Kubectl) -> None:
    """Plain HTTP on this machine, with the user's own rights."""
    proxy = subprocess.Popen(
        [kubectl.program, "proxy", "--port=0"], env=kubectl.environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert proxy.stdout is not None
        where = proxy.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"http://{where}/api/v1/namespaces/default") as answer:
            assert json.load(answer)["metadata"]["name"] == "default"
    finally:
        proxy.terminate()
        proxy.communicate()


# --- files ------------------------------------------------------------------------------------------------


def test_what_left_the_files_is_pruned(kubectl: Kubectl) -> None:
    """By label, and by an apply set."""
    allowed = "--prune-allowlist=core/v1/ConfigMap"
    kubectl("apply", "--prune", "-l", "set=x", allowed, "-f", "-", stdin=f"{ONE}---\n{TWO}")
    told = kubectl("apply", "--prune", "-l", "set=x", allowed, "-f", "-", stdin=ONE)
    assert "configmap/two pruned" in told and "configmap/one unchanged" in told
    kubectl("create", "namespace", "sets")
    applyset = ("apply", "-n", "sets", "--prune", "--applyset=configmaps/set", "-f", "-")
    env = {"KUBECTL_APPLYSET": "true"}
    kubectl.run(*applyset, stdin=f"{ONE}---\n{TWO}", env=env)
    assert "configmap/two pruned" in kubectl.run(*applyset, stdin=ONE, env=env).stdout
    sided = ("apply", "-n", "sets", "--server-side", "--prune", "--applyset=other", "-f", "-")
    kubectl.run(*sided, stdin=TWO, env=env)
    three = TWO.replace("two", "three")
    assert "configmap/two pruned" in kubectl.run(*sided, stdin=three, env=env).stdout


def test_objects_are_replaced_by_force(kubectl: Kubectl) -> None:
    """Deleted and created anew, which gives them another uid."""
    kubectl("run", "forced", "--image=nginx")
    kubectl("wait", "--for=condition=Ready", "pod/forced", "--timeout=20s")
    uid = ("get", "pod", "forced", "-o", "jsonpath={.metadata.uid}")
    before, sent = kubectl(*uid), kubectl("get", "pod", "forced", "-o", "json")
    assert "pod/forced replaced" in kubectl("replace", "--force", "-f", "-", stdin=sent)
    assert kubectl(*uid) != before
    assert "Immediate deletion" in kubectl.run("delete", "pod", "forced", "--force").stderr


def test_raw_requests_are_passed_on(kubectl: Kubectl, tmp_path: Path) -> None:
    """create, get and delete with --raw."""
    sent = tmp_path / "raw.json"
    sent.write_text('{"metadata":{"name":"raw"},"data":{"a":"b"}}')
    place = "/api/v1/namespaces/default/configmaps"
    assert json.loads(kubectl("create", "--raw", place, "-f", str(sent)))["data"] == {"a": "b"}
    assert json.loads(kubectl("get", "--raw", f"{place}/raw"))["data"] == {"a": "b"}
    assert json.loads(kubectl("delete", "--raw", f"{place}/raw"))["status"] == "Success"


def test_set_changes_what_it_says(kubectl: Kubectl) -> None:
    """env, resources, serviceaccount, selector and subject."""
    kubectl("create", "deployment", "changed", "--image=nginx")
    kubectl("create", "serviceaccount", "worker")
    assert "env updated" in kubectl("set", "env", "deploy/changed", "A=b")
    assert "A=b" in kubectl("set", "env", "deploy/changed", "--list")
    assert "updated" in kubectl("set", "resources", "deploy/changed", "--limits=cpu=200m,memory=64Mi")
    assert "updated" in kubectl("set", "serviceaccount", "deploy/changed", "worker")
    spec = json.loads(kubectl("get", "deploy", "changed", "-o", "jsonpath={.spec.template.spec}"))
    assert (
        spec["serviceAccountName"] == "worker"
        and spec["containers"][0]["resources"]["limits"]["cpu"] == "200m"
    )
    kubectl("expose", "deploy", "changed", "--port=80", "--target-port=8080")
    assert "selector updated" in kubectl("set", "selector", "svc/changed", "app=other")
    kubectl("auth", "reconcile", "-f", "-", stdin=RBAC)
    assert "subjects updated" in kubectl("set", "subject", "clusterrolebinding", "readers", "--user=eve")
    kubectl("delete", "deploy,svc", "changed")


def test_jobs_come_from_cron_jobs(kubectl: Kubectl) -> None:
    """By hand, without waiting for their time."""
    kubectl("create", "cronjob", "tick", "--image=busybox", "--schedule=0 3 * * *", "--", "date")
    kubectl("create", "job", "--from=cronjob/tick", "now")
    kubectl("wait", "--for=condition=complete", "job/now", "--timeout=30s")
    assert "tick" in kubectl("get", "job", "now", "-o", "jsonpath={.metadata.ownerReferences[0].name}")


def test_waiting_ends_in_each_of_its_ways(kubectl: Kubectl) -> None:
    """For a condition, a field, a deletion, and in vain."""
    kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=20s")
    kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod", "-l", "app=web", "--timeout=20s")
    kubectl("wait", "--for=delete", "pod/nobody", "--timeout=5s")
    assert "timed out" in kubectl(
        "wait", "--for=condition=Progressing=False", "deploy/web", "--timeout=1s", code=1
    )


def test_a_cluster_is_dumped(kubectl: Kubectl, tmp_path: Path) -> None:
    """Every namespace asked for, with what its pods would have said."""
    kubectl("cluster-info", "dump", "--namespaces=default", f"--output-directory={tmp_path}")
    assert {"deployments.json", "pods.json", "events.json"} <= {
        path.name for path in (tmp_path / "default").iterdir()
    }
    assert json.loads((tmp_path / "nodes.json").read_text())["kind"] == "NodeList"


def test_quotas_and_taints_are_shown(kubectl: Kubectl) -> None:
    """describe of a quota tells used of hard; a NoExecute taint empties its nodes."""
    kubectl("create", "quota", "few", "--hard=configmaps=50")
    assert "configmaps" in kubectl("describe", "quota", "few")
    kubectl("taint", "nodes", "--all", "gone=yes:NoExecute")
    kubectl("wait", "--for=jsonpath={.status.phase}=Pending", "pod", "-l", "app=web", "--timeout=20s")
    assert "untainted" in kubectl("taint", "nodes", "--all", "gone:NoExecute-")
    kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=20s")
    kubectl("delete", "quota", "few")
