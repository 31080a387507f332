"""The least client that both clusters understand: JSON over HTTPS, with what a kubeconfig says.

It adds nothing and hides nothing: an answer is a code and an object, whatever the code is.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import tempfile
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import yaml

from gitrel.kube.identity import Object

PREFIXES = {
    "clusterroles": "apis/rbac.authorization.k8s.io/v1",
    "configmaps": "api/v1",
    "controllerrevisions": "apis/apps/v1",
    "cronjobs": "apis/batch/v1",
    "daemonsets": "apis/apps/v1",
    "deployments": "apis/apps/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "events": "api/v1",
    "jobs": "apis/batch/v1",
    "leases": "apis/coordination.k8s.io/v1",
    "limitranges": "api/v1",
    "namespaces": "api/v1",
    "nodes": "api/v1",
    "persistentvolumeclaims": "api/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "pods": "api/v1",
    "priorityclasses": "apis/scheduling.k8s.io/v1",
    "replicasets": "apis/apps/v1",
    "resourcequotas": "api/v1",
    "secrets": "api/v1",
    "serviceaccounts": "api/v1",
    "services": "api/v1",
    "statefulsets": "apis/apps/v1",
}
CLUSTER_WIDE = frozenset({"clusterroles", "namespaces", "nodes", "priorityclasses"})

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def resource_of(obj: Mapping[str, Any]) -> str:
    """`Deployment` → `deployments`; only the kinds that are listed here."""
    plural = str(obj["kind"]).lower() + ("es" if obj["kind"].endswith("s") else "s")
    return plural if plural in PREFIXES else f"{plural[:-2]}ies"


def path_of(resource: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    inside = f"namespaces/{namespace}/" if namespace and resource not in CLUSTER_WIDE else ""
    end = "".join(f"/{part}" for part in (name, subresource) if part)
    return f"/{PREFIXES[resource]}/{inside}{resource}{end}"


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    body: Object

    @property
    def ok(self) -> bool:
        return self.code < 400


class Client:
    """Safe to use from several threads: each has its own connection."""

    def __init__(self, kubeconfig: Path) -> None:
        said = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = said["clusters"][0]["cluster"], said["users"][0]["user"]
        self._host = urlsplit(cluster["server"]).netloc
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token := user.get("token"):
            self._headers["Authorization"] = f"Bearer {token}"
        self._tls = _tls(kubeconfig.parent, cluster, user)
        self._own = threading.local()
        self._open: list[http.client.HTTPSConnection] = []

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        url = f"{path}?{urlencode(query)}" if query else path
        data = None if body is None else orjson.dumps(body)
        headers = {**self._headers, "Content-Type": content_type}
        try:
            return self._exchange(method, url, data, headers)
        except (http.client.HTTPException, OSError):
            # A kept connection may have been closed from the other side; nothing was answered.
            self._own.connection.close()
            self._own.connection = None
            return self._exchange(method, url, data, headers)

    def _exchange(self, method: str, url: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect(timeout=60)
        connection.request(method, url, data, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, orjson.loads(response.read() or b"{}"))

    def _connect(self, timeout: float | None) -> http.client.HTTPSConnection:
        made = http.client.HTTPSConnection(self._host, timeout=timeout, context=self._tls)
        self._open.append(made)
        return made

    def close(self) -> None:
        """Ends every connection, and with it every watch."""
        for connection in self._open:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits there
            connection.close()

    def list(self, resource: str, namespace: str = "") -> tuple[list[Object], str]:
        """The objects and the revision of the list."""
        answer = self.request("GET", path_of(resource, namespace))
        assert answer.ok, answer.body
        return answer.body["items"], answer.body["metadata"]["resourceVersion"]

    def watch(self, resource: str, since: str) -> Iterator[Mapping[str, Any]]:
        """Events as they come, until the server ends it."""
        query = urlencode({"watch": "1", "resourceVersion": since, "timeoutSeconds": 3600})
        with closing(self._connect(timeout=None)) as connection:
            connection.request("GET", f"{path_of(resource)}?{query}", None, self._headers)
            with closing(connection.getresponse()) as response:
                assert response.status == 200, response.read()
                while line := response.readline():
                    yield orjson.loads(line)


def _tls(folder: Path, cluster: Mapping[str, str], user: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if data := cluster.get("certificate-authority-data"):
        context.load_verify_locations(cadata=b64decode(data).decode())
    else:
        context.load_verify_locations(folder / cluster["certificate-authority"])
    if certificate := user.get("client-certificate-data"):
        with tempfile.NamedTemporaryFile(dir=folder) as pair:  # Python's TLS reads keys from files only
            pair.write(b64decode(certificate) + b"\n" + b64decode(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
    return context
