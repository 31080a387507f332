"""Who gets in: certificates, tokens, nobody; and requests that try something else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitrel.clock import SystemClock
from gitrel.cluster.server import certificates
from gitrel.cluster.server.identity import AUTHENTICATED, Authenticator, User, digest, token_rows
from gitrel.cluster.server.serving import Serving
from gitrel.errors import UsageError
from tests.cluster.server.client import CONFIG_MAPS, PODS, Api, config_map


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


def test_acting_for_others_says_that_it_is_not_built(api: Api) -> None:
    """Better refused than ignored."""
    headers = {"Impersonate-User": "alice"}
    assert api.call("POST", CONFIG_MAPS, config_map("x"), headers).code == 403
