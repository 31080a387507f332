"""Who gets in: certificates, tokens, nobody; and requests that try something else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitrel.clock import SystemClock
from gitrel.cluster.server import certificates
from gitrel.cluster.server.bringup import served
from gitrel.cluster.server.identity import AUTHENTICATED, Authenticator, User, digest, token_rows
from gitrel.cluster.server.serving import Serving
from gitrel.cluster.spec import ClusterSpec
from gitrel.errors import UsageError
from tests.cluster.server.client import CONFIG_MAPS, PODS, Api, config_map
from tests.cluster.server.conftest import TOKENS


@pytest.fixture(scope="module")
def nobody(server: Serving, directory: Path) -> Iterator[Api]:
    api = Api(directory / "kubeconfig", nobody=True)
    yield api
    api.close()


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic c2VjcmV0LXRva2Vu", "secret-token", "Bearer sécret"],
)
def test_nobody_gets_in(nobody: Api, authorization: str) -> None:
    """No credentials, or wrong ones, are 401 everywhere, health and discovery included."""
    headers = {"Authorization": authorization} if authorization else {}
    for path in (PODS, "/version", "/healthz", "/nowhere"):
        answer = nobody.call("GET", path, headers=headers)
        assert answer.said == (401, "Unauthorized", "Unauthorized")


def test_a_token_in_the_query_is_worth_nothing(nobody: Api) -> None:
    """Queries end up in logs."""
    assert nobody.call("GET", f"{PODS}?access_token=secret-token&token=secret-token").code == 401


def test_tokens_and_certificates_get_in(server: Serving, directory: Path, api: Api) -> None:
    """A bearer token from the file; the administrator's certificate, even beside a wrong token."""
    token = Api(directory / "kubeconfig", token="secret-token")
    assert token.call("GET", PODS).code == 200
    token.close()
    assert api.call("GET", PODS, headers={"Authorization": "Bearer wrong"}).code == 200


def test_a_certificate_of_another_authority_ends_the_handshake(
    server: Serving, directory: Path, tmp_path: Path
) -> None:
    """Whoever signs for himself is nobody."""
    now = SystemClock().now()
    foreign = certificates.client(certificates.new_authority("other", now), "root", ["system:masters"], now)
    pem = tmp_path / "client.pem"
    pem.write_bytes(foreign.certificate + foreign.key)
    api = Api(directory / "kubeconfig", nobody=True)
    api.tls.load_cert_chain(pem)
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        api.call("GET", PODS)


def test_the_server_proves_itself(server: Serving, directory: Path, api: Api) -> None:
    """Its certificate is for its address and names, under an authority that strict clients accept."""
    context = ssl.create_default_context(cadata=api.authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("127.0.0.1", "localhost", "kubernetes.default.svc"):
        with (
            socket.create_connection(("127.0.0.1", server.port)) as raw,
            context.wrap_socket(raw, server_hostname=name) as secured,
        ):
            assert secured.version() == "TLSv1.3"


def test_token_files_are_kubernetes_own() -> None:
    """CSV rows; groups in quotes; what is wrong is told by its line, without the token."""
    found = token_rows(['abc,alice,1,"a, b"', "", "def , bob, 2"], "f")
    assert found[digest("abc")] == User("alice", ("a", "b", AUTHENTICATED), "1")
    assert found[digest("def")] == User("bob", (AUTHENTICATED,), "2")
    with pytest.raises(UsageError, match=r"f:2: a row needs token, user and uid") as wrong:
        token_rows(["abc,alice,1", "hidden,bob"], "f")
    assert "hidden" not in str(wrong.value)


def test_anonymous_users_have_a_name_where_they_are_let_in() -> None:
    """Off by default; on, they are system:anonymous, but a wrong token is still refused."""
    assert Authenticator(anonymous=True).user(None, "").name == "system:anonymous"
    with pytest.raises(Exception, match="Unauthorized"):
        Authenticator(anonymous=True).user(None, "Bearer wrong")


def test_certificates_name_user_and_groups() -> None:
    """The common name and every organization."""
    subject = ((("organizationName", "g1"),), (("organizationName", "g2"),), (("commonName", "eve"),))
    assert Authenticator().user({"subject": subject}, "") == User("eve", ("g1", "g2", AUTHENTICATED))


def test_pages_of_other_origins_are_refused(api: Api) -> None:
    """A browser that shows its certificate for somebody else's page gets nothing; nor does a form."""
    assert api.call("GET", PODS, headers={"Origin": "https://evil.example"}).code == 403
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert api.call("POST", CONFIG_MAPS, b"a=b", form).code == 415
    plain = {"Content-Type": "text/plain"}
    assert api.call("POST", CONFIG_MAPS, b'{"metadata":{"name":"x"}}', plain).code == 415


REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def test_one_can_act_for_others(api: Api) -> None:
    """Impersonation in all its headers, as `kubectl --as` sends them; a group alone makes no sense."""
    headers = {
        "Impersonate-User": "dave",
        "Impersonate-Group": "crew",
        "Impersonate-Uid": "7",
        "Impersonate-Extra-Example.com%2FReason": "tests",
    }
    answer = api.call("POST", REVIEWS, {}, headers)
    assert answer.code == 201
    assert answer.json["status"]["userInfo"] == {
        "username": "dave",
        "uid": "7",
        "groups": ["crew", AUTHENTICATED],
        "extra": {"example.com/reason": ["tests"]},
    }
    assert api.call("POST", REVIEWS, {}, {"Impersonate-Group": "crew"}).code == 500


def test_questions_are_answered_and_forgotten(server: Serving, directory: Path, api: Api) -> None:
    """Who one is, by certificate and by token; a review can only be created."""
    admin = api.post(REVIEWS, {})["status"]["userInfo"]
    assert admin["username"] == "kubernetes-admin" and "system:masters" in admin["groups"]
    with Api(directory / "kubeconfig", token="secret-token") as alice:
        info = alice.post(REVIEWS, {})["status"]["userInfo"]
    assert info == {"username": "alice", "uid": "1", "groups": ["team-a", "team-b", AUTHENTICATED]}
    assert api.call("GET", REVIEWS).code == 405


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a cluster that asks RBAC."""
    folder = tmp_path_factory.mktemp("rbac")
    with served(folder, ClusterSpec(nodes=(), authorization="RBAC"), tokens=TOKENS):
        yield folder / "kubeconfig"


def test_roles_decide_over_https(strict: Path) -> None:
    """Nothing by default, then what a binding gives, in Kubernetes' words; the administrator everything."""
    group = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    with Api(strict) as admin, Api(strict, token="secret-token") as alice:
        assert alice.call("GET", CONFIG_MAPS).said == (
            403,
            "Forbidden",
            'configmaps is forbidden: User "alice" cannot list resource "configmaps" in API group "" '
            'in the namespace "default"',
        )
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]
        admin.post(f"{group}/roles", {"metadata": {"name": "reader"}, "rules": rules})
        subjects = [{"kind": "Group", "name": "team-a", "apiGroup": "rbac.authorization.k8s.io"}]
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
        binding = {"metadata": {"name": "readers"}, "subjects": subjects, "roleRef": ref}
        admin.post(f"{group}/rolebindings", binding)
        assert alice.call("GET", CONFIG_MAPS).code == 200
        for method, path, body in (
            ("GET", f"{CONFIG_MAPS}/x", None),
            ("POST", CONFIG_MAPS, config_map("x")),
            ("DELETE", CONFIG_MAPS, None),
            ("PUT", "/apis/apps/v1/namespaces/default/deployments/x/status", {}),
            ("PATCH", f"{CONFIG_MAPS}/x?fieldManager=a", config_map("x")),
            ("POST", f"{PODS}/x/eviction", {}),
            ("GET", "/api/v1/configmaps", None),
        ):
            assert alice.call(method, path, body).said[:2] == (403, "Forbidden"), path
        acting = {"Impersonate-User": "kubernetes-admin", "Impersonate-Group": "system:masters"}
        assert alice.call("GET", f"{CONFIG_MAPS}/x", headers=acting).code == 403


def test_nobody_is_somebody_where_roles_decide(strict: Path) -> None:
    """Anonymous requests are let in and may see what is public, no more."""
    with Api(strict, nobody=True) as nobody:
        assert nobody.call("GET", "/version").code == 200
        assert nobody.call("GET", "/healthz").code == 200
        code, reason, message = nobody.call("GET", CONFIG_MAPS).said
        assert (code, reason) == (403, "Forbidden") and 'User "system:anonymous"' in message
        assert nobody.call("GET", "/apis").said[2] == (
            'forbidden: User "system:anonymous" cannot get path "/apis"'
        )
        assert nobody.call("GET", "/version", headers={"Authorization": "Bearer wrong"}).code == 401
