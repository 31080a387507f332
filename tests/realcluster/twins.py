"""A real API server and the bundled one, asked the same over HTTPS: what both answer, made comparable."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from gitrel.cluster.server.bringup import served
from gitrel.cluster.spec import ClusterSpec
from tests.realcluster.plane import Plane

TOKEN = "twins"
JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_OWN = ("uid", "resourceVersion", "creationTimestamp", "selfLink")


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is an object or a Status."""

    code: int
    body: Any
    warnings: tuple[str, ...]


class Server:
    """One of the two, as its administrator, over one connection."""

    def __init__(self, url: str, token: str) -> None:
        place = urlsplit(url)
        assert place.hostname
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._connection = http.client.HTTPSConnection(
            place.hostname, place.port, context=context, timeout=30
        )
        self._headers = {"Authorization": f"Bearer {token}", "Accept": JSON}

    def call(self, method: str, path: str, body: Any = None, media: str = JSON, **query: str) -> Answer:
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        target = f"{path}?{urlencode(query)}" if query else path
        self._connection.request(method, target, sent, {**self._headers, "Content-Type": media})
        answer = self._connection.getresponse()
        warnings = tuple(answer.headers.get_all("Warning") or ())
        return Answer(answer.status, json.loads(answer.read()), warnings)

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Twins:
    """Both have the namespace `namespace`, which is fresh."""

    real: Server
    bundled: Server
    namespace: str

    def call(
        self, method: str, path: str, body: Any = None, media: str = JSON, **query: str
    ) -> tuple[Answer, Answer]:
        """What the real server answers, and what the bundled one does."""
        return (
            self.real.call(method, path, body, media, **query),
            self.bundled.call(method, path, body, media, **query),
        )

    def make(self, path: str, body: Mapping[str, Any]) -> None:
        """Creates it on both, which must work."""
        for answer in self.call("POST", path, body):
            assert answer.code == 201, answer.body


@contextmanager
def twins(plane: Plane, namespace: str, folder: Path, spec: ClusterSpec | None = None) -> Iterator[Twins]:
    """The bundled one has no scheduler and no kubelets, unless a spec says so. `namespace` is there on the
    real one.
    """
    bare = ClusterSpec(nodes=(), without=("scheduler", "kubelet"))
    with served(folder, spec or bare, tokens=(f"{TOKEN},admin,admin,system:masters",)):
        config = yaml.safe_load((folder / "kubeconfig").read_text(encoding="utf-8"))
        own = config["clusters"][0]["cluster"]["server"]
        both = Twins(Server(plane.server, plane.token), Server(own, TOKEN), namespace)
        metadata = {"name": namespace}
        both.bundled.call(
            "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        )
        try:
            yield both
        finally:
            both.real.close()
            both.bundled.close()


def comparable(answer: Answer, *, owners: bool = True) -> Any:
    """Without what differs between any two servers: identity, revisions, instants."""
    body = answer.body
    if answer.code >= 400:
        details = body.get("details") or {}
        # Kubernetes validates metadata twice, and tells of it twice.
        causes = sorted(
            {
                (cause.get("reason", ""), cause.get("field", ""), _TIME.sub("TIME", cause.get("message", "")))
                for cause in details.get("causes") or ()
            }
        )
        return answer.code, body.get("reason", ""), _TIME.sub("TIME", body["message"]), causes
    metadata = {key: value for key, value in body["metadata"].items() if key not in _OWN}
    rows = [{key: v for key, v in row.items() if key != "time"} for row in metadata.pop("managedFields", ())]
    # Sorted by seconds in Kubernetes, then by name: the order of what one second holds says nothing.
    rows.sort(key=lambda row: json.dumps(row, sort_keys=True))
    return answer.code, {**body, "metadata": metadata}, rows if owners else []
