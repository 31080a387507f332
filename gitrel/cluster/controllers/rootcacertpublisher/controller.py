"""Keeps the ConfigMap `kube-root-ca.crt` in every namespace.

`pkg/controller/certificates/rootcacertpublisher`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitrel.cluster.controllers.controller import Change, Context, Key, Reader
from gitrel.kube.identity import Object

NAME = "kube-root-ca.crt"
_DESCRIPTION = "kubernetes.io/description"
_DESCRIBED = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as"
    " the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of"
    " Kubernetes clusters."
)


def _namespace_itself(change: Change, read: Reader) -> Iterable[Key]:
    if change.type != "DELETED":
        yield Key("", change.new["metadata"]["name"])


def _namespace_of(change: Change, read: Reader) -> Iterable[Key]:
    metadata = change.new["metadata"]
    if metadata["name"] == NAME:
        yield Key("", metadata["namespace"])


class RootCertificatePublisher:
    name = "root-ca-certificate-publisher"
    watches: Mapping[str, Callable[[Change, Reader], Iterable[Key]]] = {
        "namespaces": _namespace_itself,
        "configmaps": _namespace_of,
    }

    def __init__(self, root: str) -> None:
        """`root`: the certificate authority's certificate, PEM."""
        self._data = {"ca.crt": root}

    def reconcile(self, key: Key, context: Context) -> None:
        namespace = context.read.get("namespaces", "", key.name)
        if namespace is None or namespace["metadata"].get("deletionTimestamp"):
            return
        there = context.read.get("configmaps", key.name, NAME)
        if there is None:
            metadata: Object = {"name": NAME, "namespace": key.name}
            metadata["annotations"] = {_DESCRIPTION: _DESCRIBED}
            context.write.create("configmaps", {"metadata": metadata, "data": self._data})
        elif there.get("data") != self._data:
            # Somebody changed it, or the server was given another authority.
            context.write.update("configmaps", {**there, "data": self._data})
