"""The daemon's small HTTP face: is it alive, is it ready, what has it counted, and please look now.

It serves nothing that changes anything. Requests are answered in a thread of their own, so that a slow
client never holds up a pass.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gitrel.daemon.pulse import Pulse
from gitrel.daemon.webhooks import BODY_BYTES_MAX, Deliveries, delivery_of, is_signed
from gitrel.errors import UsageError
from gitrel.telemetry.metrics import CONTENT_TYPE, Metrics

START_SECONDS = 10.0


def application(pulse: Pulse, metrics: Metrics, wake: Callable[[], None], secret: bytes | None) -> Starlette:
    """`secret` None: there is no webhook, and its path is not found."""
    deliveries = Deliveries()

    async def healthz(request: Request) -> Response:
        return _answer(pulse.is_alive(), "ok", "a pass has been under way for too long")

    async def readyz(request: Request) -> Response:
        return _answer(pulse.ended is not None, pulse.told(), "no pass yet")

    async def scrape(request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    async def webhook(request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return PlainTextResponse("the request was not finished", 400)
        if body is None:
            return PlainTextResponse(f"the body is larger than {BODY_BYTES_MAX} bytes", 413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        if secret is None or not is_signed(headers, body, secret, pulse.clock.now()):
            return PlainTextResponse("the signature is missing or wrong", 401)
        if deliveries.is_new(delivery_of(headers)):
            wake()
        return PlainTextResponse("looking", 202)

    routes = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", scrape),
    ]
    if secret is not None:
        routes.append(Route("/webhook", webhook, methods=["POST"]))
    return Starlette(routes=routes)


def _answer(well: bool, yes: str, no: str) -> Response:
    return PlainTextResponse(yes if well else no, 200 if well else 503)


async def _body(request: Request) -> bytes | None:
    """The raw body, None as soon as it is too large; the length header is not believed."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_BYTES_MAX:
            return None
        parts.append(part)
    return b"".join(parts)


class Face:
    """The HTTP server in its thread. `address` is `host:port`; port 0 takes a free one."""

    def __init__(self, app: Starlette, address: str) -> None:
        host, port = parse_address(address)
        config = uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False, limit_concurrency=64,
            timeout_keep_alive=5, h11_max_incomplete_event_size=16_384, lifespan="off",
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._address = address
        self._thread = threading.Thread(target=self._run, name="gitrel-http", daemon=True)

    def __enter__(self) -> Face:
        self._thread.start()
        started = threading.Event()
        for _ in range(int(START_SECONDS / 0.02)):
            if self._server.started or not self._thread.is_alive():
                break
            started.wait(0.02)
        if not self._server.started:
            raise UsageError(f"--listen {self._address}: the address cannot be used: is it taken?")
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(START_SECONDS)

    @property
    def port(self) -> int:
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return port

    def _run(self) -> None:
        with suppress(SystemExit):  # how uvicorn says that it could not bind
            self._server.run()


def parse_address(text: str) -> tuple[str, int]:
    """`127.0.0.1:8080`, `[::1]:8080`, `:8080` (loopback). Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"--listen {text}: write it as 127.0.0.1:8080")
    return host.strip("[]") or "127.0.0.1", int(port)
