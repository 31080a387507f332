"""Which cluster, and with whose rights: the operator's word, of which the repository can only choose.

A repository names a context, and at most somebody with fewer rights to act as. Servers, keys, plugins and
proxies come from the operator's own kubeconfig, which must lie outside the repository; the operator may also
say which contexts a repository may name at all (lesson of Argo CD's CVE-2022-24768).
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from gitrel.backends.kubernetes import kubeconfig
from gitrel.backends.kubernetes.credentials import Credential, Credentials, material, read_file, source_of
from gitrel.backends.kubernetes.kubeconfig import Entry, NoAccess
from gitrel.clock import Clock, SystemClock
from gitrel.kube.impersonation import NOBODY, Impersonation

IN_CLUSTER = "in-cluster"
"""The name that stands for the service account of the pod that gitrel runs in."""
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def _untold(secret: str) -> None:
    """Nobody asked to be told of secrets."""


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """The operator's word on reaching clusters.

    `kubeconfig` is a path, or several as in KUBECONFIG, and wins over it. `contexts` are patterns
    (`prod-*`, `eastus=prod-east`) of what environments may name; empty: whatever the kubeconfig has.
    `act_as` is who to act as, whatever the repository says. `insecure` lets a kubeconfig switch the check of
    certificates off. No kubeconfig inside `repository` is used. `learn` is told every token.
    """

    kubeconfig: str = ""
    contexts: tuple[str, ...] = ()
    act_as: Impersonation = NOBODY
    insecure: bool = False
    repository: Path | None = None
    learn: Callable[[str], None] = _untold
    service_account: Path = SERVICE_ACCOUNT


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an API server is and how it is known. `ca` None: the system's own authorities."""

    server: str
    ca: bytes | None = None
    verify: bool = True
    server_name: str = ""
    proxy: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """All that a request needs beside its path."""

    endpoint: Endpoint
    credentials: Credentials
    act_as: Impersonation = NOBODY

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return self.act_as.headers


def resolve(
    context: str,
    options: AccessOptions | None = None,
    *,
    environment: str = "",
    act_as: Impersonation = NOBODY,
    environ: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
) -> Access:
    """The way into `context` for an environment that wants to act as `act_as`. No cluster is asked.

    Raises NoAccess with what is wrong, where, and what to do about it.
    """
    options, clock = options or AccessOptions(), clock or SystemClock()
    _allowed(context, environment, options.contexts)
    if context == IN_CLUSTER:
        endpoint, source, own = *_in_cluster(options.service_account, environ, clock), NOBODY
    else:
        files = kubeconfig.paths(options.kubeconfig, environ)
        cluster, user = kubeconfig.load(files, forbidden=options.repository).context(context)
        endpoint = _endpoint(cluster)
        source, own = source_of(user, cluster, clock, environ), _own_impersonation(user)
    if not options.insecure:
        _refuse_insecure(context, endpoint)
    who = _who(context, own, options.act_as, act_as)
    return Access(endpoint, Credentials(source, clock, options.learn), who)


def _allowed(context: str, environment: str, patterns: tuple[str, ...]) -> None:
    if not patterns:
        return
    for pattern in patterns:
        where, separator, wanted = pattern.rpartition("=")
        if (not separator or fnmatchcase(environment, where)) and fnmatchcase(context, wanted):
            return
    place = f"environment {environment}: " if environment else ""
    raise NoAccess(
        f"{place}the context {context!r} is not one that --allow-context names ({', '.join(patterns)}): "
        "name another one, or let the operator allow it"
    )


def _endpoint(cluster: Entry) -> Endpoint:
    return Endpoint(
        server=cluster.text("server").rstrip("/"),
        ca=material(cluster, "certificate-authority"),
        verify=cluster.fields.get("insecure-skip-tls-verify") is not True,
        server_name=cluster.text("tls-server-name"),
        proxy=cluster.text("proxy-url"),
    )


def _in_cluster(
    folder: Path, environ: Mapping[str, str], clock: Clock
) -> tuple[Endpoint, Callable[[], Credential]]:
    """What Kubernetes gives every pod; the token is renewed on disk."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port or not (folder / "token").is_file():
        raise NoAccess(
            f"context {IN_CLUSTER}: there is no service account here: gitrel must run in a pod for this"
        )
    shown = f"[{host}]" if ":" in host else host
    account = Entry({"tokenFile": str(folder / "token")}, folder, folder / "token")
    endpoint = Endpoint(f"https://{shown}:{port}", read_file(folder / "ca.crt", "the cluster's authority"))
    return endpoint, source_of(account, account, clock, environ)


def _own_impersonation(user: Entry) -> Impersonation:
    """What the kubeconfig's own `as` says."""
    groups, extra = user.fields.get("as-groups") or (), user.fields.get("as-user-extra") or {}
    return Impersonation(
        user=user.text("as"),
        uid=user.text("as-uid"),
        groups=tuple(map(str, groups)),
        extra=tuple((str(key), str(value)) for key, values in extra.items() for value in values or ()),
    )


def _who(context: str, own: Impersonation, operator: Impersonation, wanted: Impersonation) -> Impersonation:
    """The operator's flags win over the kubeconfig; an environment's wish counts where neither speaks."""
    said = operator if operator.user else own
    if said.user and wanted.user and wanted != said:
        raise NoAccess(
            f"context {context}: the environment wants to act as {wanted}, the operator says {said}: "
            "take impersonate out of the environment's file, or the operator's word back"
        )
    return said if said.user else wanted


def _refuse_insecure(context: str, endpoint: Endpoint) -> None:
    todo = "give its certificate authority, or say --allow-insecure-tls"
    if not endpoint.verify:
        raise NoAccess(
            f"context {context}: insecure-skip-tls-verify lets anyone answer for the server: {todo}"
        )
    parts = urlsplit(endpoint.server)
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise NoAccess(f"context {context}: its server has no TLS, and tokens would be readable: {todo}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
