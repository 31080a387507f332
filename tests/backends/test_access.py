"""Who gitrel is in a cluster, and what a kubeconfig must not do: all without any cluster."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitrel.backends.kubernetes.access import Access, AccessOptions, resolve
from gitrel.backends.kubernetes.connection import Connection
from gitrel.backends.kubernetes.kubeconfig import NoAccess
from gitrel.clock import VirtualClock
from gitrel.errors import Unreachable
from gitrel.kube.impersonation import Impersonation

START = datetime(2026, 1, 1, tzinfo=UTC)


def kubeconfig(
    folder: Path, name: str = "config", *, user: str = "{token: t0ps3cret}", cluster: str = ""
) -> Path:
    """One context, called as the file is."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"apiVersion: v1\nkind: Config\n"
        f"clusters: [{{name: {name}, cluster: {{server: 'https://{name}.example.com'{cluster}}}}}]\n"
        f"users: [{{name: {name}, user: {user}}}]\n"
        f"contexts: [{{name: {name}, context: {{cluster: {name}, user: {name}}}}}]\n",
        encoding="utf-8",
    )
    return path


def plugin(folder: Path, body: str) -> str:
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return "{exec: {command: ./plugin, apiVersion: client.authentication.k8s.io/v1}}"


def resolved(path: Path, context: str = "config", **options: Any) -> Access:
    return resolve(context, AccessOptions(kubeconfig=str(path), **options))


def headers(access: Access) -> dict[str, str]:
    connection = Connection(access)
    return dict(connection.headers(connection.credential()))


def test_several_files_are_merged_and_the_first_one_wins(tmp_path: Path) -> None:
    """As kubectl: `one` is taken from the first file that has it, `two` from the second."""
    first = kubeconfig(tmp_path / "a", "one", user="{token: first}")
    again = kubeconfig(tmp_path / "b", "one", user="{token: second}")
    other = kubeconfig(tmp_path, "two", user="{token: third}")
    listed = os.pathsep.join(map(str, (tmp_path / "missing", first, again, other)))
    assert headers(resolve("one", environ={"KUBECONFIG": listed}))["Authorization"] == "Bearer first"
    assert headers(resolve("two", environ={"KUBECONFIG": listed}))["Authorization"] == "Bearer third"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no kubeconfig"),
        ("", "there is no context 'config' in"),
        ("[1, 2]", "this is no kubeconfig"),
        ("a: [unclosed s3cret", ":1:"),
        ("contexts: {a: 1}", "contexts is not a list"),
        ("contexts: [{name: east, context: {}}]", r"\(have: east\)"),
        ("contexts: [{name: config, context: {cluster: gone}}]", "its cluster is not there"),
    ],
)
def test_a_kubeconfig_of_no_use_is_told_with_what_was_looked_at(
    tmp_path: Path, content: str | None, says: str
) -> None:
    """Missing, empty, invalid, without the context: the path, the known contexts, and no content."""
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(NoAccess, match=says) as error:
        resolved(path)
    assert str(path) in str(error.value)
    assert "s3cret" not in str(error.value)


def test_a_kubeconfig_in_the_repository_is_not_used(tmp_path: Path) -> None:
    """Who may change the repository could run commands otherwise; a link to it does not help either."""
    repository = tmp_path / "repository"
    inside = kubeconfig(repository, "config")
    link = tmp_path / "link"
    link.symlink_to(inside)
    for path in (inside, link):
        with pytest.raises(NoAccess, match="inside the config repository"):
            resolved(path, repository=repository)


@pytest.mark.parametrize(
    ("patterns", "environment", "allowed"),
    [
        ((), "eastus", True),
        (("conf*",), "eastus", True),
        (("other",), "eastus", False),
        (("east*=config",), "eastus", True),
        (("west*=config",), "eastus", False),
        (("west*=config", "*=config"), "eastus", True),
    ],
)
def test_the_operator_says_which_contexts_may_be_named(
    tmp_path: Path, patterns: tuple[str, ...], environment: str, allowed: bool
) -> None:
    """A pattern may be for some environments only; none at all allows every context."""
    options = AccessOptions(kubeconfig=str(kubeconfig(tmp_path)), contexts=patterns)
    if allowed:
        resolve("config", options, environment=environment)
        return
    with pytest.raises(NoAccess, match=f"environment {environment}: the context 'config' is not one"):
        resolve("config", options, environment=environment)


def test_certificates_are_checked_unless_the_operator_says_otherwise(tmp_path: Path) -> None:
    """For a kubeconfig that switches the check off, and for a server without TLS that is not on loopback."""
    careless = kubeconfig(tmp_path, cluster=", insecure-skip-tls-verify: true")
    with pytest.raises(NoAccess, match="insecure-skip-tls-verify"):
        resolved(careless)
    assert resolved(careless, insecure=True).endpoint.verify is False
    text = careless.read_text(encoding="utf-8").replace("https://config.example.com", "http://10.0.0.1")
    careless.write_text(text.replace(", insecure-skip-tls-verify: true", ""), encoding="utf-8")
    with pytest.raises(NoAccess, match="has no TLS"):
        resolved(careless)


def test_acting_as_somebody_else_is_sent_as_headers(tmp_path: Path) -> None:
    """Each group in a line of its own, beside the token."""
    somebody = Impersonation("deployer", "u-1", ("one", "two"))
    access = resolve("config", AccessOptions(kubeconfig=str(kubeconfig(tmp_path))), act_as=somebody)
    connection = Connection(access)
    assert connection.headers(connection.credential()) == [
        ("Authorization", "Bearer t0ps3cret"),
        ("Impersonate-User", "deployer"),
        ("Impersonate-Uid", "u-1"),
        ("Impersonate-Group", "one"),
        ("Impersonate-Group", "two"),
    ]


def test_the_operator_says_whom_to_act_as(tmp_path: Path) -> None:
    """The flag wins over the kubeconfig's own `as`, and no environment takes it back."""
    path = kubeconfig(tmp_path, user="{token: t, as: narrow, as-groups: [few]}")
    assert resolved(path).act_as == Impersonation("narrow", groups=("few",))
    flagged = AccessOptions(kubeconfig=str(path), act_as=Impersonation("narrower"))
    assert resolve("config", flagged).act_as == Impersonation("narrower")
    with pytest.raises(NoAccess, match="wants to act as admin"):
        resolve("config", flagged, act_as=Impersonation("admin"))


def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    """After a minute, because it is renewed on disk; and at once when the server refuses it."""
    token, clock = tmp_path / "token", VirtualClock(START)
    token.write_text("first\n", encoding="utf-8")
    path = kubeconfig(tmp_path, user="{tokenFile: token}")
    connection = Connection(resolve("config", AccessOptions(kubeconfig=str(path)), clock=clock))
    assert connection.credential().authorization == "Bearer first"
    token.write_text("second", encoding="utf-8")
    assert connection.credential().authorization == "Bearer first"
    clock.advance(timedelta(minutes=1))
    assert connection.credential().authorization == "Bearer second"
    token.write_text("third", encoding="utf-8")
    connection.refused(connection.credential())
    assert connection.credential().authorization == "Bearer third"


def test_a_plugin_is_run_until_what_it_gave_expires(tmp_path: Path) -> None:
    """Once for many requests; again a minute before its expiry. What it gives is learnt as a secret."""
    clock, learnt = VirtualClock(START), list[str]()
    user = plugin(
        tmp_path,
        'echo x >> "$(dirname "$0")/runs"; n=$(wc -l < "$(dirname "$0")/runs")\n'
        'echo \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":'
        '{"token":"run\'$n\'","expirationTimestamp":"2026-01-01T01:00:00Z"}}\'',
    )
    options = AccessOptions(kubeconfig=str(kubeconfig(tmp_path, user=user)), learn=learnt.append)
    connection = Connection(resolve("config", options, clock=clock))
    assert connection.credential().authorization == "Bearer run1"
    clock.advance(timedelta(minutes=58))
    assert connection.credential().authorization == "Bearer run1"
    clock.advance(timedelta(minutes=1))
    assert connection.credential().authorization == "Bearer run2"
    assert learnt == ["run1", "run2"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("echo s3cret >&2; exit 3", "failed with code 3"),
        ("echo s3cret", "printed no ExecCredential"),
        ('echo \'{"apiVersion":"client.authentication.k8s.io/v1","status":{}}\'', "neither a token nor"),
        ('echo \'{"apiVersion":"other/v1","status":{"token":"s3cret"}}\'', "speaks other/v1"),
    ],
)
def test_a_plugin_that_fails_is_told_without_its_output(tmp_path: Path, body: str, says: str) -> None:
    """It is never taken for an anonymous request, and what it printed may be secret."""
    path = kubeconfig(tmp_path, user=plugin(tmp_path, body))
    connection = Connection(resolved(path))
    with pytest.raises(Unreachable, match=says) as error:
        connection.credential()
    assert "s3cret" not in str(error.value)


def test_what_is_no_more_supported_says_so(tmp_path: Path) -> None:
    """Auth providers left kubectl with Kubernetes 1.26."""
    with pytest.raises(NoAccess, match="auth-provider is not supported"):
        resolved(kubeconfig(tmp_path, user="{auth-provider: {name: gcp}}"))


def test_in_a_pod_it_is_the_service_account(tmp_path: Path) -> None:
    """Its server, authority and token are where Kubernetes puts them; elsewhere it says so."""
    with pytest.raises(NoAccess, match="must run in a pod"):
        resolve("in-cluster", AccessOptions(service_account=tmp_path), environ={})
    (tmp_path / "token").write_text("account", encoding="utf-8")
    (tmp_path / "ca.crt").write_text("authority", encoding="utf-8")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    access = resolve("in-cluster", AccessOptions(service_account=tmp_path), environ=environ)
    assert access.endpoint.server == "https://[fd00::1]:443"
    assert headers(access)["Authorization"] == "Bearer account"


def test_proxies_are_taken_from_the_kubeconfig_and_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """proxy-url wins and is for this cluster, whatever NO_PROXY says; else HTTPS_PROXY and NO_PROXY count."""
    monkeypatch.setenv("HTTPS_PROXY", "http://everybody:1")
    monkeypatch.setenv("NO_PROXY", "config.example.com")

    def proxy(path: Path, context: str) -> str:
        connection = Connection(resolved(path, context))
        pool = connection.pool(connection.credential())
        found = getattr(pool, "proxy", None)
        return found.url if found else ""

    assert (
        proxy(kubeconfig(tmp_path, "config", cluster=", proxy-url: 'http://own:2'"), "config")
        == "http://own:2"
    )
    assert proxy(kubeconfig(tmp_path, "config"), "config") == ""
    assert proxy(kubeconfig(tmp_path, "other"), "other") == "http://everybody:1"
