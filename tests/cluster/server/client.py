"""A plain HTTPS client for tests: one connection, JSON in and out, nothing hidden."""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
import tempfile
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import yaml

TIMEOUT_SECONDS = 60
"""Long: what a busy machine is slow at is no fault."""


@dataclass(frozen=True)
class Answer:
    code: int
    headers: Mapping[str, str]
    body: bytes
    warnings: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def said(self) -> tuple[int, str, str]:
        """Code, reason and message of a Status."""
        status = self.json
        return status["code"], status["reason"], status["message"]


class Api:
    """As the administrator of a kubeconfig; with a `token` instead, or as `nobody`."""

    def __init__(self, kubeconfig: Path, token: str = "", *, nobody: bool = False) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.url = urlsplit(cluster["server"])
        self.authority = b64decode(cluster["certificate-authority-data"]).decode()
        self.tls = ssl.create_default_context(cadata=self.authority)
        self.headers = {"User-Agent": "tests/1.0", "Accept": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        elif not nobody:
            self._show_certificate(user)
        self._connection: http.client.HTTPSConnection | None = None

    def _show_certificate(self, user: Mapping[str, str]) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
            file.flush()
            self.tls.load_cert_chain(file.name)

    def connect(self) -> http.client.HTTPSConnection:
        assert self.url.hostname
        return http.client.HTTPSConnection(
            self.url.hostname, self.url.port, context=self.tls, timeout=TIMEOUT_SECONDS
        )

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        more = {"Content-Type": "application/json"} if sent is not None else {}
        connection = self._connection = self._connection or self.connect()
        try:
            connection.request(method, path, sent, {**self.headers, **more, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        if answer.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        told = tuple(answer.headers.get_all("Warning") or ())
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, lower, content, told)

    def get(self, path: str, **headers: str) -> Any:
        answer = self.call("GET", path, headers=headers)
        assert answer.code == 200, answer.body
        return answer.json

    def post(self, path: str, body: Any) -> Any:
        answer = self.call("POST", path, body)
        assert answer.code == 201, answer.body
        return answer.json

    def until(self, path: str, holds: Callable[[Answer], bool]) -> Answer:
        """Asks again until it holds: what follows from a write is played soon after its answer."""
        end = monotonic() + TIMEOUT_SECONDS
        while not holds(answer := self.call("GET", path)):
            assert monotonic() < end, f"{path} never came: {answer.body!r}"
        return answer

    @contextmanager
    def watch(self, path: str, **headers: str) -> Iterator[Iterator[Any]]:
        """The events of a watch as they come; reading on waits for the next."""
        with closing(self.connect()) as connection:
            connection.request("GET", path, headers={**self.headers, **headers})
            with connection.getresponse() as answer:
                assert answer.status == 200, answer.read()
                yield (json.loads(line) for line in answer)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "nginx"}]},
    }


CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
