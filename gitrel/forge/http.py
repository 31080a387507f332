"""One request to a forge's API, and its answer: JSON both ways, a deadline, a limit, and no detours.

The token goes to the API's exact origin (scheme, host and port) and nowhere else: a redirect is refused,
not followed, since everything that is asked here has one right address. Nothing the other side sends is
trusted: not its length, not its text.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from gitrel import __version__
from gitrel.errors import Unreachable, UsageError
from gitrel.repo.edit import one_line
from gitrel.repo.git.access import LOOPBACK
from gitrel.repo.git.scrub import scrub

ANSWER_BYTES_MAX = 4 * 2**20
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`document` is None where the answer was no JSON."""

    status: int
    document: Any

    @property
    def said(self) -> str:
        """The reasons that the forge gave, as one harmless line."""
        return one_line("; ".join(_reasons(self.document)), 500) or "it gave no reason"


@dataclass(frozen=True, slots=True)
class Api:
    """The root of a forge's API, such as `https://api.github.com`, and the headers that log in to it."""

    root: str
    headers: Mapping[str, str] = field(repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS

    def __post_init__(self) -> None:
        parts = urlsplit(self.root)
        local = parts.scheme == "http" and parts.hostname in LOOPBACK
        if (parts.scheme != "https" and not local) or not parts.hostname:
            raise UsageError(f"{scrub(self.root)}: a forge's API is reached by https")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise UsageError(f"{scrub(self.root)}: an API's URL holds no login, no '?' and no '#'")

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Raises Unreachable for no answer, a refused login, a redirect, and a forge that is unwell."""
        url = self.root.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - checked above
        request.add_header("User-Agent", f"gitrel/{__version__}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in self.headers.items():
            request.add_unredirected_header(name, value)
        try:
            with self._opener().open(request, timeout=self.timeout_seconds) as answer:
                status, text = answer.status, answer.read(ANSWER_BYTES_MAX + 1)
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read(ANSWER_BYTES_MAX + 1)
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(f"{self._host}: no answer: {_reason(error)}") from None
        return self._weighed(Answer(status, _parsed(text)))

    def _weighed(self, answer: Answer) -> Answer:
        """The answer, unless it says that nothing more can be asked."""
        status = answer.status
        if 300 <= status < 400:
            raise Unreachable(
                f"{self._host} points elsewhere ({status}), and a token is not carried there: "
                "give the address itself with --forge-url, or correct the remote"
            )
        if status == 401:
            raise Unreachable(f"{self._host} refuses the token: renew it ({answer.said})")
        if status in (403, 429):
            raise Unreachable(
                f"{self._host} does not let this token do that, or not now: give it the right to write pull "
                f"requests and contents ({answer.said})"
            )
        if status >= 500:
            raise Unreachable(f"{self._host} is unwell ({status}): try again later")
        return answer

    @property
    def _host(self) -> str:
        return urlsplit(self.root).netloc

    def _opener(self) -> urllib.request.OpenerDirector:
        """Without redirects; what stays on this machine passes no proxy."""
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if urlsplit(self.root).hostname in LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Not followed: the answer is judged as it is."""


def shown_url(text: Any) -> str:
    """A URL from an answer, if it is one that people may open; empty otherwise."""
    if not isinstance(text, str) or len(text) > 500 or not text.isascii() or not text.isprintable():
        return ""
    return text if urlsplit(text).scheme in ("https", "http") and " " not in text else ""


def _parsed(text: bytes) -> Any:
    if len(text) > ANSWER_BYTES_MAX:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _reasons(document: Any) -> list[str]:
    """GitHub has `message` and `errors[].message`, GitLab `message` (text, list or map) and `error`."""
    if not isinstance(document, Mapping):
        return []
    found: list[str] = []
    for name in ("message", "error", "error_description"):
        value = document.get(name)
        values = value if isinstance(value, list) else [value]
        found += [scrub(one if isinstance(one, str) else json.dumps(one)) for one in values if one]
    errors = document.get("errors")
    for one in errors if isinstance(errors, list) else []:
        said = one.get("message") or one.get("code") if isinstance(one, Mapping) else one
        found += [scrub(said)] if isinstance(said, str) else []
    return found[:10]


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return one_line(scrub(str(inner) or type(inner).__name__), 200)
