"""Tokens of service accounts over HTTPS: made, shown, checked, and ended by what they are bound to."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gitrel.cluster.server.serving import Serving
from tests.cluster.server.client import Api

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "worker"},
    "spec": {"serviceAccountName": "robot", "containers": [{"name": "main", "image": "busybox"}]},
}


@pytest.fixture(autouse=True, scope="module")
def robot(api: Api) -> None:
    api.post(ACCOUNTS, {"metadata": {"name": "robot"}})
    api.post("/api/v1/namespaces/default/pods", POD)


def requested(api: Api, **spec: Any) -> dict[str, Any]:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    found: dict[str, Any] = api.post(f"{ACCOUNTS}/robot/token", body)
    return found


def bound_to(kind: str, name: str, **more: str) -> dict[str, Any]:
    return {"boundObjectRef": {"apiVersion": "v1", "kind": kind, "name": name, **more}}


def payload(token: str) -> Any:
    part = token.split(".")[1]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def unsigned(claims: Any) -> str:
    """A token that says it needs no signature."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."


def whoami(directory: Path, token: str) -> tuple[int, Any]:
    with Api(directory / "kubeconfig", token) as own:
        answer = own.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {"spec": {}})
        return answer.code, answer.json.get("status", {})


def test_a_token_speaks_for_its_account(api: Api, directory: Path) -> None:
    """The user has the account's name, uid and groups, and the token's own id, as Kubernetes gives them."""
    answer = requested(api)
    assert answer["spec"]["expirationSeconds"] == 3600
    token = answer["status"]["token"]
    code, status = whoami(directory, token)
    uid = api.get(f"{ACCOUNTS}/robot")["metadata"]["uid"]
    assert code == 201
    assert status["userInfo"] == {
        "username": "system:serviceaccount:default:robot",
        "uid": uid,
        "groups": ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
        "extra": {"authentication.kubernetes.io/credential-id": [f"JTI={payload(token)['jti']}"]},
    }


def test_a_token_bound_to_a_pod_ends_with_it(api: Api, directory: Path) -> None:
    """It carries the pod and its node; once the pod is gone the server lets it in no more."""
    api.until("/api/v1/namespaces/default/pods/worker", lambda a: "nodeName" in a.json["spec"])
    token = requested(api, **bound_to("Pod", "worker"))["status"]["token"]
    own = payload(token)["kubernetes.io"]
    assert own["pod"]["name"] == "worker"
    assert own["node"]["name"].startswith("node-")
    assert whoami(directory, token)[0] == 201
    api.call("DELETE", "/api/v1/namespaces/default/pods/worker?gracePeriodSeconds=0")
    assert whoami(directory, token)[0] == 401
    api.post("/api/v1/namespaces/default/pods", POD)
    assert whoami(directory, token)[0] == 401, "another pod of the same name is another pod"


@pytest.mark.parametrize(
    ("reference", "code", "says"),
    [
        (bound_to("Pod", "absent"), 404, 'pods "absent" not found'),
        (bound_to("ConfigMap", "x"), 400, "cannot bind token for serviceaccount to object of type ConfigMap"),
        (bound_to("Pod", "worker", uid="other"), 409, "the UID in the bound object reference (other)"),
    ],
)
def test_what_a_token_cannot_be_bound_to(api: Api, reference: Any, code: int, says: str) -> None:
    """Kubernetes' own refusals."""
    body = {"spec": reference}
    answer = api.call("POST", f"{ACCOUNTS}/robot/token", body)
    assert answer.code == code
    assert says in answer.json["message"]


def test_a_token_is_over_when_its_time_is(api: Api, directory: Path, server: Serving) -> None:
    """By the cluster's clock; less than ten minutes may not be asked for."""
    refused = api.call("POST", f"{ACCOUNTS}/robot/token", {"spec": {"expirationSeconds": 60}})
    assert refused.code == 422
    assert "may not specify a duration less than 10 minutes" in refused.json["message"]
    token = requested(api, expirationSeconds=600)["status"]["token"]
    assert whoami(directory, token)[0] == 201
    server.call(lambda cluster: cluster.advance(timedelta(seconds=601)))
    assert whoami(directory, token)[0] == 401


def test_a_token_for_others_does_not_open_the_server(api: Api, directory: Path) -> None:
    """A token of another audience is refused here, and a review with that audience knows it."""
    token = requested(api, audiences=["vault"])["status"]["token"]
    assert whoami(directory, token)[0] == 401
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    known = api.post(path, {"spec": {"token": token, "audiences": ["vault"]}})["status"]
    assert known["authenticated"]
    assert known["user"]["username"] == "system:serviceaccount:default:robot"
    assert known["audiences"] == ["vault"]
    assert not api.post(path, {"spec": {"token": token}})["status"]["authenticated"]


def test_a_token_that_was_changed_is_nobody_s(api: Api, directory: Path) -> None:
    """Neither another payload under the same signature, nor `alg: none`, opens anything."""
    token = requested(api)["status"]["token"]
    head, body, signature = token.split(".")
    other = requested(api)["status"]["token"].split(".")[1]
    assert whoami(directory, f"{head}.{other}.{signature}")[0] == 401
    assert whoami(directory, unsigned(payload(token)))[0] == 401
    assert whoami(directory, f"{head}.{body}.")[0] == 401


def test_others_can_check_tokens_by_the_published_keys(api: Api) -> None:
    """OpenID discovery names the keys, and they verify a token."""
    import jwt

    token = requested(api)["status"]["token"]
    found = api.get("/.well-known/openid-configuration")
    assert found["issuer"] == payload(token)["iss"]
    key = jwt.PyJWK(api.get("/openid/v1/jwks")["keys"][0])
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    assert jwt.decode(token, key, options=options)["sub"] == "system:serviceaccount:default:robot"


def test_a_secret_of_the_token_type_is_filled_and_goes_with_its_account(api: Api, directory: Path) -> None:
    """It gets token, ca.crt and namespace; the token ends with the secret, the secret with the account."""
    api.post(ACCOUNTS, {"metadata": {"name": "old"}})
    secret = {
        "metadata": {"name": "old-token", "annotations": {"kubernetes.io/service-account.name": "old"}},
        "type": "kubernetes.io/service-account-token",
    }
    secrets = "/api/v1/namespaces/default/secrets"
    api.post(secrets, secret)
    data = api.until(f"{secrets}/old-token", lambda a: "data" in a.json).json["data"]
    assert set(data) == {"token", "ca.crt", "namespace"}
    token = b64decode(data["token"]).decode()
    assert whoami(directory, token)[1]["userInfo"]["username"] == "system:serviceaccount:default:old"
    api.call("DELETE", f"{ACCOUNTS}/old")
    api.until(f"{secrets}/old-token", lambda a: a.code == 404)
    assert whoami(directory, token)[0] == 401


def test_every_namespace_has_the_root_certificate(api: Api) -> None:
    """kube-root-ca.crt holds what signed the server's certificate, and is put right when it was changed."""
    api.post("/api/v1/namespaces", {"metadata": {"name": "fresh"}})
    path = "/api/v1/namespaces/fresh/configmaps/kube-root-ca.crt"
    found = api.until(path, lambda a: a.code == 200).json
    assert found["data"]["ca.crt"] == api.authority
    api.call("PUT", path, {**found, "data": {"ca.crt": "mine"}})
    api.until(path, lambda a: bool(a.json["data"]["ca.crt"] == api.authority))
