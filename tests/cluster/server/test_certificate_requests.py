"""CertificateSigningRequests over HTTPS: made, approved, signed, and used to come back as somebody."""

from __future__ import annotations

import http.client
import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gitrel.cluster.server.bringup import served
from gitrel.cluster.server.serving import Serving
from gitrel.cluster.spec import ClusterSpec
from tests.cluster.server.client import Answer, Api
from tests.cluster.server.conftest import TOKENS

PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
USES = ("digital signature", "client auth")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[Serving]:
    """With roles that decide, unlike the one that other modules use."""
    with served(directory, ClusterSpec(authorization="RBAC"), tokens=TOKENS) as serving:
        yield serving


def pkcs10(name: str, groups: Sequence[str], key: ec.EllipticCurvePrivateKey | None = None) -> str:
    rows = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject = x509.Name([*rows, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    key = key or ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def asked(name: str, request: str, signer: str = CLIENT, usages: Sequence[str] = USES) -> dict[str, Any]:
    spec = {"request": request, "signerName": signer, "usages": list(usages)}
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def approve(api: Api, name: str) -> None:
    found = api.get(f"{PATH}/{name}")
    found["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "Test"}]}
    assert api.call("PUT", f"{PATH}/{name}/approval", found).code == 200


def signed(answer: Answer) -> bool:
    return bool(answer.json.get("status", {}).get("certificate"))


def bind(api: Api, name: str, role: str, user: str) -> None:
    group = "rbac.authorization.k8s.io"
    ref = {"apiGroup": group, "kind": "ClusterRole", "name": role}
    subject = {"apiGroup": group, "kind": "User", "name": user}
    body = {"metadata": {"name": name}, "roleRef": ref, "subjects": [subject]}
    api.post(f"{RBAC}/clusterrolebindings", body)


def test_an_approved_request_is_signed_and_lets_its_owner_in(
    api: Api, directory: Path, tmp_path: Path
) -> None:
    """The certificate is the authority's, for the key and name asked for, and the server knows the user."""
    key = ec.generate_private_key(ec.SECP256R1())
    body = asked("eve", pkcs10("eve", ["team-x"], key))
    # Ten minutes, of which nothing may be lost: the cluster's clock is virtual, and TLS has the system's.
    body["spec"]["expirationSeconds"] = 600
    api.post(PATH, body)
    assert "certificate" not in api.get(f"{PATH}/eve").get("status", {}), "nobody approved it yet"
    approve(api, "eve")
    certificate = b64decode(api.until(f"{PATH}/eve", signed).json["status"]["certificate"])
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "eve.pem").write_bytes(certificate + private)
    nobody = Api(directory / "kubeconfig", nobody=True)
    context = ssl.create_default_context(cadata=nobody.authority)
    context.load_cert_chain(tmp_path / "eve.pem")
    assert nobody.url.hostname
    connection = http.client.HTTPSConnection(nobody.url.hostname, nobody.url.port, context=context)
    path, media = "/apis/authentication.k8s.io/v1/selfsubjectreviews", {"Content-Type": "application/json"}
    connection.request("POST", path, b'{"spec": {}}', media)
    answer = connection.getresponse().read().decode()
    connection.close()
    assert '"eve"' in answer
    assert '"team-x"' in answer


def test_the_server_says_who_made_a_request(api: Api) -> None:
    """Whatever the request says of its maker is replaced by the truth."""
    body = asked("whose", pkcs10("mallory", []))
    body["spec"] |= {"username": "system:admin", "groups": ["system:masters", "x"], "uid": "7"}
    made = api.post(PATH, body)["spec"]
    assert (made["username"], "uid" in made) == ("kubernetes-admin", False)
    assert made["groups"] == ["system:masters", "system:authenticated"]


def test_what_a_signer_does_not_sign_fails_with_its_reason(api: Api) -> None:
    """Kubernetes' own reason stands in the condition Failed, and no certificate is given."""
    api.post(PATH, asked("server", pkcs10("x", []), usages=("digital signature", "server auth")))
    approve(api, "server")
    status = api.until(f"{PATH}/server", lambda a: len(a.json["status"]["conditions"]) > 1).json["status"]
    failed = next(row for row in status["conditions"] if row["type"] == "Failed")
    assert failed["reason"] == "SignerValidationFailure"
    assert failed["message"] == "invalid usage for client certificate: server auth"
    assert "certificate" not in status


def test_nobody_asks_for_the_masters_group(api: Api) -> None:
    """CertificateSubjectRestriction refuses at creation; what is no request at all is invalid."""
    answer = api.call("POST", PATH, asked("root", pkcs10("x", ["system:masters"])))
    assert answer.code == 403
    assert "with system:masters group is not allowed" in answer.json["message"]
    pem = b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
    assert api.call("POST", PATH, asked("junk", b64encode(pem).decode())).code == 422


def test_others_signers_are_left_to_them(api: Api, server: Serving) -> None:
    """An approved request of a signer that is not the cluster's own waits for that signer."""
    api.post(PATH, asked("other", pkcs10("x", []), signer="example.com/own"))
    approve(api, "other")
    server.call(lambda cluster: cluster.settle())
    assert "certificate" not in api.get(f"{PATH}/other")["status"]


def test_approving_needs_the_right_to_the_signer(api: Api, directory: Path) -> None:
    """The verb on the object alone is not enough: CertificateApproval asks for `approve` on the signer."""
    api.post(PATH, asked("guarded", pkcs10("x", [])))
    resources = ["certificatesigningrequests", "certificatesigningrequests/approval"]
    rule = {"apiGroups": ["certificates.k8s.io"], "resources": resources, "verbs": ["get", "update"]}
    api.post(f"{RBAC}/clusterroles", {"metadata": {"name": "half"}, "rules": [rule]})
    bind(api, "half", "half", "alice")
    with Api(directory / "kubeconfig", "secret-token") as alice:
        found = alice.get(f"{PATH}/guarded")
        found["status"] = {"conditions": [{"type": "Approved", "status": "True"}]}
        answer = alice.call("PUT", f"{PATH}/guarded/approval", found)
    assert answer.code == 403
    assert f'user not permitted to approve requests with signerName "{CLIENT}"' in answer.json["message"]


@pytest.mark.parametrize("allowed", [True, False])
def test_a_kubelet_s_own_request_is_approved_where_policy_lets_it(
    api: Api, server: Serving, allowed: bool
) -> None:
    """With `selfnodeclient` bound to the asking node it is signed by itself; without, it waits."""
    name = "good" if allowed else "bad"
    node, creator = f"system:node:{name}", f"create-{name}"
    rule = {
        "apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"],
        "verbs": ["create"],
    }
    api.post(f"{RBAC}/clusterroles", {"metadata": {"name": creator}, "rules": [rule]})
    bind(api, creator, creator, node)
    if allowed:
        bind(api, "self", "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", node)
    body = asked(f"node-{name}", pkcs10(node, ["system:nodes"]), signer=KUBELET)
    made = api.call("POST", PATH, body, {"Impersonate-User": node, "Impersonate-Group": "system:nodes"})
    assert made.code == 201, made.body
    server.call(lambda cluster: cluster.settle())
    assert signed(api.call("GET", f"{PATH}/node-{name}")) is allowed


def test_old_requests_are_cleaned_away(api: Api, server: Serving) -> None:
    """A decided request goes an hour later, one that nobody looked at after a day."""
    api.post(PATH, asked("decided", pkcs10("x", [])))
    approve(api, "decided")
    api.post(PATH, asked("waiting", pkcs10("x", [])))
    server.call(lambda cluster: cluster.advance(timedelta(hours=2)))
    assert api.call("GET", f"{PATH}/waiting").code == 200
    server.call(lambda cluster: cluster.advance(timedelta(hours=23)))
    assert api.call("GET", f"{PATH}/waiting").code == 404
    assert api.call("GET", f"{PATH}/decided").code == 404
