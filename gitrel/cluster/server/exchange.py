"""One request and its answer, over ASGI: what was sent, within limits, and how answers go out."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import yaml
from starlette.types import Receive, Scope, Send

from gitrel.cluster.api.errors import ApiError
from gitrel.cluster.server.bodies import BODY_BYTES_MAX, too_large
from gitrel.cluster.server.negotiation import CONTENT_TYPES, Media

GZIP_BYTES_MIN = 128 * 1024
"""Answers from here on are compressed for clients that ask for it, as the API server has it."""
_THREAD_BYTES_MIN = 1024 * 1024
_CHUNK_BYTES = 512 * 1024
_BODY_SECONDS_MAX = 60.0

Headers = list[tuple[bytes, bytes]]
_ALWAYS: Headers = [(b"cache-control", b"no-cache, private")]


class Disconnected(Exception):
    """The client went away before it had sent all of its request."""


class Exchange:
    """Reads the request; then sends one answer, or a stream of lines."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        self.query: bytes = scope["query_string"]
        self.certificate: Mapping[str, Any] | None = scope.get("peer_certificate")
        self.raw_headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        self.headers: dict[bytes, bytes] = {}
        for name, value in self.raw_headers:
            known = self.headers.get(name)
            self.headers[name] = value if known is None else known + b"," + value
        self.warnings: list[str] = []
        self.code = 0
        """Of the answer, once it is on its way."""
        self._receive = receive
        self._send = send

    @property
    def started(self) -> bool:
        return self.code > 0

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    async def body(self) -> bytes:
        """All of it. Raises ApiError 413 or 408, Disconnected."""
        declared = self.header(b"content-length")
        if declared.isdecimal() and int(declared) > BODY_BYTES_MAX:
            raise too_large()
        try:
            async with asyncio.timeout(_BODY_SECONDS_MAX):
                return await self._whole_body()
        except TimeoutError:
            raise ApiError(408, "Timeout", "the request was not sent in time") from None

    async def _whole_body(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            whole: bytes = message.get("body", b"")
            if len(whole) > BODY_BYTES_MAX:
                raise too_large()
            return whole
        parts, size = [], 0
        while True:
            if message["type"] == "http.disconnect":
                raise Disconnected
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > BODY_BYTES_MAX:
                raise too_large()
            if not message.get("more_body"):
                return b"".join(parts)
            message = await self._receive()

    # --- answering ----------------------------------------------------------------------------------------

    async def answer(
        self,
        code: int,
        value: Any,
        media: Media = "json",
        *,
        pretty: bool = False,
        more: Headers | None = None,
    ) -> None:
        """A value as JSON or YAML."""
        payload = encoded(value, media, pretty=pretty)
        await self.send(code, payload, CONTENT_TYPES[media], more)

    async def text(self, code: int, text: str) -> None:
        await self.send(code, text.encode(), b"text/plain; charset=utf-8")

    async def send(self, code: int, payload: bytes, content_type: bytes, more: Headers | None = None) -> None:
        headers = [*_ALWAYS, (b"content-type", content_type), *(more or ())]
        headers += [(b"warning", warning(text)) for text in dict.fromkeys(self.warnings)]
        if len(payload) >= GZIP_BYTES_MIN and b"gzip" in self.headers.get(b"accept-encoding", b""):
            payload = await _gzipped(payload)
            headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
        headers.append((b"content-length", str(len(payload)).encode()))
        self.code = code
        await self._send({"type": "http.response.start", "status": code, "headers": headers})
        if len(payload) <= _CHUNK_BYTES:
            await self._send({"type": "http.response.body", "body": payload})
            return
        view = memoryview(payload)
        for start in range(0, len(payload), _CHUNK_BYTES):
            part = bytes(view[start : start + _CHUNK_BYTES])
            more_body = start + _CHUNK_BYTES < len(payload)
            await self._send({"type": "http.response.body", "body": part, "more_body": more_body})

    async def unchanged(self, headers: Headers) -> None:
        """304: a cache has it already. Without a content type, which would replace the one it remembers."""
        self.code = 304
        await self._send({"type": "http.response.start", "status": 304, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})

    async def begin_stream(self) -> None:
        """The head of a watch, at once: clients wait for it before they wait for events."""
        headers = [*_ALWAYS, (b"content-type", b"application/json")]
        headers += [(b"warning", warning(text)) for text in self.warnings]
        self.code = 200
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def stream(self, lines: bytes) -> None:
        """Waits while the client does not read; its buffer is all that is held for it."""
        await self._send({"type": "http.response.body", "body": lines, "more_body": True})

    async def end_stream(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def gone(self) -> None:
        """Returns when the client has hung up."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def encoded(value: Any, media: Media = "json", *, pretty: bool = False) -> bytes:
    if media == "yaml":
        plain = orjson.loads(orjson.dumps(value))
        text: str = yaml.dump(plain, Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True)
        return text.encode()
    if pretty:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"
    return orjson.dumps(value)


async def _gzipped(payload: bytes) -> bytes:
    if len(payload) < _THREAD_BYTES_MIN:
        return _gzip(payload)
    # zlib works without the interpreter's lock, so others are served meanwhile.
    return await asyncio.to_thread(_gzip, payload)


def _gzip(payload: bytes) -> bytes:
    packer = zlib.compressobj(level=1, wbits=31)
    return packer.compress(payload) + packer.flush()


def warning(text: str) -> bytes:
    """A `Warning` header's value: code 299, no agent, the text in quotes."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    quoted = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'.encode()


def joined(lines: Sequence[bytes]) -> bytes:
    return lines[0] if len(lines) == 1 else b"".join(lines)
