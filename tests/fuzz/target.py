"""A served cluster under fire: sends requests, and tells what was the cluster's own fault.

A fault is an answer from 500 on that a real API server would not have given, or anything that was logged with
a traceback, by whoever: the server, a controller, asyncio.
"""

from __future__ import annotations

import http.client
import json
import logging
import re
import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from gitrel.cluster.server.bringup import served
from gitrel.cluster.spec import ClusterSpec, NodePool
from tests.cluster.server.client import Answer, Api
from tests.fuzz.requests import Operation, Sent, operations, raw, request

_SEEN_MAX = 300
EXPECTED = re.compile(
    rb"dial tcp|failed calling webhook|no service port|no endpoints available|the spec replicas field"
    rb"|Too large resource version|failed to create typed patch object|without impersonating a user"
    rb"|does not contain declared merge key"
)
"""What a real API server answers with 500, 503 or 504 itself: a kubelet or webhook that is not there, a scale
without its field, a revision of the future, fields that apply cannot place, list items without
their key, extra values of nobody."""


class Faults(logging.Handler):
    """Collects everything that is logged with a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(logging.Formatter().format(record))


class Target:
    """Sends to one cluster, and remembers objects that it gave."""

    def __init__(self, api: Api, faults: Faults) -> None:
        self.api = api
        self.faults = faults
        self.sent = 0
        self._seen: list[Any] = []
        index = api.get("/openapi/v3")["paths"].values()
        self.operations = operations([api.get(row["serverRelativeURL"]) for row in index])

    def fire(self, chance: Random, *, dry: float = 0.7) -> str | None:
        """One request; what went wrong with it, or None."""
        if chance.random() < 0.03:
            return self._fire_raw(raw(chance))
        operation = self._operation(chance)
        return self.send(request(operation, chance, self._seen, dry=dry), chance)

    def _operation(self, chance: Random) -> Operation:
        found = chance.choice(self.operations)
        # A deletion of everything is told often enough by the other half.
        while found.method == "DELETE" and "{name}" not in found.path and chance.random() < 0.9:
            found = chance.choice(self.operations)
        return found

    def send(self, sent: Sent, chance: Random | None = None) -> str | None:
        self.sent += 1
        known = len(self.faults.found)
        try:
            answer = self.api.call(sent.method, sent.path, sent.body, sent.headers)
        except http.client.InvalidURL:
            return None
        except http.client.HTTPException as broken:
            return f"{sent}\n    broke the connection: {broken!r}\n{self._logged(known)}"
        if answer.code >= 500 and not EXPECTED.search(answer.body):
            return f"{sent}\n    {answer.code} {answer.body.decode(errors='replace')}\n{self._logged(known)}"
        if len(self.faults.found) > known:
            return f"{sent}\n    {answer.code}, and logged:\n{self._logged(known)}"
        if chance is not None:
            self._remember(answer, chance)
        return None

    def _logged(self, known: int) -> str:
        return "\n".join(self.faults.found[known:])

    def _remember(self, answer: Answer, chance: Random) -> None:
        if answer.code not in (200, 201) or len(answer.body) > 50_000:
            return
        with suppress(ValueError):
            value = json.loads(answer.body)
            if isinstance(value, dict) and value.get("kind") != "Status" and "metadata" in value:
                if len(self._seen) >= _SEEN_MAX:
                    self._seen.pop(chance.randrange(_SEEN_MAX))
                self._seen.append(value)

    def _fire_raw(self, sent: bytes) -> str | None:
        self.sent += 1
        known = len(self.faults.found)
        url = self.api.url
        assert url.hostname and url.port
        with (
            suppress(OSError, ssl.SSLError),
            socket.create_connection((url.hostname, url.port), timeout=5) as plain,
            self.api.tls.wrap_socket(plain, server_hostname=url.hostname) as secured,
        ):
            secured.sendall(sent)
            secured.settimeout(0.05)
            answer = _read(secured)
            if re.match(rb"HTTP/1.1 5", answer) and not EXPECTED.search(answer):
                return f"{sent[:2000]!r}\n    {answer!r}\n{self._logged(known)}"
        return f"{sent[:2000]!r}\n{self._logged(known)}" if len(self.faults.found) > known else None


def _read(secured: ssl.SSLSocket) -> bytes:
    """As much as comes soon."""
    answer = b""
    with suppress(TimeoutError):
        while len(answer) < 4096 and (part := secured.recv(4096)):
            answer += part
    return answer


@contextmanager
def target() -> Iterator[Target]:
    """A small cluster, whose quota keeps what the controllers make of nonsense small."""
    faults = Faults()
    loggers = [logging.getLogger(name) for name in ("gitrel", "asyncio", "uvicorn.error", "uvicorn")]
    for logger in loggers:
        logger.addHandler(faults)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            served(Path(folder), ClusterSpec(nodes=(NodePool(count=2),))),
        ):
            api = Api(Path(folder) / "kubeconfig")
            hard = {"pods": "20", "count/jobs.batch": "20", "count/replicasets.apps": "40"}
            api.post(
                "/api/v1/namespaces/default/resourcequotas",
                {"metadata": {"name": "few"}, "spec": {"hard": hard}},
            )
            yield Target(api, faults)
            api.close()
    finally:
        for logger in loggers:
            logger.removeHandler(faults)
