"""The signers that a cluster has itself, and what each of them signs. Pure.

The rules of `pkg/apis/certificates/helpers.go`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LEGACY = "kubernetes.io/legacy-unknown"
OWN = (CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY)

LONGEST = timedelta(days=365)
"""What is signed lasts no longer (`--cluster-signing-duration`)."""
SHORTEST = timedelta(minutes=10)
_NODES = "system:nodes"
_NODE = "system:node:"
_KEY_USES = {"digital signature", "key encipherment"}


@dataclass(frozen=True, slots=True)
class Requested:
    """What a PKCS#10 request says: whose it is to be, and by which names."""

    common_name: str
    organizations: Sequence[str] = ()
    dns: Sequence[str] = ()
    addresses: Sequence[str] = ()
    others: Sequence[str] = ()
    """E-mail addresses and URIs."""


class Authority(Protocol):
    """The cluster's certificate authority."""

    @property
    def root(self) -> str:
        """Its certificate, PEM."""
        ...

    def read(self, request: str) -> Requested:
        """`spec.request` as it stands in the object. Raises ValueError for what is no request."""
        ...

    def sign(self, request: str, usages: Sequence[str], lasts: timedelta, now: datetime) -> str:
        """The certificate, as `status.certificate` has it."""
        ...


def refusal(signer: str, requested: Requested, usages: Collection[str]) -> str:
    """Why a signer does not sign this; empty where it does."""
    match signer:
        case "kubernetes.io/kube-apiserver-client":
            return _client_refusal(usages)
        case "kubernetes.io/kube-apiserver-client-kubelet":
            return _kubelet_refusal(requested, usages, "client auth", serves=False)
        case "kubernetes.io/kubelet-serving":
            return _kubelet_refusal(requested, usages, "server auth", serves=True)
    return ""


def _client_refusal(usages: Collection[str]) -> str:
    for usage in usages:
        if usage not in (*_KEY_USES, "client auth"):
            return f"invalid usage for client certificate: {usage}"
    return "" if "client auth" in usages else "missing required usage for client certificate: client auth"


def _kubelet_refusal(requested: Requested, usages: Collection[str], use: str, *, serves: bool) -> str:
    if list(requested.organizations) != [_NODES]:
        return f"subject organization is not {_NODES}"
    if serves and not (requested.dns or requested.addresses):
        return "DNS or IP subjectAltName is required"
    if not serves and requested.dns:
        return "DNS subjectAltNames are not allowed"
    if not serves and requested.addresses:
        return "IP subjectAltNames are not allowed"
    if requested.others:
        return "Email and URI subjectAltNames are not allowed"
    if not requested.common_name.startswith(_NODE):
        return f"subject common name does not begin with {_NODE}"
    wanted = {"digital signature", use}
    if set(usages) not in (wanted, wanted | {"key encipherment"}):
        return f"usages did not match {sorted(wanted)}"
    return ""


def lasts(seconds: int | None) -> timedelta:
    """For how long a certificate is signed that was asked for so many seconds."""
    if seconds is None:
        return LONGEST
    return max(SHORTEST, min(timedelta(seconds=seconds), LONGEST))
