"""One request to an API server: a deadline, the retries that are safe, and errors with the cluster's name.

Every request that gitrel makes may be repeated: reads, server-side apply, deletes of one UID. So a lost
answer, a busy server and a renewed token are all met by asking again, within a budget.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from gitrel.backends.kubernetes.connection import Connection
from gitrel.backends.kubernetes.skew import Skew
from gitrel.clock import SystemClock
from gitrel.errors import Unreachable

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

JSON = "application/json"
BUSY = frozenset((429, 500, 502, 503, 504))
SCHEMA_MISMATCH = "failed to create typed patch object"
SHOWN = 200
"""Characters of an answer that is no Kubernetes Status, as a proxy's error page is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. `total` bounds one request with all its retries."""

    connect: float = 5.0
    read: float = 30.0
    total: float = 60.0
    backoff_first: float = 0.25
    backoff_max: float = 8.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any

    @property
    def is_good(self) -> bool:
        return self.status < 400


class Requests:
    """`name` is how the cluster is called in messages. `sleep` and `jitter` are for tests to replace."""

    def __init__(
        self,
        connection: Connection,
        name: str,
        *,
        limits: Limits | None = None,
        sleep: Callable[[float], object] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._connection = connection
        self._name = name
        self._limits = limits or Limits()
        self._closing = threading.Event()
        self._sleep = sleep or self._closing.wait
        self._jitter = jitter
        self._clock = SystemClock()
        self.skew = Skew()
        self.count = 0

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        *,
        accept: str = JSON,
    ) -> Answer:
        """The answer, good or bad. Raises Unreachable when there was none in time, or only busy ones."""
        url = self._url(path, query)
        data = None if body is None else orjson.dumps(body)
        end, attempt, renewed = time.monotonic() + self._limits.total, 0, False
        spent = 0.0
        while True:
            answer, wait, problem = self._once(method, url, data, content_type, accept)
            if answer is not None and answer.status == HTTPStatus.UNAUTHORIZED and not renewed:
                renewed = True  # the credential was given up, and the next request asks for a new one
                continue
            if answer is not None and not _is_busy(answer):
                return answer
            if wait is None:
                wait = min(self._limits.backoff_first * 2**attempt, self._limits.backoff_max)
                wait *= 0.5 + self._jitter() / 2
            attempt, spent = attempt + 1, spent + wait
            if spent > self._limits.total or time.monotonic() + wait > end or self._closing.is_set():
                raise Unreachable(f"cluster {self._name}: {problem}")
            self._sleep(wait)

    def stream(self, path: str, query: Mapping[str, str], silence_seconds: float) -> BaseHTTPResponse:
        """One attempt at an answer that is read as it comes; whoever calls closes it.

        Raises Unreachable where there is none, and where nothing comes for `silence_seconds`.
        """
        from urllib3.exceptions import HTTPError

        try:
            return self._request("GET", self._url(path, query), None, "", JSON, silence_seconds, whole=False)
        except HTTPError as error:
            raise Unreachable(f"cluster {self._name}: {problem_of(error)}") from None

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        return self._connection.server + path + (f"?{urlencode(query)}" if query else "")

    def _once(
        self, method: str, url: str, data: bytes | None, content_type: str, accept: str
    ) -> tuple[Answer | None, float | None, str]:
        """(the answer, how long it asked to wait, what is wrong in words)."""
        from urllib3.exceptions import HTTPError

        try:
            response = self._request(method, url, data, content_type, accept, self._limits.read)
        except HTTPError as error:
            return None, None, problem_of(error)
        answer = Answer(response.status, _json(response.data))
        return answer, retry_after(response.headers.get("Retry-After", "")), _busy(answer, response.data)

    def _request(
        self,
        method: str,
        url: str,
        data: bytes | None,
        content_type: str,
        accept: str,
        read: float,
        *,
        whole: bool = True,
    ) -> BaseHTTPResponse:
        """One request. A credential that is refused is given up."""
        from urllib3 import HTTPHeaderDict, Timeout

        if self._closing.is_set():
            raise Unreachable(f"cluster {self._name}: gitrel is leaving")
        credential = self._connection.credential()
        # A name may come several times: each group that is impersonated has a line of its own.
        headers = HTTPHeaderDict({"Accept": accept, "User-Agent": "gitrel"})
        for name, value in self._connection.headers(credential):
            headers.add(name, value)
        if data is not None:
            headers["Content-Type"] = content_type
        timeout = Timeout(connect=self._limits.connect, read=read)
        self.count += 1
        sent = self._clock.now()
        response = self._connection.pool(credential).request(
            method,
            url,
            body=data,
            headers=headers,
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=whole,
        )
        self.skew.learn(response.headers.get("Date", ""), sent, self._clock.now())
        if response.status == HTTPStatus.UNAUTHORIZED:
            self._connection.refused(credential)
        return response

    def close(self) -> None:
        """What is under way ends with Unreachable, and nothing is asked any more."""
        self._closing.set()
        self._connection.close()


def _is_busy(answer: Answer) -> bool:
    """Whether asking again may help. A server-side apply with a field that the schema does not have is
    answered with 500 (Kubernetes 1.36), and stays so."""
    if answer.status not in BUSY:
        return False
    message = answer.body.get("message", "") if isinstance(answer.body, dict) else ""
    return not str(message).startswith(SCHEMA_MISMATCH)


def problem_of(error: Exception) -> str:
    """What went wrong on the way, one text for each kind; nothing of the request is quoted."""
    from urllib3 import exceptions as wire

    kinds: tuple[tuple[type[Exception], str], ...] = (
        (wire.NameResolutionError, "its name cannot be resolved"),
        (wire.NewConnectionError, "the connection was refused"),
        (wire.ConnectTimeoutError, "no connection in time"),
        (wire.ReadTimeoutError, "no answer in time"),
        (wire.SSLError, "TLS failed: check the certificate authority in the kubeconfig"),
        (wire.ProxyError, "the proxy does not answer"),
        (wire.ProtocolError, "the connection broke"),
    )
    return next(
        (text for kind, text in kinds if isinstance(error, kind)), f"it failed: {type(error).__name__}"
    )


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def retry_after(text: str) -> float | None:
    """Seconds, exactly as asked; dates are not used by API servers."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _busy(answer: Answer, data: bytes) -> str:
    """The answer's status with its own words, or the first of them where it is no Status."""
    if isinstance(answer.body, dict):
        return f"it answers {answer.status}: {answer.body.get('message', '')}"
    text = data[: 4 * SHOWN].decode("utf-8", "replace")
    visible = "".join(
        char if char.isprintable() else " " for char in text
    )  # a terminal would obey the others
    return f"it answers {answer.status}: {' '.join(visible.split())[:SHOWN]}"
